# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# As in a container without a cgroup namespace: only its own group is mounted.
#
# machine: v2

group $cgroup/slice/container
write $cgroup/slice/container/cpu.max '200000 100000'
write $cgroup/slice/container/memory.max 67108864
mkdir -p /mnt/own
mount --bind $cgroup/slice/container /mnt/own
umount $cgroup
enter /mnt/own
expect_kernel /slice/container awk '$5 == "/mnt/own" { print $4 }' /proc/self/mountinfo
ask
expect usable 2 quota_file /mnt/own/cpu.max
expect limit 67108864 limit_file /mnt/own/memory.max
