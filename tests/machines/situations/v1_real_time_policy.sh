# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A thread with SCHED_FIFO has no quota.
#
# machine: v1

group $cgroup/cpu/a
write $cgroup/cpu/a/cpu.cfs_quota_us 100000
enter $cgroup/cpu/a
ask
expect usable 1
under fifo <<'END'
ask
expect usable 4 quota null
END
