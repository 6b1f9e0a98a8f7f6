# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A quota of more CPUs than there are.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpu.max '800000 100000'
write $cgroup/a/memory.max 8589934592
enter $cgroup/a
ask
expect usable 4 quota 8 cpu_factor machine
expect limit 8589934592 memory_factor machine
