# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The first mount shows a group that was removed; the second is whole.
#
# machine: v2

mkdir $cgroup/gone /mnt/first
mount --bind $cgroup/gone /mnt/first
umount $cgroup
mount_v2 $cgroup
rmdir $cgroup/gone
group $cgroup/a
write $cgroup/a/cpu.max '200000 100000'
write $cgroup/a/memory.max 67108864
enter $cgroup/a
ask
expect usable 2 quota_file $cgroup/a/cpu.max limit_file $cgroup/a/memory.max
