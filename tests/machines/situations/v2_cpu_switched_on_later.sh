# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A CPU that was off at the start comes on.
#
# machine: v2 maxcpus=2

ask after /sys/devices/system/cpu/cpu2/online 1
expect count 3 online 3
ask after /sys/devices/system/cpu/cpu2/online 0
expect count 2 online 2
