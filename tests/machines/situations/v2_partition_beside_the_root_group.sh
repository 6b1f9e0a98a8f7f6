# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The process is in the root group when another group takes two CPUs to itself.
#
# machine: v2

group $cgroup/alone
write $cgroup/alone/cpuset.cpus 2-3
ask after $cgroup/alone/cpuset.cpus.partition root
expect_kernel root cat $cgroup/alone/cpuset.cpus.partition
expect_kernel 0-1 cat $cgroup/cpuset.cpus.effective
expect usable 2 cpuset 2
