# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# As in a container: the namespace has its own mount, and the limit is on the group at its root.
#
# machine: v2

group $cgroup/slice/container
write $cgroup/slice/container/cpu.max '200000 100000'
write $cgroup/slice/container/memory.max 67108864
enter $cgroup/slice/container
under cgroup_namespace mount_namespace <<'END'
umount $cgroup
mount_v2 $cgroup
expect_kernel / awk '$5 == "/sys/fs/cgroup" { print $4 }' /proc/self/mountinfo
ask
expect usable 2 quota 2 quota_file $cgroup/cpu.max
expect limit 67108864 limit_file $cgroup/memory.max
END
