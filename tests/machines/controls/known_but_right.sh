# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# A situation that is marked as wrong, and is right.
#
# machine: v2
# known: for the check alone
# must say: FAIL known_but_right: agrees, but is said to be known as wrong: for the check alone

ask
expect usable 4
