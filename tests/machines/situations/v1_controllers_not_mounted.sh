# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The controllers are on version 1, whose mounts this process does not see.
#
# machine: v1

group $cgroup/cpu/a
group $cgroup/memory/a
write $cgroup/cpu/a/cpu.cfs_quota_us 200000
write $cgroup/memory/a/memory.limit_in_bytes 67108864
enter $cgroup/cpu/a $cgroup/memory/a
for controller in cpu cpuacct memory; do
    umount $cgroup/$controller
done
ask
expect usable 4 quota null limit null cpuset 4
