# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Weights share CPUs out and limit nothing.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpu.weight 79
enter $cgroup/a
ask
expect usable 4 quota null cpu_factor machine
look_up request
expect_kernel 'about 2' printf 'about %.0f' "$value"
