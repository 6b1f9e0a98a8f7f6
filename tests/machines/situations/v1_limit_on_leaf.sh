# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The groups of the process itself are limited.
#
# machine: v1

group $cgroup/cpu/a/b
group $cgroup/memory/a/b
write $cgroup/cpu/a/b/cpu.cfs_quota_us 200000
write $cgroup/memory/a/b/memory.limit_in_bytes 67108864
enter $cgroup/cpu/a/b $cgroup/memory/a/b
ask
expect usable 2 quota 2 quota_file $cgroup/cpu/a/b/cpu.cfs_quota_us cpu_factor 'CPU quota'
expect limit 67108864 limit_file $cgroup/memory/a/b/memory.limit_in_bytes memory_factor 'memory limit'
