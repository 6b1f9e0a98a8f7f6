# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# What is known from before the change is not right any more.
#
# machine: v2
# must say: FAIL answer_too_late: expected count 3, got 2

group $cgroup/a
enter $cgroup/a
write $cgroup/a/cpu.max '300000 100000'
ask after $cgroup/a/cpu.max '200000 100000'
expect count 3
