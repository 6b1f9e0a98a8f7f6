# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# All controllers in one hierarchy.
#
# machine: v1_in_one

group $cgroup/a/b
write $cgroup/a/cpu.cfs_quota_us 300000
write $cgroup/a/b/memory.limit_in_bytes 67108864
write $cgroup/a/b/cpuset.cpus 0-1
enter $cgroup/a/b
ask
expect usable 2 cpuset 2 quota 3 quota_file $cgroup/a/cpu.cfs_quota_us
expect limit 67108864
