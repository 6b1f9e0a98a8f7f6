# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# CPUs are switched off and on while the process runs: the answer is right within 20 ms.
#
# machine: v2

ask after /sys/devices/system/cpu/cpu3/online 0
expect count 3 online 3 affinity 3 cpu_factor machine
ask after /sys/devices/system/cpu/cpu1/online 0
expect_kernel 0,2 cat /sys/devices/system/cpu/online
expect count 2 online 2
ask after /sys/devices/system/cpu/cpu1/online 1
expect count 3 online 3
ask after /sys/devices/system/cpu/cpu3/online 1
expect count 4 online 4
