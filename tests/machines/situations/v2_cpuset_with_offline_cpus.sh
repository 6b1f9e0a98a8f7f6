# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Of the two CPUs of the cpuset one is switched off.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpuset.cpus 2-3
enter $cgroup/a
write /sys/devices/system/cpu/cpu3/online 0
sleep 0.1
ask
expect usable 1 online 3 cpuset 1
write /sys/devices/system/cpu/cpu3/online 1
sleep 0.1
ask
expect usable 2 online 4 cpuset 2
