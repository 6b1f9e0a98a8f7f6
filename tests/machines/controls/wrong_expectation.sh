# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A quota of two CPUs, where one of three is expected.
#
# machine: v2
# must say: FAIL wrong_expectation: expected quota 3, got 2; expected usable 3, got 2

group $cgroup/a
write $cgroup/a/cpu.max '200000 100000'
enter $cgroup/a
ask
expect quota 3 usable 3
