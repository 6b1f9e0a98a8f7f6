# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# No control groups are mounted.
#
# machine: bare

expect_kernel '' sed -n '/cgroup/p' /proc/mounts
ask
expect usable 4 online 4 affinity 4 cpuset null quota null cpu_factor machine
expect limit null memory_factor machine
