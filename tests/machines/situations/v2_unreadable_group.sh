# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A user may not read the group of the process: what can be read counts.
#
# machine: v2

group $cgroup/slice/session
write $cgroup/slice/cpu.max '300000 100000'
write $cgroup/slice/memory.max 134217728
write $cgroup/slice/session/cpu.max '200000 100000'
chmod 700 $cgroup/slice/session
enter $cgroup/slice/session
under user=1000 <<'END'
ask
expect usable 3 quota 3 limit 134217728
END
chmod 755 $cgroup/slice/session
