# SPDX-License-Identifier: MIT
"""Charts as inline SVG: bars in groups, and curves with both axes logarithmic.

Colour never stands alone: each bar and each curve has its name beside it, curves differ in marks
and dashes. Every bar and every point can be reached with the keyboard and says what it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Iterable, Sequence

from . import figures
from .markup import Markup, tag
from .model import Curve, Point, Series


def text(content: str, x: float, y: float, class_: str = "", anchor: str = "start") -> Markup:
    return tag("text", content, x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def _svg(width: float, height: float, title: str, *children: Iterable[Markup]) -> Markup:
    return tag(
        "svg",
        *children,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=width,
        height=height,
        role="group",
        aria_label=title,
    )


def _point(label: str, *shapes: Markup, class_: str) -> Markup:
    """What the keyboard reaches and a screen reader reads."""
    return tag(
        "g", tag("title", label), *shapes, class_=class_, tabindex="0", role="img", aria_label=label
    )


def _hidden(*children: Iterable[Markup]) -> Markup:
    """What only repeats, for the eye, what the points say."""
    return tag("g", *children, aria_hidden="true")


# --------------------------------------------------------------------------------------------- axes


@dataclass(frozen=True)
class Scale:
    """From numbers to places between `start` and `end`."""

    place: Callable[[float], float]
    ticks: Sequence[float]


def log_scale(numbers: Sequence[float], start: float, end: float) -> Scale:
    """Covers all numbers; ticks at powers of ten, at 2 and 5 too where these are few. A zero has a
    place of its own before the others."""
    positive = [number for number in numbers if number > 0] or [1.0]
    low, high = math.log10(min(positive)), math.log10(max(positive))
    if high - low < 0.7:
        low, high = (low + high) / 2 - 0.35, (low + high) / 2 + 0.35
    zero = low - max(0.15 * (high - low), 0.15)
    first = zero if 0 in numbers else low

    def place(number: float) -> float:
        at = math.log10(number) if number > 0 else zero
        return start + (end - start) * (at - first) / (high - first)

    decades = range(math.floor(low), math.ceil(high) + 1)
    factors = (1,) if high - low > 2.5 else (1, 2, 5)
    every = max(1, round((high - low) / 6))
    ticks = [
        factor * 10.0**power for power in decades for factor in factors if power % every == 0
    ]
    inside = [tick for tick in ticks if low - 1e-9 <= math.log10(tick) <= high + 1e-9]
    return Scale(place, inside)


def linear_scale(numbers: Sequence[float], start: float, end: float) -> Scale:
    """From 0 to the largest number, with about five ticks."""
    most = max([*numbers, 1e-9])
    step = 10 ** math.floor(math.log10(most / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if most / (factor * step) <= 6)
    ticks = [i * step for i in range(int(most / step) + 1)]
    return Scale(lambda number: start + (end - start) * number / most, ticks)


# --------------------------------------------------------------------------------------------- bars


@dataclass(frozen=True)
class Bar:
    value: float
    style: str  # a class of the style sheet
    shown: str  # beside the bar
    label: str  # in full


@dataclass(frozen=True)
class Group:
    """Bars under one another, with a name on the left, below a heading where there is one."""

    heading: str
    name: str
    bars: Sequence[Bar]


WIDTH = 960.0
_LEFT, _RIGHT = 250.0, 730.0
_BAR, _GAP, _HEADING = 15.0, 9.0, 24.0


def bars(
    title: str,
    groups: Sequence[Group],
    scale: Scale,
    base: float,
    name_tick: Callable[[float], str],
) -> Markup:
    """Each bar begins at `base`."""
    top = 30.0
    shapes: list[Markup] = []
    y = top
    for group in groups:
        if group.heading:
            y += _HEADING
            shapes.append(_hidden([text(figures.clip(group.heading, 40), 0, y - 8, "heading")]))
        middle = y + len(group.bars) * _BAR / 2 + 4
        shapes.append(_hidden([text(figures.clip(group.name, 38), _LEFT - 12, middle, "", "end")]))
        for bar in group.bars:
            shapes.append(_bar(bar, scale.place(base), scale.place(bar.value), y))
            y += _BAR
        y += _GAP

    grid = [
        shape
        for tick in scale.ticks
        for shape in (
            line(
                scale.place(tick), top - 6, scale.place(tick), y, "base" if tick == base else "grid"
            ),
            text(name_tick(tick), scale.place(tick), top - 12, "tick", "middle"),
        )
    ]
    return _svg(WIDTH, y + 4, title, [_hidden(grid)], shapes)


def _bar(bar: Bar, base: float, end: float, y: float) -> Markup:
    left, right = min(base, end), max(base, end)
    beside = text(bar.shown, right + 6, y + _BAR - 4, "value")
    shape = tag(
        "rect", x=left, y=y + 1.5, width=max(right - left, 1.5), height=_BAR - 3, class_="mark"
    )
    return _point(bar.label, shape, beside, class_=f"bar {bar.style}")


def speed_scale(numbers: Sequence[float]) -> Scale:
    """With 1 in it."""
    return log_scale([*numbers, 0.8, 2.0], _LEFT, _RIGHT)


def size_scale(numbers: Sequence[float]) -> Scale:
    return log_scale([number for number in numbers if number > 0], _LEFT, _RIGHT)


def time_scale(numbers: Sequence[float]) -> Scale:
    return linear_scale(numbers, _LEFT, _RIGHT)


# ------------------------------------------------------------------------------------------- curves

_MARKS = ("circle", "square", "diamond", "triangle", "cross", "down")
OTHERS = ("other-1", "other-2", "other-3", "other-4")


def style_of(name: str, others: dict[str, str]) -> str:
    """The class of a contestant, the same in all charts; `others` remembers who got which."""
    lower = name.lower()
    if lower in ("skyutil", "python", "rust"):
        return lower
    if lower.startswith("floor"):
        return "floor"
    return others.setdefault(name, OTHERS[len(others) % len(OTHERS)])


def curves(curve: Curve) -> Markup:
    """The series of a curve, each with its name at its end and in the legend."""
    width, height = 620.0, 400.0
    left, right, top, bottom = 74.0, 480.0, 44.0 + 18 * ((len(curve.series) + 2) // 3), 352.0
    points = [point for series in curve.series for point in series.points]
    xs = sorted({point.x for point in points})
    x_scale = log_scale(xs, left, right)
    ys = [y for point in points for y in (point.low, point.high)]
    y_scale = log_scale(ys, bottom, top)

    axes = [line(left, bottom, right, bottom, "axis")]
    for tick in y_scale.ticks:
        y = y_scale.place(tick)
        axes += [line(left, y, right, y, "grid")]
        axes += [text(figures.tick(tick, curve.y_unit), left - 8, y + 4, "tick", "end")]
    taken = -math.inf
    for x in xs:
        label, at = figures.at(x, curve), x_scale.place(x)
        half = 3.6 * len(label) + 4
        axes.append(line(at, bottom, at, bottom + 5, "axis"))
        if at - half > taken:
            axes.append(text(label, at, bottom + 20, "tick", "middle"))
            taken = at + half
    axes.append(
        text(figures.clip(figures.axis(curve), 60), (left + right) / 2, height - 8, "", "middle")
    )

    others: dict[str, str] = {}
    drawn: list[list[Markup]] = []
    ends: list[tuple[float, float, str, str]] = []
    for i, series in enumerate(curve.series):
        style = style_of(series.name, others)
        mark = _MARKS[i % len(_MARKS)]
        places = [(x_scale.place(each.x), y_scale.place(each.median)) for each in series.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        shapes = [
            _hidden(
                [tag("polyline", points=path, class_=f"curve {style}")],
                *(_whisker(each, x_scale, y_scale, style) for each in series.points),
            )
        ]
        for each, (x, y) in zip(series.points, places):
            shapes.append(
                _point(_say(series, each, curve), _mark(mark, x, y), class_=f"point {style}")
            )
        # skyutil above the others.
        drawn.insert(len(drawn) if style == "skyutil" else 0, shapes)
        ends.append((*places[-1], series.name, style))
        x, y = left + (i % 3) * 180, 18.0 + 18 * (i // 3)
        axes += [
            tag(
                "polyline", points=f"{x:.1f},{y:.1f} {x + 26:.1f},{y:.1f}", class_=f"curve {style}"
            ),
            tag("g", _mark(mark, x + 13, y), class_=f"point {style}"),
            text(figures.clip(series.name, 21), x + 32, y + 4),
        ]
    return _svg(
        width, height, curve.title, [_hidden(axes)], *drawn, [_hidden(_names(ends, bottom))]
    )


def _say(series: Series, point: Point, curve: Curve) -> str:
    median, low, high = (
        figures.quantity(each, curve.y_unit) for each in (point.median, point.low, point.high)
    )
    return f"{series.name}, {figures.quantity(point.x, curve.x_unit)}: {median} ({low} to {high})"


def _whisker(point: Point, x_scale: Scale, y_scale: Scale, style: str) -> list[Markup]:
    x = x_scale.place(point.x)
    return [line(x, y_scale.place(point.low), x, y_scale.place(point.high), f"whisker {style}")]


def _names(ends: list[tuple[float, float, str, str]], bottom: float) -> list[Markup]:
    """The names at the ends of the curves, moved apart where they would touch."""
    shown: list[Markup] = []
    free = bottom + 8
    for x, y, name, style in sorted(ends, key=lambda end: -end[1]):
        at = min(y + 4, free)
        free = at - 14
        if abs(at - y - 4) > 3:
            shown.append(line(x + 7, y, x + 14, at - 4, f"leader {style}"))
        shown.append(text(figures.clip(name, 17), x + 16, at, f"name {style}"))
    return shown


def _mark(kind: str, x: float, y: float) -> Markup:
    if kind == "circle":
        return tag("circle", cx=x, cy=y, r=4.5, class_="mark")
    corners = {
        "square": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        "diamond": ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)),
        "triangle": ((0, -5), (5, 4), (-5, 4)),
        "cross": tuple(
            (a * p - b * q, a * q + b * p)
            for a, b in ((1, 0), (0, 1), (-1, 0), (0, -1))
            for p, q in ((1.7, -5), (1.7, -1.7), (5, -1.7))
        ),
        "down": ((0, 5), (5, -4), (-5, -4)),
    }[kind]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return tag("polygon", points=points, class_="mark")
