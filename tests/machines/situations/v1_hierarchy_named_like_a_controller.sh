# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A hierarchy without controllers has the name cpu.
#
# machine: v1_co_mounted

mount_v1 /mnt/named none,name=cpu
mkdir -p /mnt/named/x
group $cgroup/cpu,cpuacct/a
write $cgroup/cpu/a/cpu.cfs_quota_us 200000
enter $cgroup/cpu/a /mnt/named/x
ask
expect usable 2 quota_file $cgroup/cpu,cpuacct/a/cpu.cfs_quota_us
rmdir /mnt/named/x 2>/dev/null || { enter /mnt/named; rmdir /mnt/named/x; }
