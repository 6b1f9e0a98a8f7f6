# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A thread was moved to a cpuset with fewer CPUs than the rest of its process has.
#
# machine: v1

group $cgroup/cpuset/process
group $cgroup/cpuset/thread
write $cgroup/cpuset/thread/cpuset.cpus 1
enter $cgroup/cpuset/process
ask thread $cgroup/cpuset/thread/tasks
expect usable 1 affinity 1 cpuset 1 cpuset_file $cgroup/cpuset/thread/cpuset.effective_cpus
