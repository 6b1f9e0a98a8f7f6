# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A thread with SCHED_FIFO has no quota; its memory stays limited.
#
# machine: v2

group $cgroup/a
write $cgroup/a/cpu.max '100000 100000'
write $cgroup/a/memory.max 67108864
enter $cgroup/a
ask
expect usable 1 quota 1
under fifo <<'END'
ask
expect usable 4 quota null cpu_factor machine limit 67108864
END
