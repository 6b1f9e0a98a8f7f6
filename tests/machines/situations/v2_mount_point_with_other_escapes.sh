# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A tab, a line break, a backslash and a # in the name of the mount point, octal digits after them.
#
# machine: v2

umount $cgroup
cgroup=$(printf '/mnt/a\tb\nc\\040d#e')
mount_v2 "$cgroup"
group "$cgroup/x - y"
write "$cgroup/x - y/cpu.max" '200000 100000'
write "$cgroup/x - y/memory.max" 67108864
enter "$cgroup/x - y"
ask
expect usable 2 quota 2 limit 67108864
