# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The process leaves its cgroup namespace and the group at its root is removed.
#
# machine: v2

group $cgroup/other
mkdir $cgroup/container
write $cgroup/other/cpu.max '100000 100000'
write $cgroup/other/memory.max 67108864
enter $cgroup/container
under cgroup_namespace <<'END'
enter $cgroup/other
while read -r process; do
    write $cgroup/other/cgroup.procs "$process"
done <$cgroup/container/cgroup.procs
rmdir $cgroup/container
expect_kernel 0::/../other cat /proc/self/cgroup
ask
expect usable 1 quota 1 quota_file $cgroup/other/cpu.max
expect limit 67108864 limit_file $cgroup/other/memory.max
END
