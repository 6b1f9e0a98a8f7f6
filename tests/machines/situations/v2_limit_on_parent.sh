# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A session in a slice: the slice is limited, the session says "max".
#
# machine: v2

group $cgroup/slice/session
write $cgroup/slice/cpu.max '300000 100000'
write $cgroup/slice/memory.max 134217728
enter $cgroup/slice/session
ask
expect usable 3 quota 3 quota_file $cgroup/slice/cpu.max cpu_factor 'CPU quota'
expect limit 134217728 limit_file $cgroup/slice/memory.max memory_factor 'memory limit'
