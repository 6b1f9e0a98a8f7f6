# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Fractions of CPUs, rounded down and up, and never to none.
#
# machine: v2

group $cgroup/a
enter $cgroup/a
write $cgroup/a/cpu.max '250000 100000'
ask
expect quota 2.5 usable 2 usable_rounded_up 3 cpu_factor 'CPU quota'
write $cgroup/a/cpu.max '10000 100000'
sleep 0.03
ask
expect quota 0.1 usable 1 usable_rounded_up 1 cpu_factor 'CPU quota'
