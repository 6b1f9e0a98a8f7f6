# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A machine with one CPU that uses 300 MiB of its memory.
#
# machine: v2 smp=1 mem=300M

group $cgroup/a
write $cgroup/a/cpu.max '200000 100000'
write $cgroup/a/memory.max 402653184
enter $cgroup/a
ask
expect usable 1 online 1 affinity 1 quota 2 cpu_factor machine limit 402653184 memory_factor machine
