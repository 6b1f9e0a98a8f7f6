# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The hierarchies are mounted at names with a space.
#
# machine: v1

mkdir '/mnt/cpu time' '/mnt/all memory'
mount --move $cgroup/cpu '/mnt/cpu time'
mount --move $cgroup/memory '/mnt/all memory'
mkdir '/mnt/cpu time/a' '/mnt/all memory/a'
write '/mnt/cpu time/a/cpu.cfs_quota_us' 200000
write '/mnt/all memory/a/memory.limit_in_bytes' 67108864
enter '/mnt/cpu time/a' '/mnt/all memory/a'
ask
expect usable 2 quota_file '/mnt/cpu time/a/cpu.cfs_quota_us'
expect limit 67108864 limit_file '/mnt/all memory/a/memory.limit_in_bytes'
