# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A situation that is marked as wrong, and cannot even be set up.
#
# machine: v2
# known: for the check alone
# must say: FAIL known_and_wrong_otherwise: the machine refuses 'none' in /sys/fs/cgroup/a/cpu.max

group $cgroup/a
write $cgroup/a/cpu.max none
