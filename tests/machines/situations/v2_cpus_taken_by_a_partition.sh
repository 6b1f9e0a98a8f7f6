# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Another group has two CPUs to itself (cpuset.cpus.partition): they are not for this process.
#
# machine: v2

group $cgroup/alone
group $cgroup/rest
write $cgroup/alone/cpuset.cpus 2-3
write $cgroup/alone/cpuset.cpus.partition root
expect_kernel root cat $cgroup/alone/cpuset.cpus.partition
enter $cgroup/rest
ask
expect usable 2 cpuset 2 affinity 2
