# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# New cgroup, PID and mount namespaces, another /proc, and the mount of the host.
#
# machine: v2

group $cgroup/slice/container
write $cgroup/slice/cpu.max '200000 100000'
write $cgroup/slice/memory.max 67108864
enter $cgroup/slice/container
under cgroup_namespace mount_namespace pid_namespace <<'END'
mount -t proc proc /proc
expect_kernel 1 echo $$
ask
expect usable 2 quota_file $cgroup/slice/cpu.max limit_file $cgroup/slice/memory.max
END
