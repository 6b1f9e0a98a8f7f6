# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Three CPUs of four, and a quota of two.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpuset.cpus 0-2
write $cgroup/a/cpu.max '200000 100000'
enter $cgroup/a
ask
expect usable 2 cpuset 3 affinity 3 quota 2 cpu_factor 'CPU quota'
