# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Neither control groups nor /sys are mounted.
#
# machine: bare

umount /sys
ask
expect usable 4 online null affinity 4 cpu_factor 'affinity mask' memory_factor machine
