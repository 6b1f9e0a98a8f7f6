# SPDX-License-Identifier: MIT
"""Numbers computed from a report, and numbers as words.

    duration(77_123_456) == "77.1 ms"; times(18.34) == "18.3×"; size(2**30) == "1 GiB"
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Callable, Optional, Sequence

from .model import Contestant, Curve, Report, Row, Stat

# --------------------------------------------------------------------------------- computed numbers


def speed_up(row: Row, other: Contestant) -> float:
    """How many times as fast as another skyutil is: more than 1 is ahead."""
    return other.stat.median / row.skyutil.median


def spread(stat: Stat) -> float:
    """The distance of the quartiles as a part of the median."""
    return (stat.high - stat.low) / stat.median


def overlap(a: Stat, b: Stat) -> bool:
    """Whether what lies between the quartiles has something in common."""
    return a.low <= b.high and b.low <= a.high


@dataclass(frozen=True)
class Mean:
    """The geometric mean over the headline rows where the other was measured, each row counting once."""

    rows: int
    geometric: float


def mean(
    report: Report, peer: str, of: Callable[[Row, Contestant], float] = speed_up
) -> Optional[Mean]:
    """Of the speed-ups over "python" or "rust"; None when it was measured nowhere."""
    found = [
        of(row, other)
        for row in report.rows
        if row.headline and (other := getattr(row, peer)) is not None
    ]
    if not found:
        return None
    return Mean(len(found), geometric_mean(found))


def geometric_mean(numbers: Sequence[float]) -> float:
    return math.exp(math.fsum(math.log(number) for number in numbers) / len(numbers))


PEERS = {"python": "Python", "rust": "Rust"}
ABOVE_FLOOR = 1.1  # nobody is faster than a floor: more than this is told


@dataclass(frozen=True)
class Behind:
    """A row in which another is faster, or the floor far below."""

    row: Row
    others: tuple[tuple[float, str], ...]  # skyutil's time as so many times that of whom
    why: str

    @property
    def worst(self) -> float:
        return self.others[0][0]


def behind(report: Report) -> list[Behind]:
    """Against Python, Rust and every rival, and the floor from ABOVE_FLOOR on; the worst first.
    Where the quartiles overlap it may be noise, which is said."""
    found = []
    for row in report.rows:
        others = [
            (PEERS[each.name], each.name, each, 1.0) for each in (row.python, row.rust) if each
        ]
        others += [(each.name, each.name, each, 1.0) for each in row.others]
        if row.floor:
            others.append((f"the floor ({row.floor.name})", "floor", row.floor, ABOVE_FLOOR))
        slower: list[tuple[float, str]] = []
        reasons: list[str] = []
        for label, key, other, most in others:
            ratio = row.skyutil.median / other.stat.median
            if ratio > most:
                noise = " (within the spread)" if overlap(row.skyutil, other.stat) else ""
                slower.append((ratio, label + noise))
                reasons += row.notes_on(key)
        if slower:
            why = "; ".join(dict.fromkeys(reasons or row.general_notes)) or "no reason given"
            found.append(Behind(row, tuple(sorted(slower, reverse=True)), why))
    return sorted(found, key=lambda each: -each.worst)


def not_compared(report: Report) -> dict[str, list[Row]]:
    """Who was not measured and why, with the rows; a floor only where a note says why."""
    found: dict[str, list[Row]] = {}
    for row in report.rows:
        for name in ("python", "rust", "floor"):
            why = "; ".join(row.notes_on(name))
            if getattr(row, name) is None and (why or name != "floor"):
                why = why or "no reason given"
                found.setdefault(f"{PEERS.get(name, name)}: {why}", []).append(row)
    return found


def p_value(a: Sequence[float], b: Sequence[float]) -> float:
    """Of a two-sided Mann-Whitney U test: exact for up to 30 samples, ties included; else by the
    normal distribution, corrected for ties and continuity."""
    values = sorted((*a, *b))
    counts = Counter(values)
    # Ranks times two are whole numbers, also where ties share one.
    rank, rank_of = 0, {}
    for value, count in sorted(counts.items()):
        rank_of[value] = 2 * rank + count + 1
        rank += count
    sum_a = sum(rank_of[value] for value in a)
    total = len(values)
    expected = len(a) * (total + 1)
    distance = abs(sum_a - expected)

    if total <= 30:
        # ways[k][s]: how many choices of k of the ranks have the sum s.
        ways: list[Counter[int]] = [Counter() for _ in range(len(a) + 1)]
        ways[0][0] = 1
        for value in values:
            for k in range(len(a), 0, -1):
                for s, count in ways[k - 1].items():
                    ways[k][s + rank_of[value]] += count
        as_far = sum(count for s, count in ways[-1].items() if abs(s - expected) >= distance)
        return as_far / math.comb(total, len(a))

    ties = sum(count**3 - count for count in counts.values())
    variance = len(a) * len(b) / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance == 0:
        return 1.0
    z = max(distance / 2 - 0.5, 0) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


# --------------------------------------------------------------------------------- numbers as words


def digits(number: float) -> str:
    """Three significant digits, never an exponent."""
    if number >= 99.95:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"


def times(ratio: float) -> str:
    return f"{digits(ratio) if 0.01 <= ratio < 99_999 else format(ratio, '.1g')}×"


def percent(part: float, sign: bool = False) -> str:
    return f"{100 * part:{'+' if sign else ''},.{0 if abs(part) >= 0.0995 else 1}f} %"


def duration(ns: float) -> str:
    for unit, length in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= 0.9995 * length:
            return f"{digits(ns / length)} {unit}"
    return f"{digits(ns)} ns"


def size(count: float) -> str:
    """Bytes, in powers of 1000 where these are exact, else of 1024."""
    for power, (decimal, binary) in reversed(
        list(enumerate((("kB", "KiB"), ("MB", "MiB"), ("GB", "GiB"), ("TB", "TiB")), 1))
    ):
        if count >= 1000**power and count % 1000**power == 0:
            return f"{count / 1000**power:,.0f} {decimal}"
        if count >= 1024**power:
            scaled = count / 1024**power
            return (
                f"{scaled:,.0f} {binary}" if scaled == int(scaled) else f"{digits(scaled)} {binary}"
            )
    return f"{count:,.0f} B" if count == int(count) else f"{digits(count)} B"


def plain(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else digits(number)


def axis(curve: Curve) -> str:
    """What stands beside the x axis, with the unit unless it is in the name or the numbers."""
    if curve.x in curve.x_unit:
        return curve.x_unit
    known = curve.x_unit in ("", "ns", "bytes") or curve.x_unit in curve.x
    return curve.x if known else f"{curve.x} ({curve.x_unit})"


def at(x: float, curve: Curve) -> str:
    """A place on the x axis."""
    return tick(x, curve.x_unit if curve.x_unit in ("ns", "bytes") else "")


def quantity(number: float, unit: str) -> str:
    """A number with its unit, in words that suit it."""
    if unit in ("ns", "bytes"):
        return duration(number) if unit == "ns" else size(number)
    return f"{plain(number)} {unit}".strip()


def tick(number: float, unit: str) -> str:
    """A quantity beside an axis, without zeros that say nothing."""
    return re.sub(r"\.0+(?!\d)", "", quantity(number, unit))


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)


def clip(text: str, width: int) -> str:
    """The text, or as much of it as fits and an ellipsis."""
    if columns(text) <= width:
        return text
    while text and columns(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def pad(text: str, width: int, right: bool = False) -> str:
    """The text in exactly so many columns."""
    text = clip(text, width)
    space = " " * (width - columns(text))
    return space + text if right else text + space
