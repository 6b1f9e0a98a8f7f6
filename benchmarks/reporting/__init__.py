# SPDX-License-Identifier: MIT
"""The parts of benchmarks/report.py: model reads, figures computes, the others write."""
