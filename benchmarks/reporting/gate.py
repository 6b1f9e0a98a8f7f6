# SPDX-License-Identifier: MIT
"""Whether a report holds what the targets promise.

A target is the most that skyutil's time may be of another's, measured in the same run; the margin on
top is for noise. A ratio is too high only when that of the medians and that of the lower quartiles
both are: what slows down every call raises both, a busy neighbour seldom does.
"""

from __future__ import annotations

from typing import Optional

from . import figures
from .model import EVERY_HEADER, Contestant, Report, Row, Target, Targets


def check(report: Report, targets: Targets, quick: bool) -> tuple[list[str], int]:
    """What to print, and the exit code: 1 when something falls short or was not measured."""
    quick = quick or report.quick
    gate = _Gate(report, targets.margin_quick if quick else targets.margin)
    for target in targets.rows:
        gate.check_row(target)
    for header, most in targets.compile.items():
        gate.check_compile(header, most)
    for peer, kinds in targets.means.items():
        gate.check_means(peer, kinds)

    margin = f"margin {gate.margin:g}, {'quick' if quick else 'full'} run"
    lines = [f"Not compared: {each}" for each in gate.skipped]
    if gate.short:
        lines.append(f"{len(gate.short)} of {gate.checks} fall short ({margin}):")
        lines += [f"  {each}" for each in gate.short]
        return lines, 1
    return [*lines, f"All {gate.checks} hold ({margin})."], 0


class _Gate:
    def __init__(self, report: Report, margin: float) -> None:
        self.report = report
        self.margin = margin
        self.rows = {(row.function, row.input): row for row in report.rows}
        self.short: list[str] = []
        self.skipped: list[str] = []
        self.checks = 0

    def allow(self, what: str, ratio: float, most: float, of: str) -> None:
        limit = most * self.margin
        if ratio > limit:
            self.short.append(
                f"{what}: {figures.times(ratio)} {of}; "
                f"allowed {most:g} × {self.margin:g} = {figures.times(limit)}"
            )

    def check_row(self, target: Target) -> None:
        row = self.rows.get((target.function, target.input))
        if row is None:
            self.checks += 1
            self.short.append(f"{target.function}, {target.input}: not in the report")
            return
        for name, most in target.most.items():
            self.check_contestant(row, name, most)

    def check_contestant(self, row: Row, name: str, most: float) -> None:
        other = _contestant(row, name)
        if other is not None:
            self.checks += 1
            label = f"the floor ({other.name})" if name == "floor" else name
            self.allow(row.name, _ratio(row, other), most, f"the time of {label}")
        elif reasons := row.notes_on(name):
            self.skipped.append(f"{row.name} with {name}: {reasons[0]}")
        else:
            self.checks += 1
            self.short.append(f"{row.name}: {name} was not measured, and no note says why")

    def check_compile(self, header: str, most: float) -> None:
        found = [each for each in self.report.compile if header in (each.header, EVERY_HEADER)]
        if not found:
            self.checks += 1
            self.short.append(f"compile time of {header}: not in the report")
        for each in found:
            self.checks += 1
            if each.ratio is None:
                self.short.append(f"compile time of {each.header}: that of std was not measured")
            else:
                what = f"compile time of {each.header}"
                self.allow(what, each.ratio, most, "that of the std headers it needs")

    def check_means(self, peer: str, kinds: dict[str, float]) -> None:
        found = figures.means(self.report, peer)
        if found is None:
            if not any(row.headline and row.notes_on(peer) for row in self.report.rows):
                self.checks += 1
                self.short.append(f"speed-up over {peer}: not measured, and no note says why")
            return
        for kind, least in kinds.items():
            self.checks += 1
            mean = getattr(found, kind)
            if mean * self.margin < least:
                self.short.append(
                    f"{kind} mean of the speed-ups over {peer}: {figures.times(mean)}; "
                    f"wanted {least:g} / {self.margin:g} = {figures.times(least / self.margin)}"
                )


def _contestant(row: Row, name: str) -> Optional[Contestant]:
    if name in ("python", "rust", "floor"):
        found: Optional[Contestant] = getattr(row, name)
        return found
    return next((rival for rival in row.rivals if rival.name == name), None)


def _ratio(row: Row, other: Contestant) -> float:
    return min(
        row.skyutil.median / other.stat.median,
        row.skyutil.low / other.stat.low,
    )
