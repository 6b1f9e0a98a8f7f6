# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# The control groups of the machine cannot be mounted.
#
# machine: nowhere
# must say: FAIL unknown_layout: the layout nowhere could not be mounted

ask
