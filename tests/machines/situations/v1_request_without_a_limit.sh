# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Shares ask for CPUs and limit none.
#
# machine: v1

group $cgroup/cpu/a
write $cgroup/cpu/a/cpu.shares 1536
enter $cgroup/cpu/a
ask
expect usable 4 quota null request 1.5 cpu_factor machine
