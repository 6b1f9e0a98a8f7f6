# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The machine gives no answer.
#
# machine: bare smp=1
# must say: FAIL machine_that_hangs: .*\(the machine stopped before its end: .*

kill -STOP $PPID
trap '' TERM
while :; do sleep 1; done
