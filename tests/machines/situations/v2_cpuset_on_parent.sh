# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The slice has the cpuset; the session asks for more than that.
#
# machine: v2

group $cgroup/slice/session
write $cgroup/slice/cpuset.cpus 2-3
write $cgroup/slice/session/cpuset.cpus 0-2
enter $cgroup/slice/session
ask
expect usable 1 cpuset 1 cpuset_file $cgroup/slice/session/cpuset.cpus.effective affinity 1
