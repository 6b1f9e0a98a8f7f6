# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The kernel refuses a setting: what would be tested is not there.
#
# machine: v2
# must say: FAIL refused_setting: the machine refuses 'none' in /sys/fs/cgroup/a/cpu.max

group $cgroup/a
write $cgroup/a/cpu.max none
