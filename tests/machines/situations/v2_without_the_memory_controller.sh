# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The kernel has the controller of memory switched off.
#
# machine: v2 isolcpus=3 cgroup_disable=memory

group $cgroup/a
expect_kernel '' find $cgroup/a -name 'memory.max'
write $cgroup/a/cpu.max '200000 100000'
enter $cgroup/a
ask
expect usable 2 quota 2 limit null memory_factor machine
