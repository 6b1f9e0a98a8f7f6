# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The session has no files of limits of its own: its slice passes no controllers on.
#
# machine: v2

group $cgroup/slice
mkdir $cgroup/slice/session
expect_kernel '' cat $cgroup/slice/session/cgroup.controllers
write $cgroup/slice/cpu.max '200000 100000'
write $cgroup/slice/memory.max 67108864
enter $cgroup/slice/session
ask
expect usable 2 quota_file $cgroup/slice/cpu.max
expect limit 67108864 limit_file $cgroup/slice/memory.max
