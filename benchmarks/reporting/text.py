# SPDX-License-Identifier: MIT
"""report.txt: everything in a report within the 100 columns of a terminal."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import Iterator, Optional, Sequence

from . import figures
from .figures import pad
from .model import Contestant, Curve, Report, Row

WIDTH = 100
NAME = 29


def text(report: Report) -> str:
    """The whole report."""
    parts = (_head, _means, _rows, _behind, _not_compared, _curves, _memory, _compile)
    lines = [line for part in parts for line in part(report)]
    return "\n".join(figures.clip(line.rstrip(), WIDTH) for line in lines) + "\n"


def _title(title: str) -> list[str]:
    return ["", title, "-" * len(title)]


def _wrapped(sentence: str, indent: int = 0) -> list[str]:
    space = " " * indent
    return textwrap.wrap(sentence, WIDTH, initial_indent=space, subsequent_indent=space)


def _head(report: Report) -> Iterator[str]:
    machine = report.machine
    commit = f" ({report.commit})" if report.commit else ""
    yield f"skyutil {report.version}{commit}, {report.date}{', a quick run' * report.quick}"
    yield f"  made by   {report.command}"
    memory = f", {figures.size(machine.memory_bytes)}" if machine.memory_bytes else ""
    yield f"  machine   {machine.cpu}, {machine.cores} cores{memory}"
    load = " to ".join(f"{each:.2f}" for each in machine.load) or "unknown"
    governor = machine.governor or "unknown"
    yield f"  system    Linux {machine.kernel}, governor {governor}, load {load}"
    yield (
        f"  compilers {machine.compiler}; Python {machine.python or 'not there'}; "
        f"Rust {machine.rust or 'not there'}"
    )


def _means(report: Report) -> Iterator[str]:
    yield from _title("How many times as fast as the others skyutil is, on the headline inputs")
    yield f"{'':10} {'geometric mean':>16} {'inputs':>8}"
    for peer, label in figures.PEERS.items():
        found = figures.mean(report, peer)
        if found is None:
            yield f"{label:10} {'not measured':>16}"
        else:
            yield f"{label:10} {figures.times(found.geometric):>16} {found.rows:8}"


def _rows(report: Report) -> Iterator[str]:
    yield from _title("Time of a call, and how many times as fast as each other one that is")
    yield from _wrapped(
        "Below 1× skyutil is slower. The floor is the least that an answer takes; the spread is "
        "the distance of the quartiles. * marks the headline inputs."
    )
    yield ""
    yield _line("", "median", "spread", "floor", "Python", "Rust", "best rival")
    for function, rows in groupby(report.rows, key=lambda row: row.function):
        yield function
        for row in rows:
            yield from _row(row)


def _row(row: Row) -> Iterator[str]:
    rival = row.best_rival
    name = ("* " if row.headline else "  ") + row.input
    if figures.columns(name) > NAME:
        yield name
        name = ""
    yield _line(
        name,
        figures.quantity(row.skyutil.median, row.unit),
        figures.percent(figures.spread(row.skyutil)),
        _versus(row, row.floor),
        _versus(row, row.python),
        _versus(row, row.rust),
        _versus(row, rival),
        rival.name if rival else "",
    )


def _versus(row: Row, other: Optional[Contestant]) -> str:
    return figures.times(figures.speed_up(row, other)) if other else "-"


def _line(name: str, *cells: str) -> str:
    widths = (10, 7, 7, 8, 8, 8)
    shown = [pad(cell, width, right=True) for cell, width in zip(cells, widths)]
    if len(cells) > len(widths):
        shown.append(pad(cells[-1], 16))
    else:
        shown[-1] = cells[-1]  # a heading over two columns
    return pad(name, NAME) + " " + " ".join(shown)


def _behind(report: Report) -> Iterator[str]:
    yield from _title("Where skyutil is behind, or above the floor by more than 10 %")
    found = figures.behind(report)
    if not found:
        yield "Nowhere."
    for each in found:
        yield from _wrapped(each.row.name)
        shown = ", ".join(
            f"{figures.times(ratio)} the time of {other}" for ratio, other in each.others
        )
        yield from _wrapped(shown, indent=4)
        yield from _wrapped(each.why, indent=4)


def _not_compared(report: Report) -> Iterator[str]:
    found = figures.not_compared(report)
    if found:
        yield from _title("What was not compared")
    for why, rows in found.items():
        where = rows[0].name if len(rows) == 1 else f"{len(rows)} inputs"
        yield from _wrapped(f"{why} ({where})")


def _curves(report: Report) -> Iterator[str]:
    for curve in report.curves:
        yield from _title(figures.clip(curve.title, WIDTH))
        # As many columns as fit; the rest follows below.
        for at in range(0, len(curve.series), 6):
            yield from _curve(curve, at)


def _curve(curve: Curve, at: int) -> Iterator[str]:
    shown = curve.series[at : at + 6]
    width = min(18, (WIDTH - 22) // len(shown) - 1)
    yield pad(figures.axis(curve), 22) + "".join(
        " " + pad(each.name, width, right=True) for each in shown
    )
    values = [{point.x: point.median for point in each.points} for each in shown]
    for x in sorted({point.x for each in shown for point in each.points}):
        cells = (figures.quantity(each[x], curve.y_unit) if x in each else "-" for each in values)
        yield pad(figures.at(x, curve), 22) + "".join(
            " " + pad(cell, width, right=True) for cell in cells
        )


def _memory(report: Report) -> Iterator[str]:
    if report.memory:
        yield from _title(
            "What a call adds to the memory of its process, and how often it allocates"
        )
        yield _table(("", "", "peak", "allocations"))
    previous = ""
    for each in report.memory:
        name = f"{each.function}, {each.input}"
        yield _table(
            (
                "" if name == previous else name,
                each.contestant,
                "-" if each.peak_bytes is None else figures.size(each.peak_bytes),
                "-" if each.allocations is None else figures.plain(each.allocations),
            )
        )
        previous = name


def _compile(report: Report) -> Iterator[str]:
    if report.compile:
        yield from _title("Compile time of a header, and of the standard headers it needs alone")
        yield _table(("", "", "header", "standard", "ratio"))
    for each in report.compile:
        yield _table(
            (
                each.header,
                "",
                figures.duration(each.ms * 1e6),
                figures.duration(each.std_ms * 1e6) if each.std_ms else "-",
                figures.times(each.ratio) if each.ratio else "-",
            )
        )


def _table(cells: Sequence[str]) -> str:
    widths = (44, 18, 11, 11, 9)
    return " ".join(
        pad(cell, width, right=i >= 2) for i, (cell, width) in enumerate(zip(cells, widths))
    )
