# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Two CPUs of four, and a quota of three.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpuset.cpus 1,3
write $cgroup/a/cpu.max '300000 100000'
enter $cgroup/a
ask
expect usable 2 cpuset 2 cpuset_file $cgroup/a/cpuset.cpus.effective affinity 2 quota 3 cpu_factor cpuset
