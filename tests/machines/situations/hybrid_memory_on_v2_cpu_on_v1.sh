# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The limit of memory is in v2, the quota and the cpuset in v1.
#
# machine: hybrid_memory_on_v2

group $cgroup/unified/slice/session
group $cgroup/cpu,cpuacct/a
group $cgroup/cpuset/a
write $cgroup/unified/slice/memory.max 67108864
write $cgroup/cpu,cpuacct/a/cpu.cfs_quota_us 300000
write $cgroup/cpuset/a/cpuset.cpus 0-1
enter $cgroup/unified/slice/session $cgroup/cpu,cpuacct/a $cgroup/cpuset/a
ask
expect usable 2 cpuset 2 quota 3 quota_file $cgroup/cpu,cpuacct/a/cpu.cfs_quota_us
expect limit 67108864 limit_file $cgroup/unified/slice/memory.max
