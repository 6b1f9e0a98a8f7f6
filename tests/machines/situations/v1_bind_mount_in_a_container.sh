# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# As Docker does it: the container sees only its own groups, and the limit is above them.
#
# machine: v1

group $cgroup/cpu/docker/id
group $cgroup/memory/docker/id
write $cgroup/cpu/docker/id/cpu.cfs_quota_us 200000
write $cgroup/memory/docker/memory.limit_in_bytes 67108864
enter $cgroup/cpu/docker/id $cgroup/memory/docker/id
mkdir -p /mnt/cpu /mnt/memory
mount --bind $cgroup/cpu/docker/id /mnt/cpu
mount --bind $cgroup/memory/docker/id /mnt/memory
for controller in cpu cpuacct cpuset memory; do
    umount $cgroup/$controller
done
ask
expect usable 2 quota_file /mnt/cpu/cpu.cfs_quota_us
expect limit 67108864 limit_file /mnt/memory/memory.stat
