# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# In a cgroup namespace the mount of the host has the root /../..: the limit above the namespace is
# found.
#
# machine: v2

group $cgroup/slice/session
write $cgroup/slice/cpu.max '200000 100000'
write $cgroup/slice/memory.max 67108864
enter $cgroup/slice/session
under cgroup_namespace <<'END'
expect_kernel 0::/ cat /proc/self/cgroup
expect_kernel /../.. awk '$5 == "/sys/fs/cgroup" { print $4 }' /proc/self/mountinfo
ask
expect usable 2 quota 2 quota_file $cgroup/slice/cpu.max
expect limit 67108864 limit_file $cgroup/slice/memory.max
END
