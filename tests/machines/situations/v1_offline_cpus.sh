# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A CPU is switched off and on while the process runs. Version 1 takes it out of a cpuset for good.
#
# machine: v1

ask after /sys/devices/system/cpu/cpu3/online 0
expect count 3 online 3
ask after /sys/devices/system/cpu/cpu3/online 1
expect count 4 online 4
