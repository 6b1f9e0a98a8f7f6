# SPDX-License-Identifier: MIT
"""The commands of report.py."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import Sequence

from . import compare, gate, page, table, text
from .model import BadFile, read_report, read_targets, read_targets_as_json


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 all good, 1 something falls short, 2 a file or an argument is bad."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # terminals without UTF-8
    options = _parser().parse_args(arguments)
    try:
        code: int = options.call(options)
        sys.stdout.flush()
    except BadFile as error:
        print(f"report.py: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Nobody reads on; without this the interpreter complains at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _render(options: argparse.Namespace) -> int:
    report = read_report(options.report)
    try:
        directory = Path(options.directory)
        directory.mkdir(parents=True, exist_ok=True)
        table.write(str(directory / "report.txt"), text.text(report))
        table.write(str(directory / "report.html"), page.page(report))
    except OSError as error:
        raise BadFile(f"{options.directory}: {error.strerror or error}") from None
    return 0


def _check(options: argparse.Namespace) -> int:
    report, *again = [read_report(path) for path in options.reports]
    lines, code = gate.check(report, again, read_targets(options.targets), options.quick)
    print("\n".join(lines))
    return code


def _learn(options: argparse.Namespace) -> int:
    targets = read_targets_as_json(options.targets)
    learned = gate.learn([read_report(path) for path in options.reports], targets)
    try:
        table.write(options.targets, learned)
    except OSError as error:
        raise BadFile(f"{options.targets}: {error.strerror or error}") from None
    return 0


def _compare(options: argparse.Namespace) -> int:
    print("\n".join(compare.compare(read_report(options.old), read_report(options.new))))
    return 0


def _table(options: argparse.Namespace) -> int:
    table.replace_table(read_report(options.report), options.markdown)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="report.py", description="Shows what benchmarks/run.py measured."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    render = commands.add_parser("render", help="write report.txt and report.html")
    render.add_argument("report")
    render.add_argument("directory", metavar="OUTDIR")
    render.set_defaults(call=_render)

    check = commands.add_parser("check", help="print what falls short of targets; exit code 1")
    check.add_argument(
        "reports", nargs="+", metavar="report", help="others than the first: rows measured again"
    )
    check.add_argument("targets")
    check.add_argument("--quick", action="store_true", help="the wide margin, of quick runs")
    check.set_defaults(call=_check)

    learn = commands.add_parser("learn", help="write what is usual into targets")
    learn.add_argument("reports", nargs="+", metavar="report")
    learn.add_argument("targets")
    learn.set_defaults(call=_learn)

    both = commands.add_parser("compare", help="print what changed between two reports")
    both.add_argument("old")
    both.add_argument("new")
    both.set_defaults(call=_compare)

    markdown = commands.add_parser("table", help="put a table between two lines of a file")
    markdown.add_argument("report")
    markdown.add_argument("markdown", metavar="FILE.md")
    markdown.set_defaults(call=_table)
    return parser
