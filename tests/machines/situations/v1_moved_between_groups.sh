# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The process is moved while it runs: the answer is right within 20 ms.
#
# machine: v1

group $cgroup/cpu/large
group $cgroup/cpu/small
write $cgroup/cpu/large/cpu.cfs_quota_us 300000
write $cgroup/cpu/small/cpu.cfs_quota_us 100000
group $cgroup/memory/small
write $cgroup/memory/small/memory.limit_in_bytes 67108864
enter $cgroup/cpu/large
ask after $cgroup/cpu/small/cgroup.procs 0
expect count 1
enter $cgroup/cpu/small
ask after $cgroup/cpu/large/cgroup.procs 0
expect count 3
ask after $cgroup/memory/small/cgroup.procs 0
expect size 67108864
