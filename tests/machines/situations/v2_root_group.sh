# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A process in the root group, which has no files of limits.
#
# machine: v2

enter $cgroup
ask
expect usable 4 quota null online 4 cpu_factor machine limit null memory_factor machine
