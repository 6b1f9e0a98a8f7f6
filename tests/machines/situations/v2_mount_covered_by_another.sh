# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The mount that mountinfo names first is covered by an empty file system; a second one can be read.
#
# machine: v2

group $cgroup/slice
write $cgroup/slice/cpu.max '200000 100000'
write $cgroup/slice/memory.max 67108864
enter $cgroup/slice
mount -t tmpfs tmpfs $cgroup
mount_v2 /mnt/second
ask
expect usable 2 quota_file /mnt/second/slice/cpu.max
expect limit 67108864 limit_file /mnt/second/slice/memory.max
