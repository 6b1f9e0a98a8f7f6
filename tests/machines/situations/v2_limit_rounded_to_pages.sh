# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The kernel keeps whole pages of what is written.
#
# machine: v2

group $cgroup/a
write $cgroup/a/memory.max 100000001
enter $cgroup/a
ask
expect limit 99999744
