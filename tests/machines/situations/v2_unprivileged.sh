# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A user without rights is told the same.
#
# machine: v2

group $cgroup/slice/session
write $cgroup/slice/cpu.max '200000 100000'
write $cgroup/slice/memory.max 67108864
enter $cgroup/slice/session
under user=1000 <<'END'
expect_kernel 1000 id -u
ask
expect usable 2 quota 2 quota_file $cgroup/slice/cpu.max
expect limit 67108864 limit_file $cgroup/slice/memory.max
END
