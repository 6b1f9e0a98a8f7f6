# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A thread was moved to a group with a lower quota than the rest of its process.
#
# machine: v1

group $cgroup/cpu/process
group $cgroup/cpu/thread
write $cgroup/cpu/process/cpu.cfs_quota_us 300000
write $cgroup/cpu/thread/cpu.cfs_quota_us 100000
enter $cgroup/cpu/process
ask
expect usable 3
ask thread $cgroup/cpu/thread/tasks
expect quota 1 usable 1 quota_file $cgroup/cpu/thread/cpu.cfs_quota_us
