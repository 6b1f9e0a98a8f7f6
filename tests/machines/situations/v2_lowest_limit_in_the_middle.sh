# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Three groups with limits: the one in the middle binds.
#
# machine: v2

group $cgroup/a/b/c
write $cgroup/a/cpu.max '300000 100000'
write $cgroup/a/b/cpu.max '100000 50000'
write $cgroup/a/b/c/cpu.max '250000 100000'
write $cgroup/a/memory.max 134217728
write $cgroup/a/b/memory.max 67108864
write $cgroup/a/b/c/memory.max 100663296
enter $cgroup/a/b/c
ask
expect usable 2 quota 2 quota_file $cgroup/a/b/cpu.max
expect limit 67108864 limit_file $cgroup/a/b/memory.max
