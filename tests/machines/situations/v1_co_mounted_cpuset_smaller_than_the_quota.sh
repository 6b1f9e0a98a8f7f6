# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Two CPUs of four, and a quota of three.
#
# machine: v1_co_mounted

group $cgroup/cpu,cpuacct/a
group $cgroup/cpuset/a
write $cgroup/cpu/a/cpu.cfs_quota_us 300000
write $cgroup/cpuset/a/cpuset.cpus 1,3
enter $cgroup/cpu/a $cgroup/cpuset/a
ask
expect usable 2 cpuset 2 quota 3 cpu_factor cpuset
