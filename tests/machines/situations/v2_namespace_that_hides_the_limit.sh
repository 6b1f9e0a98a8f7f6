# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The limit is above the namespace and its fresh mount: nothing in it tells, so none is known.
#
# machine: v2

group $cgroup/slice/container
write $cgroup/slice/cpu.max '200000 100000'
write $cgroup/slice/memory.max 67108864
enter $cgroup/slice/container
under cgroup_namespace mount_namespace <<'END'
umount $cgroup
mount_v2 $cgroup
ask
expect usable 4 quota null limit null
END
