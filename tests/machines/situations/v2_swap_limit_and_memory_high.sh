# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A limit of swap and a mark above which memory is reclaimed limit no memory.
#
# machine: v2

group $cgroup/a
write $cgroup/a/memory.high 33554432
write $cgroup/a/memory.swap.max 16777216
write $cgroup/a/memory.low 8388608
enter $cgroup/a
ask
expect limit null memory_factor machine
expect soft_limit 33554432 soft_limit_file $cgroup/a/memory.high
expect swap_limit 16777216 swap_limit_file $cgroup/a/memory.swap.max
write $cgroup/a/memory.max 67108864
sleep 0.03
ask
expect limit 67108864 limit_file $cgroup/a/memory.max
