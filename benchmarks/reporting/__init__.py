# SPDX-License-Identifier: MIT
"""benchmarks/report.py in parts: model reads, figures computes and words numbers, the others write."""
