# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The machine is switched off in the middle.
#
# machine: bare
# must say: FAIL machine_that_stops: .*\(the machine stopped before its end: .*

poweroff -f
