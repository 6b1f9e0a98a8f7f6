#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What benchmarks/run.py measured: shown, held against targets, or beside an earlier run.

    report.py render report.json OUTDIR                   report.txt and report.html
    report.py check report.json [again.json...] targets.json [--quick]
                                                          what falls short: exit code 1
    report.py learn report.json... targets.json           writes what is usual into the targets
    report.py compare OLD.json NEW.json                   a table of what changed
    report.py table report.json docs/benchmarks.md        between two <!-- benchmark table -->

Exit code 2: a file cannot be read, or is not what it should be.
"""

import sys

sys.dont_write_bytecode = True  # leaves nothing in the source directory

from reporting.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
