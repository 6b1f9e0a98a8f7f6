# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# What the probe does not tell cannot be as expected.
#
# machine: v2
# must say: FAIL unknown_member: expected no_such_member 1, got nothing

ask
expect no_such_member 1
