# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Colons, spaces, dots and names like a mark of the kernel in the path of the group.
#
# machine: v2

path="$cgroup/a:b/c d/...e/f (deleted)"
group "$path"
write "$cgroup/a:b/c d/cpu.max" '200000 100000'
write "$path/memory.max" 67108864
enter "$path"
ask
expect usable 2 quota 2 quota_file "$cgroup/a:b/c d/cpu.max" limit 67108864 limit_file "$path/memory.max"
