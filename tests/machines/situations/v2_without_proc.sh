# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The hierarchy is mounted and /proc is not: no group is known, the machine's numbers are.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpu.max '200000 100000'
write $cgroup/a/cpuset.cpus 0-2
enter $cgroup/a
umount /proc
ask
expect usable 3 online 4 affinity 3 quota null limit null memory_factor machine
