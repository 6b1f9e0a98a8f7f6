# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# isolcpus= keeps a CPU free of processes that do not ask for it, nor enter a cpuset.
#
# machine: v2 isolcpus=3 cgroup_disable=memory

ask
expect usable 3 online 4 affinity 3 cpu_factor 'affinity mask'
