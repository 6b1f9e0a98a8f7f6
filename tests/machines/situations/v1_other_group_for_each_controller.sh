# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Each controller has a tree of its own.
#
# machine: v1

group $cgroup/cpu/a
group $cgroup/memory/b/c
group $cgroup/cpuset/d
write $cgroup/cpu/a/cpu.cfs_quota_us 350000
write $cgroup/memory/b/memory.limit_in_bytes 67108864
write $cgroup/cpuset/d/cpuset.cpus 0,2
enter $cgroup/cpu/a $cgroup/memory/b/c $cgroup/cpuset/d
ask
expect quota 3.5 cpuset 2 usable 2 cpu_factor cpuset cpuset_file $cgroup/cpuset/d/cpuset.effective_cpus
expect limit 67108864
