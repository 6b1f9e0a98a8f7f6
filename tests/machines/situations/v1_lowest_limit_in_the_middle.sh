# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Three groups with limits: the one in the middle binds. Version 1 lets no group below have a higher
# quota, so the lowest above it is kept.
#
# machine: v1

group $cgroup/memory/a/b/c
write $cgroup/memory/a/memory.limit_in_bytes 134217728
write $cgroup/memory/a/b/memory.limit_in_bytes 67108864
write $cgroup/memory/a/b/c/memory.limit_in_bytes 100663296
group $cgroup/cpu/a/b/c
write $cgroup/cpu/a/cpu.cfs_quota_us 300000
write $cgroup/cpu/a/b/cpu.cfs_period_us 50000
write $cgroup/cpu/a/b/cpu.cfs_quota_us 100000
enter $cgroup/cpu/a/b/c $cgroup/memory/a/b/c
ask
expect usable 2 quota 2 quota_file $cgroup/cpu/a/b/cpu.cfs_quota_us
expect limit 67108864 limit_file $cgroup/memory/a/b/memory.limit_in_bytes
