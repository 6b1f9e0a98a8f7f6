# SPDX-License-Identifier: MIT
"""Two reports side by side: what became faster or slower, and what is noise."""

from __future__ import annotations

import math

from . import figures
from .model import Report, Row

ALPHA = 0.05  # a change with a smaller p-value counts


def compare(old: Report, new: Report) -> list[str]:
    """A table of the rows that both have, and a line for each row that one has."""
    lines = [f"warning: {each}" for each in _differences(old, new)]
    lines.append(f"old: {_origin(old)}")
    lines.append(f"new: {_origin(new)}")
    lines.append("")

    olds = {(row.function, row.input): row for row in old.rows}
    news = {(row.function, row.input): row for row in new.rows}
    both = [(olds[key], row) for key, row in news.items() if key in olds]
    if both:
        lines.append(_line("function, input", "old", "new", "change", "p", "floor"))
        lines += [_compared(before, after) for before, after in both]
        ratios = [after.skyutil.median / before.skyutil.median for before, after in both]
        change = figures.percent(figures.geometric_mean(ratios) - 1, sign=True)
        lines.append(_line(f"geometric mean of {len(ratios)}", "", "", change, "", ""))
        lines.append("")
        lines.append(f'"~": no difference that {ALPHA:g} would call significant (Mann-Whitney U).')
        lines.append('"floor": what the least that an answer takes changed by, so the machine did.')
    else:
        lines.append("The reports have no row in common.")
    for which, rows, others in (("old", old.rows, news), ("new", new.rows, olds)):
        for row in rows:
            if (row.function, row.input) not in others:
                lines.append(figures.clip(f"only in the {which} one: {row.name}", 100))
    return lines


def _compared(before: Row, after: Row) -> str:
    p = figures.p_value(before.skyutil.samples, after.skyutil.samples)
    change = after.skyutil.median / before.skyutil.median - 1
    shown = f"{p:.3f}" if p >= 0.0005 else "<0.001"
    if p >= ALPHA and _too_few(before, after):
        shown = "too few"
    floor = ""
    if before.floor and after.floor and before.floor.name == after.floor.name:
        ratio = after.floor.stat.median / before.floor.stat.median
        floor = figures.percent(ratio - 1, sign=True)
    return _line(
        after.name,
        figures.quantity(before.skyutil.median, before.unit),
        figures.quantity(after.skyutil.median, after.unit),
        figures.percent(change, sign=True) if p < ALPHA else "~",
        shown,
        floor,
    )


def _too_few(before: Row, after: Row) -> bool:
    """Whether no samples of these numbers could show a change."""
    a, b = len(before.skyutil.samples), len(after.skyutil.samples)
    return 2 / math.comb(a + b, a) >= ALPHA


def _line(name: str, *cells: str) -> str:
    widths = (10, 10, 9, 8, 9)
    shown = (figures.pad(cell, width, right=True) for cell, width in zip(cells, widths))
    return (figures.pad(name, 48) + " " + " ".join(shown)).rstrip()


def _origin(report: Report) -> str:
    commit = f" ({report.commit})" if report.commit else ""
    return figures.clip(f"{report.version}{commit}, {report.date}, {report.command}", 95)


def _differences(old: Report, new: Report) -> list[str]:
    """What makes a comparison doubtful."""
    found = []
    for what in ("cpu", "cores", "kernel", "compiler", "governor"):
        was, now = getattr(old.machine, what), getattr(new.machine, what)
        if was != now:
            found.append(
                f"{what} differs: {figures.clip(str(was), 35)} and {figures.clip(str(now), 35)}"
            )
    if old.quick != new.quick:
        found.append("one of the runs was quick")
    for name, report in (("old", old), ("new", new)):
        if report.machine.load and max(report.machine.load) > report.machine.cores:
            found.append(f"during the {name} run the machine had more to do than it has cores")
    return found
