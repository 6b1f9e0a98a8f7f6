# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The older file system of cpusets, whose files have no prefix.
#
# machine: bare

mkdir -p /mnt/cpuset
mount -t cpuset cpuset /mnt/cpuset
mkdir /mnt/cpuset/a
write /mnt/cpuset/a/mems 0
write /mnt/cpuset/a/cpus 1-2
write /mnt/cpuset/a/tasks 0
ask
expect usable 2 count 2 affinity 2
write /mnt/cpuset/tasks 0
rmdir /mnt/cpuset/a
