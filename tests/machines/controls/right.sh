# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# What is right is reported as right.
#
# machine: v2
# must say: ok right

ask
expect usable 4
