# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A limit of memory with swap and a soft limit limit no memory by themselves.
#
# machine: v1

group $cgroup/memory/a
write $cgroup/memory/a/memory.soft_limit_in_bytes 33554432
enter $cgroup/memory/a
ask
expect limit null soft_limit 33554432 soft_limit_file $cgroup/memory/a/memory.soft_limit_in_bytes
expect swap_limit null
write $cgroup/memory/a/memory.limit_in_bytes 67108864
write $cgroup/memory/a/memory.memsw.limit_in_bytes 100663296
sleep 0.03
ask
expect limit 67108864 limit_file $cgroup/memory/a/memory.limit_in_bytes swap_limit 33554432
