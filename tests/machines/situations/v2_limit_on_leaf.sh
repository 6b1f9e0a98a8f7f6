# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The group of the process itself is limited.
#
# machine: v2

group $cgroup/slice/session
write $cgroup/slice/session/cpu.max '200000 100000'
write $cgroup/slice/session/memory.max 67108864
enter $cgroup/slice/session
ask
expect usable 2 quota 2 quota_file $cgroup/slice/session/cpu.max cpu_factor 'CPU quota'
expect limit 67108864 limit_file $cgroup/slice/session/memory.max memory_factor 'memory limit'
