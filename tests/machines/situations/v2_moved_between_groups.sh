# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The process is moved while it runs: the answer is right within 20 ms, up and down.
#
# machine: v2

group $cgroup/large
group $cgroup/small
write $cgroup/large/cpu.max '300000 100000'
write $cgroup/large/memory.max 134217728
write $cgroup/small/cpu.max '100000 100000'
write $cgroup/small/memory.max 67108864
enter $cgroup/large
ask after $cgroup/small/cgroup.procs 0
expect count 1 size 67108864
enter $cgroup/small
ask after $cgroup/large/cgroup.procs 0
expect count 3 size 134217728
