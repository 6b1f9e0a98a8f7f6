# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Another group has two CPUs to itself; the process comes to the root group. Kernels before 6.4 give it
# a mask with those CPUs too.
#
# machine: v2

group $cgroup/alone
group $cgroup/rest
write $cgroup/alone/cpuset.cpus 2-3
write $cgroup/alone/cpuset.cpus.partition root
enter $cgroup/rest
allowed=$(enter $cgroup && sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
[ "$allowed" = 0-3 ] || skip 'this kernel gives a mask without those CPUs'
ask after $cgroup/cgroup.procs 0
expect_kernel 0-1 cat $cgroup/cpuset.cpus.effective
expect usable 2 cpuset 2
