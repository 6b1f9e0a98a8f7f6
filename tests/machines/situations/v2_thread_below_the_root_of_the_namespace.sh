# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# In a cgroup namespace, with the mount of the host, a thread is in a threaded group of its own.
#
# machine: v2

group $cgroup/process
enter $cgroup/process
mkdir $cgroup/process/thread
write $cgroup/process/thread/cgroup.type threaded
write $cgroup/process/cgroup.subtree_control +cpu
write $cgroup/process/cpu.max '300000 100000'
write $cgroup/process/thread/cpu.max '100000 100000'
under cgroup_namespace <<'END'
ask thread $cgroup/process/thread/cgroup.threads
expect quota 1 usable 1 quota_file $cgroup/process/thread/cpu.max
END
