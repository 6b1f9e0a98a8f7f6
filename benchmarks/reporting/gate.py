# SPDX-License-Identifier: MIT
"""Whether a report holds what the targets promise.

A ratio is skyutil's time as so many times that of another in the same run. A target file has two of
them: what is promised, and what is usual, so that what became slower is noticed also where less was
promised than is done. The margins on top are for noise: `margin_quick` for quick runs and for what
is usual, `margin` for what is promised in full runs.

A ratio is too high only when those of the medians, of the lower quartiles and of the fastest samples
all are: what slows down every call raises all three, a busy neighbour does not disturb every sample.
Where rows were measured again, it is too high only when it is each time. A header's compile time is
the fastest one of all that were measured, as is that of what it includes.

What is usual was measured on one kind of processor. On another one the ratios to code that is limited
by the processor and not by the kernel can be others: there only what is promised counts.
"""

from __future__ import annotations

import json
from typing import Any, Optional, Sequence

from . import figures
from .model import EVERY_HEADER, Compile, Contestant, Report, Row, Target, Targets


def check(
    report: Report, again: Sequence[Report], targets: Targets, quick: bool
) -> tuple[list[str], int]:
    """What to print, and the exit code: 1 when something falls short or was not measured. `again` has
    rows and headers that were measured again."""
    quick = quick or report.quick
    gate = _Gate(report, again, targets, quick)
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


def rows_short(report: Report, again: Sequence[Report], targets: Targets) -> list[tuple[str, str]]:
    """Function and input of the rows in the report that fall short."""
    gate = _Gate(report, again, targets, report.quick)
    found = []
    for target in targets.rows:
        before = len(gate.short)
        gate.check_row(target)
        row = (target.function, target.input)
        if len(gate.short) > before and row in gate.rows:
            found.append(row)
    return found


def headers_short(report: Report, again: Sequence[Report], targets: Targets) -> list[str]:
    """The headers in the report that take too long to compile."""
    gate = _Gate(report, again, targets, report.quick)
    found = []
    for promised, most in targets.compile.items():
        for header in gate.headers_of(promised):
            before = len(gate.short)
            gate.check_header(header, most)
            if len(gate.short) > before:
                found.append(header)
    return found


class _Gate:
    def __init__(
        self, report: Report, again: Sequence[Report], targets: Targets, quick: bool
    ) -> None:
        self.report = report
        self.quick = quick
        self.margin = targets.margin_quick if quick else targets.margin
        self.margin_usual = targets.margin_quick
        self.rows: dict[tuple[str, str], list[Row]] = {}
        self.headers: dict[str, list[Compile]] = {}
        for each in (report, *again):
            for row in each.rows:
                self.rows.setdefault((row.function, row.input), []).append(row)
            for header in each.compile:
                self.headers.setdefault(header.header, []).append(header)
        self.short: list[str] = []
        self.skipped: list[str] = []
        self.checks = 0
        self.knows_usual = targets.usual_on in (None, report.machine.processor)
        if not self.knows_usual:
            here = report.machine.processor or "an unknown one"
            self.skipped.append(f"what is usual: that is of {targets.usual_on}, and this is {here}")

    def fail(self, what: str) -> None:
        self.checks += 1
        self.short.append(what)

    def allow(self, what: str, ratio: float, most: float, of: str, usual: Optional[float]) -> None:
        self.checks += 1
        limit, said = most * self.margin, f"allowed {most:g} × {self.margin:g}"
        if usual is not None and usual * self.margin_usual < limit:
            limit, said = usual * self.margin_usual, f"usual {usual:g} × {self.margin_usual:g}"
        if ratio > limit:
            self.short.append(
                f"{what}: {figures.times(ratio)} {of}; {said} = {figures.times(limit)}"
            )

    def ratio(self, row: Row, name: str) -> float:
        """The lowest of each time that the row was measured."""
        found = [(each, _contestant(each, name)) for each in self.rows[row.function, row.input]]
        return min(_ratio(each, other) for each, other in found if other is not None)

    def check_row(self, target: Target) -> None:
        rows = self.rows.get((target.function, target.input))
        if rows is None:
            self.fail(f"{target.function}, {target.input}: not in the report")
            return
        promised = target.most if self.quick else {**target.most, **target.full}
        for name, most in promised.items():
            usual = target.usual.get(name) if self.knows_usual else None
            self.check_contestant(rows[0], name, most, usual)

    def check_contestant(self, row: Row, name: str, most: float, usual: Optional[float]) -> None:
        other = _contestant(row, name)
        reasons = row.notes_on(name)
        if other is not None:
            label = f"the floor ({other.name})" if name == "floor" else name
            times = len(self.rows[row.function, row.input])
            of = f"the time of {label}" + (f", measured {times} times" if times > 1 else "")
            self.allow(row.name, self.ratio(row, name), most, of, usual)
        elif reasons:
            self.skipped.append(f"{row.name} with {name}: {reasons[0]}")
        elif name in ("floor", "python", "rust"):
            self.fail(f"{row.name}: {name} was not measured, and no note says why")
        else:
            self.skipped.append(f"{row.name} with {name}: not on this machine")

    def check_compile(self, header: str, most: float) -> None:
        found = self.headers_of(header)
        if not found:
            self.fail(f"compile time of {header}: not in the report")
        for each in found:
            self.check_header(each, most)

    def headers_of(self, promised: str) -> list[str]:
        """The headers in the report that a limit is promised of."""
        headers = [each.header for each in self.report.compile]
        return [each for each in headers if promised in (each, EVERY_HEADER)]

    def check_header(self, header: str, most: float) -> None:
        what = f"compile time of {header}"
        measured = self.headers[header]
        std = [each.std_ms for each in measured if each.std_ms]
        if not std:
            self.fail(f"{what}: that of the std headers was not measured")
            return
        ratio = min(each.ms for each in measured) / min(std)
        times = f", measured {len(measured)} times" if len(measured) > 1 else ""
        self.allow(what, ratio, most, f"that of the std headers it needs{times}", None)

    def check_means(self, peer: str, kinds: dict[str, float]) -> None:
        found = figures.mean(self.report, peer, lambda row, other: 1 / self.ratio(row, peer))
        if found is None:
            reasons = [why for row in self.report.rows for why in row.notes_on(peer)]
            if reasons:
                self.skipped.append(f"mean of the speed-ups over {peer}: {reasons[0]}")
            else:
                self.fail(f"mean of the speed-ups over {peer}: not measured, no note says why")
            return
        for kind, least in kinds.items():
            self.checks += 1
            mean = getattr(found, kind)
            if mean * self.margin < least:
                self.short.append(
                    f"{kind} mean of the speed-ups over {peer}: {figures.times(mean)}; "
                    f"wanted {least:g} / {self.margin:g} = {figures.times(least / self.margin)}"
                )


def learn(reports: Sequence[Report], targets: dict[str, Any]) -> str:
    """The text of a target file in which what is usual is the most that the reports say, where that
    is less than what is promised: beside the floor, or beside the rivals of a row without one. What
    is usual beside other rivals, Python and Rust differs too much from machine to machine. Reports of
    several kinds of processors make it usual for all."""
    targets.pop("usual_on", None)
    processors = {report.machine.processor for report in reports}
    if len(processors) == 1 and None not in processors:
        targets["usual_on"] = processors.pop()
    for target in targets["rows"]:
        most: dict[str, float] = target.get("rivals") or {}
        if "floor" in target:
            most = {"floor": target["floor"]}
        ratios: dict[str, float] = {}
        for report in reports:
            for row in report.rows:
                if (row.function, row.input) == (target["function"], target["input"]):
                    for name in most:
                        other = _contestant(row, name)
                        if other is not None:
                            ratio = row.skyutil.median / other.stat.median
                            ratios[name] = max(ratios.get(name, 0), round(ratio, 3))
        target.pop("usual", None)
        usual = {name: ratio for name, ratio in ratios.items() if 0 < ratio < most[name]}
        if "floor" in usual:
            target["usual"] = usual
        elif usual:
            target["usual"] = {"rivals": usual}
    return _one_row_a_line(targets)


def _one_row_a_line(targets: dict[str, Any]) -> str:
    def written(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    parts = []
    for key, value in targets.items():
        if key == "rows":
            rows = ",\n".join(f"    {written(row)}" for row in value)
            parts.append(f'  "rows": [\n{rows}\n  ]')
        else:
            parts.append(f"  {written(key)}: {written(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _contestant(row: Row, name: str) -> Optional[Contestant]:
    if name in ("python", "rust", "floor"):
        found: Optional[Contestant] = getattr(row, name)
        return found
    return next((rival for rival in row.rivals if rival.name == name), None)


def _ratio(row: Row, other: Contestant) -> float:
    own, its = row.skyutil, other.stat
    fastest = min(own.samples) / min(its.samples)
    return min(own.median / its.median, own.low / its.low, fastest)
