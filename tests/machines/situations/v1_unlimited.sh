# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Groups that limit nothing.
#
# machine: v1

group $cgroup/cpu/a
group $cgroup/memory/a
group $cgroup/cpuset/a
enter $cgroup/cpu/a $cgroup/memory/a $cgroup/cpuset/a
ask
expect usable 4 quota null cpuset 4 limit null cpu_factor machine memory_factor machine
