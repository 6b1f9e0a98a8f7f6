# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Limits come and go while the process runs: the answer is right within 20 ms.
#
# machine: v2

group $cgroup/a
enter $cgroup/a
ask after $cgroup/a/cpu.max '200000 100000'
expect count 2 quota 2
ask after $cgroup/a/cpu.max 'max 100000'
expect count 4 quota null
ask after $cgroup/a/memory.max 67108864
expect size 67108864 limit 67108864
ask after $cgroup/a/memory.max max
expect limit null memory_factor machine
ask after $cgroup/a/cpuset.cpus 0-2
expect count 3 cpuset 3
ask after $cgroup/a/cpuset.cpus 0-3
expect count 4 cpuset 4
