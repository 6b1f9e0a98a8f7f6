# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# One CPU in the affinity mask, a quota of three.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpu.max '300000 100000'
enter $cgroup/a
taskset -p 4 $$ >/dev/null
ask
expect usable 1 affinity 1 cpuset 4 quota 3 cpu_factor 'affinity mask' cpu_factor_file 'sched_getaffinity(2)'
