# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A wrong answer in a namespace, asked by a user without rights.
#
# machine: v2
# must say: FAIL wrong_in_another_process: expected usable 3, got 4

group $cgroup/a
enter $cgroup/a
under cgroup_namespace user=1000 <<'END'
ask
expect usable 3
END
