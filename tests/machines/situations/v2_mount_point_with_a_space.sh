# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Mountinfo escapes the space of the mount point.
#
# machine: v2

umount $cgroup
cgroup='/mnt/control groups'
mount_v2 "$cgroup"
expect_kernel '/mnt/control\040groups' awk '/cgroup2/ { print $5 }' /proc/self/mountinfo
group "$cgroup/a"
write "$cgroup/a/cpu.max" '200000 100000'
write "$cgroup/a/memory.max" 67108864
enter "$cgroup/a"
ask
expect usable 2 quota_file '/mnt/control groups/a/cpu.max'
expect limit 67108864 limit_file '/mnt/control groups/a/memory.max'
