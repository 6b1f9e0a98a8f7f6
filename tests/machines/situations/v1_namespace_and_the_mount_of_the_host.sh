# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# In a cgroup namespace the mounts of the host have the root /../..: the limits above are found.
#
# machine: v1

group $cgroup/cpu/a/b
group $cgroup/memory/a/b
write $cgroup/cpu/a/cpu.cfs_quota_us 200000
write $cgroup/memory/a/memory.limit_in_bytes 67108864
enter $cgroup/cpu/a/b $cgroup/memory/a/b
under cgroup_namespace <<'END'
expect_kernel /../.. awk '$5 == "/sys/fs/cgroup/cpu" { print $4 }' /proc/self/mountinfo
ask
expect usable 2 quota_file $cgroup/cpu/a/cpu.cfs_quota_us
expect limit 67108864 limit_file $cgroup/memory/a/memory.limit_in_bytes
END
