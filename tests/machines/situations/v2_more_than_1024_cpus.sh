# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The kernel reckons with 1100 CPUs: a mask of the size of cpu_set_t is too small for it.
#
# machine: v2 possible_cpus=1100 cryptomgr.notests memory=1024

group $cgroup/a
enter $cgroup/a
if [ "$(cat /sys/devices/system/cpu/possible)" = 0-3 ]; then
    skip 'this kernel takes no more possible CPUs than the machine has'
fi
expect_kernel 0-1099 cat /sys/devices/system/cpu/possible
ask
expect mask_of_1024_cpus EINVAL
expect usable 4 online 4 affinity 4 cpuset 4
taskset -p 5 $$ >/dev/null
ask
expect usable 2 affinity 2 cpu_factor 'affinity mask'
