# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Limits come and go while the process runs: the answer is right within 20 ms.
#
# machine: v1

group $cgroup/cpu/a
group $cgroup/memory/a
group $cgroup/cpuset/a
enter $cgroup/cpu/a $cgroup/memory/a $cgroup/cpuset/a
ask after $cgroup/cpu/a/cpu.cfs_quota_us 200000
expect count 2
ask after $cgroup/cpu/a/cpu.cfs_quota_us -1
expect count 4 quota null
ask after $cgroup/memory/a/memory.limit_in_bytes 67108864
expect size 67108864
ask after $cgroup/memory/a/memory.limit_in_bytes -1
expect limit null
ask after $cgroup/cpuset/a/cpuset.cpus 1-2
expect count 2 cpuset 2
