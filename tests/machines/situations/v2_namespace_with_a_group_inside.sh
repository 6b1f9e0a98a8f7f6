# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A service in a container has a group below the namespace's root; the lowest limit is the
# container's.
#
# machine: v2

group $cgroup/container
write $cgroup/container/cpu.max '200000 100000'
enter $cgroup/container
under cgroup_namespace mount_namespace <<'END'
umount $cgroup
mount_v2 $cgroup
mkdir $cgroup/service
# A group that passes controllers on has no processes itself.
while read -r process; do
    write $cgroup/service/cgroup.procs "$process"
done <$cgroup/cgroup.procs
group $cgroup/service
write $cgroup/service/cpu.max '300000 100000'
write $cgroup/service/memory.max 67108864
expect_kernel 0::/service cat /proc/self/cgroup
ask
expect usable 2 quota 2 quota_file $cgroup/cpu.max
expect limit 67108864 limit_file $cgroup/service/memory.max
END
