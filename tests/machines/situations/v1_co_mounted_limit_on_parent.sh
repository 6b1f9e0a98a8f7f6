# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The groups above those of the process are limited.
#
# machine: v1_co_mounted

group $cgroup/cpu,cpuacct/a/b
group $cgroup/memory/a/b
write $cgroup/cpu,cpuacct/a/cpu.cfs_quota_us 300000
write $cgroup/memory/a/memory.limit_in_bytes 134217728
enter $cgroup/cpu,cpuacct/a/b $cgroup/memory/a/b
ask
expect usable 3 quota 3 quota_file $cgroup/cpu,cpuacct/a/cpu.cfs_quota_us
expect limit 134217728 limit_file $cgroup/memory/a/memory.limit_in_bytes
