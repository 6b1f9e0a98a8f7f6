# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The hierarchy is mounted while the process runs: the answer is right within a second.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpu.max '200000 100000'
write $cgroup/a/memory.max 67108864
enter $cgroup/a
umount $cgroup
ask after_command mount -t cgroup2 cgroup2 $cgroup
expect usable 2 count 2 size 67108864
