# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# No control groups are mounted; the affinity mask has three CPUs.
#
# machine: bare

taskset -p 7 $$ >/dev/null
ask
expect usable 3 affinity 3 cpu_factor 'affinity mask'
