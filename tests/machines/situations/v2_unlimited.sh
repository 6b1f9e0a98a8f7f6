# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Groups that limit nothing.
#
# machine: v2

group $cgroup/slice/session
enter $cgroup/slice/session
ask
expect usable 4 quota null cpuset 4 affinity 4 cpu_factor machine
expect limit null memory_factor machine
