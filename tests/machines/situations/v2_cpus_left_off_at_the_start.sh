# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# maxcpus= leaves two of four CPUs switched off.
#
# machine: v2 maxcpus=2

group $cgroup/a
enter $cgroup/a
expect_kernel 0-3 cat /sys/devices/system/cpu/possible
ask
expect usable 2 online 2 affinity 2 cpu_factor machine
write $cgroup/a/cpu.max '300000 100000'
sleep 0.03
ask
expect usable 2 quota 3
