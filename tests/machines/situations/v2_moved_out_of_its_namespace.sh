# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The process leaves its cgroup namespace: its path starts with /.., and its limits are found.
#
# machine: v2

group $cgroup/slice/container
group $cgroup/other
write $cgroup/other/cpu.max '100000 100000'
write $cgroup/other/memory.max 67108864
enter $cgroup/slice/container
under cgroup_namespace <<'END'
enter $cgroup/other
expect_kernel 0::/../../other cat /proc/self/cgroup
ask
expect usable 1 quota 1 quota_file $cgroup/other/cpu.max
expect limit 67108864 limit_file $cgroup/other/memory.max
END
