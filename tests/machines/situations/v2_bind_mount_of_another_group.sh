# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Only a group that the process is not in is mounted: its limits are those of others.
#
# machine: v2

group $cgroup/own
group $cgroup/other
write $cgroup/other/cpu.max '100000 100000'
write $cgroup/other/memory.max 67108864
enter $cgroup/own
mkdir -p /mnt/other
mount --bind $cgroup/other /mnt/other
umount $cgroup
ask
expect usable 4 quota null limit null
