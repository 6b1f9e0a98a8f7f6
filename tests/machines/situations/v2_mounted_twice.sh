# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Two mounts of the whole hierarchy.
#
# machine: v2

mount_v2 /mnt/second
group $cgroup/slice/session
write $cgroup/slice/cpu.max '200000 100000'
write $cgroup/slice/memory.max 67108864
enter $cgroup/slice/session
ask
expect usable 2 quota 2 quota_file $cgroup/slice/cpu.max limit 67108864
