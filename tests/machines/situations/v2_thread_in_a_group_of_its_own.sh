# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A thread was moved to a threaded group with a lower quota than the rest of its process.
#
# machine: v2

group $cgroup/process
enter $cgroup/process
mkdir $cgroup/process/thread
write $cgroup/process/thread/cgroup.type threaded
write $cgroup/process/cgroup.subtree_control +cpu
write $cgroup/process/cpu.max '300000 100000'
write $cgroup/process/thread/cpu.max '100000 100000'
ask
expect usable 3 quota 3
ask thread $cgroup/process/thread/cgroup.threads
expect quota 1 usable 1 quota_file $cgroup/process/thread/cpu.max
