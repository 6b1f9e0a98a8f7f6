# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Neither control groups nor /proc nor /sys are mounted.
#
# machine: bare

umount /proc /sys
taskset -p 3 $$ >/dev/null
ask
expect usable 2 online null cpuset null quota null affinity 2 limit null memory_factor machine
