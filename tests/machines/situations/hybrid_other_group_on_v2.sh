# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The v2 hierarchy without controllers has the process in another group; v1 counts.
#
# machine: hybrid

group $cgroup/cpu,cpuacct/a
group $cgroup/memory/a
group $cgroup/unified/session
expect_kernel 0 awk '$0 ~ /cpu|memory/ { found = 1 } END { print found + 0 }' $cgroup/unified/cgroup.controllers
write $cgroup/cpu/a/cpu.cfs_quota_us 200000
write $cgroup/memory/a/memory.limit_in_bytes 67108864
enter $cgroup/cpu/a $cgroup/memory/a $cgroup/unified/session $cgroup/systemd
ask
expect usable 2 quota 2 quota_file $cgroup/cpu,cpuacct/a/cpu.cfs_quota_us
expect limit 67108864 limit_file $cgroup/memory/a/memory.limit_in_bytes
