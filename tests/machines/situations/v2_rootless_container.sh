# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A user without rights makes a container: user, cgroup and mount namespaces, a fresh mount.
#
# machine: v2

group $cgroup/user/container
write $cgroup/user/container/cpu.max '200000 100000'
write $cgroup/user/container/memory.max 67108864
enter $cgroup/user/container
under user=1000 user_namespace cgroup_namespace mount_namespace <<'END'
mount -t cgroup2 cgroup2 /mnt
expect_kernel 0::/ cat /proc/self/cgroup
ask
expect usable 2 quota 2 limit 67108864
END
