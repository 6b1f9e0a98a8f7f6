# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Neither control groups nor /proc are mounted.
#
# machine: bare

umount /proc
ask
expect usable 4 online 4 quota null limit null memory_factor machine
