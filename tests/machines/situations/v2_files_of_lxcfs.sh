# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# As lxcfs does it: the files of the machine tell of a container that nothing else limits.
#
# machine: v2

sed 's/^MemTotal: .*/MemTotal:         131072 kB/' /proc/meminfo >/tmp/meminfo
echo 0-1 >/tmp/online
mount --bind /tmp/meminfo /proc/meminfo
mount --bind /tmp/online /sys/devices/system/cpu/online
enter $cgroup
ask
expect usable 2 count 2 online 2 affinity 4 cpu_factor machine
expect physical 134217728 size 134217728 memory_factor machine memory_factor_file /proc/meminfo
