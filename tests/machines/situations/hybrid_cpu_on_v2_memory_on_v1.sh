# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The quota and the cpuset are in v2, the limit of memory in v1.
#
# machine: hybrid_cpu_on_v2

group $cgroup/unified/slice/session
group $cgroup/memory/a/b
write $cgroup/unified/slice/cpu.max '300000 100000'
write $cgroup/unified/slice/session/cpuset.cpus 0-1
write $cgroup/memory/a/memory.limit_in_bytes 67108864
enter $cgroup/unified/slice/session $cgroup/memory/a/b
ask
expect usable 2 cpuset 2 quota 3 quota_file $cgroup/unified/slice/cpu.max
expect limit 67108864 limit_file $cgroup/memory/a/memory.limit_in_bytes
