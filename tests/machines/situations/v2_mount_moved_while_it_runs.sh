# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The mount of the hierarchy moves while the process runs: the answer is right within a second.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpu.max '200000 100000'
write $cgroup/a/memory.max 67108864
enter $cgroup/a
mkdir -p /mnt/moved
ask after_command mount --move $cgroup /mnt/moved
expect usable 2 count 2 size 67108864
