# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# In a cgroup namespace with mounts of its own.
#
# machine: v1

group $cgroup/cpu/a/b
group $cgroup/memory/a/b
write $cgroup/cpu/a/b/cpu.cfs_quota_us 200000
write $cgroup/memory/a/memory.limit_in_bytes 67108864
enter $cgroup/cpu/a/b $cgroup/memory/a/b
under cgroup_namespace mount_namespace <<'END'
for controller in cpu cpuacct cpuset memory; do
    umount $cgroup/$controller
done
mount_v1 /mnt/c cpu
mount_v1 /mnt/m memory
ask
expect usable 2 quota_file /mnt/c/cpu.cfs_quota_us
expect limit 67108864 limit_file /mnt/m/memory.stat
END
