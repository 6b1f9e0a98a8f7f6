# SPDX-License-Identifier: MIT
"""report.json and targets.json, read with suspicion.

    report = read_report("report.json")
    report.rows[0].skyutil.median   # nanoseconds a call

Whatever is in the file, either all of it is as the types below say, or BadFile says in one sentence
what is not. Numbers are finite and in range, and text can be printed: it has no control characters.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, NoReturn, Optional

SCHEMA = 1
LARGEST_FILE = 64 * 1024 * 1024
LARGEST_NUMBER = 1e18  # as nanoseconds: 31 years
LONGEST_TEXT = 500
EVERY_HEADER = "every header"


class BadFile(Exception):
    """A file that cannot be used; the message is one sentence."""


# ------------------------------------------------------------------------------- what a report has


@dataclass(frozen=True)
class Stat:
    """Times of one call in nanoseconds; low and high are quartiles."""

    median: float
    low: float
    high: float
    samples: tuple[float, ...]


@dataclass(frozen=True)
class Contestant:
    """Somebody beside skyutil: "python", "rust", a floor or a rival."""

    name: str
    stat: Stat


@dataclass(frozen=True)
class Row:
    """A function on an input; None for who was not measured."""

    function: str
    header: str
    input: str
    headline: bool
    unit: str
    skyutil: Stat
    python: Optional[Contestant]
    rust: Optional[Contestant]
    floor: Optional[Contestant]
    rivals: tuple[Contestant, ...]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.function}, {self.input}"

    @property
    def others(self) -> tuple[Contestant, ...]:
        """The rivals that are not skyutil in another form."""
        return tuple(each for each in self.rivals if not each.name.startswith("skyutil"))

    @property
    def best_rival(self) -> Optional[Contestant]:
        return min(self.others, key=lambda rival: rival.stat.median) if self.others else None

    def notes_on(self, name: str) -> tuple[str, ...]:
        """What notes such as "NAME: why", "python, rust: why" and "... more than NAME: why" say."""
        return tuple(why for head, why in map(_split, self.notes) if why and _is_on(head, name))

    @property
    def general_notes(self) -> tuple[str, ...]:
        """The notes on no contestant in particular."""
        names = ["python", "rust", "floor", *(rival.name for rival in self.rivals)]
        return tuple(
            note for note in self.notes if not any(_is_on(_split(note)[0], name) for name in names)
        )


def _split(note: str) -> tuple[str, str]:
    head, _, why = note.partition(": ")
    return head, why


def _is_on(head: str, name: str) -> bool:
    head, name = head.lower(), name.lower()
    return head == name or name in head.split(", ") or head.endswith(" than " + name)


@dataclass(frozen=True)
class Point:
    x: float
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Curve:
    title: str
    x: str
    x_unit: str
    y_unit: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Memory:
    function: str
    input: str
    contestant: str
    peak_bytes: Optional[float]
    allocations: Optional[float]


@dataclass(frozen=True)
class Compile:
    header: str
    ms: float
    std_ms: Optional[float]

    @property
    def ratio(self) -> Optional[float]:
        return self.ms / self.std_ms if self.std_ms else None


@dataclass(frozen=True)
class Machine:
    cpu: str
    processor: Optional[str]  # whose it is, family and model: names are less exact
    cores: int
    memory_bytes: Optional[float]
    kernel: str
    compiler: str
    python: Optional[str]
    rust: Optional[str]
    governor: Optional[str]
    load: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    version: str
    commit: Optional[str]
    date: str
    command: str
    quick: bool
    machine: Machine
    rows: tuple[Row, ...]
    curves: tuple[Curve, ...]
    memory: tuple[Memory, ...]
    compile: tuple[Compile, ...]


# -------------------------------------------------------------------------- what a target file has


@dataclass(frozen=True)
class Target:
    """What skyutil's time may be as so many times that of another: "floor", "python", "rust" or a
    rival's name. `most` is what is promised, `full` what is promised of full runs alone, on a quiet
    machine, and `usual` what was measured when this was written."""

    function: str
    input: str
    most: dict[str, float]
    full: dict[str, float]
    usual: dict[str, float]


@dataclass(frozen=True)
class Targets:
    margin: float
    margin_quick: float
    rows: tuple[Target, ...]
    compile: dict[str, float]  # by header, or EVERY_HEADER
    means: dict[str, dict[str, float]]
    usual_on: Optional[str]  # the processor that has what is usual; every one if None


# ------------------------------------------------------------------------------------------ reading


class _Node:
    """A JSON value and its place in the file, for the sentence that says what is wrong with it."""

    def __init__(self, value: Any, place: str) -> None:
        self.value = value
        self.place = place

    def fail(self, what: str) -> NoReturn:
        raise BadFile(f"{self.place} {what}")

    def expect(self, kind: type, name: str) -> Any:
        # A bool is an int in Python.
        if not isinstance(self.value, kind) or (kind is not bool and isinstance(self.value, bool)):
            shown = repr(self.value)
            self.fail(f"is {shown if len(shown) <= 40 else shown[:37] + '...'}, not {name}")
        return self.value

    def has(self, key: str) -> bool:
        return self.expect(dict, "an object").get(key) is not None

    def __getitem__(self, key: str) -> _Node:
        if key not in self.expect(dict, "an object"):
            self.fail(f"has no {_quoted(key)}")
        place = key if self.place == "the file" else f"{self.place}.{key}"
        return _Node(self.value[key], place)

    def keys(self, known: tuple[str, ...] = ()) -> list[str]:
        for key in self.expect(dict, "an object"):
            if known and key not in known:
                self.fail(f"has {_quoted(key)}, which means nothing here")
        return list(self.value)

    def items(self) -> Iterator[_Node]:
        for i, value in enumerate(self.expect(list, "a list")):
            yield _Node(value, f"{self.place}[{i}]")

    def text(self) -> str:
        value: str = self.expect(str, "text")
        if not value.strip():
            self.fail("is empty")
        if len(value) > LONGEST_TEXT:
            self.fail(f"has {len(value)} characters, and {LONGEST_TEXT} are allowed")
        if not value.isprintable():
            self.fail("has characters that cannot be printed")
        return value

    def flag(self) -> bool:
        return bool(self.expect(bool, "true or false"))

    def number(self, zero: bool = False) -> float:
        """A positive number, or zero where that is allowed."""
        value = self.expect((int, float), "a number")  # type: ignore[arg-type]
        if value != value or value in (math.inf, -math.inf) or value > LARGEST_NUMBER:
            self.fail(f"is larger than {LARGEST_NUMBER:g}")
        if value < 0 or (value == 0 and not zero):
            self.fail(f"is {value}, and must be {'0 or more' if zero else 'more than 0'}")
        return float(value)


def _quoted(key: str) -> str:
    return json.dumps(key if len(key) <= 40 else key[:37] + "...")


def _optional_text(node: _Node, key: str) -> Optional[str]:
    return node[key].text() if node.has(key) and node.value[key] != "" else None


def _optional_number(node: _Node, key: str) -> Optional[float]:
    return node[key].number(zero=True) if node.has(key) else None


def _optional_items(node: _Node, key: str) -> Iterator[_Node]:
    return node[key].items() if node.has(key) else iter(())


def _stat(node: _Node) -> Stat:
    samples = tuple(sample.number() for sample in node["samples"].items())
    if not samples:
        node["samples"].fail("is empty")
    stat = Stat(node["median"].number(), node["low"].number(), node["high"].number(), samples)
    _ordered(node, stat.low, stat.median, stat.high)
    return stat


def _ordered(node: _Node, low: float, median: float, high: float) -> None:
    if not low <= median <= high:
        node.fail(f"has median {median:g} outside of {low:g} to {high:g}")


def _peer(node: _Node, key: str) -> Optional[Contestant]:
    return Contestant(key, _stat(node[key])) if node.has(key) else None


def _named(node: _Node) -> Contestant:
    return Contestant(node["name"].text(), _stat(node))


def _row(node: _Node) -> Row:
    rivals = tuple(_named(rival) for rival in _optional_items(node, "rivals"))
    if len({rival.name for rival in rivals}) != len(rivals):
        node["rivals"].fail("has two of the same name")
    return Row(
        function=node["function"].text(),
        header=node["header"].text(),
        input=node["input"].text(),
        headline=node["headline"].flag(),
        unit=_optional_text(node, "unit") or "ns",
        skyutil=_stat(node["skyutil"]),
        python=_peer(node, "python"),
        rust=_peer(node, "rust"),
        floor=_named(node["floor"]) if node.has("floor") else None,
        rivals=rivals,
        notes=tuple(note.text() for note in _optional_items(node, "notes")),
    )


def _point(node: _Node) -> Point:
    numbers = list(node.items())
    if len(numbers) != 4:
        node.fail("is not [x, median, low, high]")
    x = numbers[0].number(zero=True)
    median, low, high = (number.number() for number in numbers[1:])
    _ordered(node, low, median, high)
    return Point(x, median, low, high)


def _series(node: _Node) -> Series:
    points = sorted((_point(point) for point in node["points"].items()), key=lambda each: each.x)
    if not points:
        node["points"].fail("is empty")
    return Series(node["name"].text(), tuple(points))


def _curve(node: _Node) -> Curve:
    series = tuple(_series(each) for each in node["series"].items())
    if not series:
        node["series"].fail("is empty")
    return Curve(
        title=node["title"].text(),
        x=node["x"].text(),
        x_unit=_optional_text(node, "x_unit") or "",
        y_unit=node["y_unit"].text(),
        series=series,
    )


def _memory(node: _Node) -> Memory:
    return Memory(
        function=node["function"].text(),
        input=node["input"].text(),
        contestant=node["contestant"].text(),
        peak_bytes=_optional_number(node, "peak_bytes"),
        allocations=_optional_number(node, "allocations"),
    )


def _compile(node: _Node) -> Compile:
    std_ms = node["std_ms"].number() if node.has("std_ms") else None
    return Compile(node["header"].text(), node["ms"].number(), std_ms)


def _machine(node: _Node) -> Machine:
    cores = node["cores"].number()
    if cores != int(cores):
        node["cores"].fail(f"is {cores:g}, not a whole number")
    return Machine(
        cpu=node["cpu"].text(),
        processor=_optional_text(node, "processor"),
        cores=int(cores),
        memory_bytes=_optional_number(node, "memory_bytes"),
        kernel=node["kernel"].text(),
        compiler=node["compiler"].text(),
        python=_optional_text(node, "python"),
        rust=_optional_text(node, "rust"),
        governor=_optional_text(node, "governor"),
        load=tuple(
            load.number(zero=True)
            for load in _optional_items(node, "load")
            if load.value is not None
        ),
    )


def _report(node: _Node) -> Report:
    schema = node["schema"]
    if schema.expect(int, "a number") != SCHEMA:
        schema.fail(f"is {schema.number():g}, and only {SCHEMA} is understood")
    rows: dict[tuple[str, str], Row] = {}
    for each in node["rows"].items():
        row = _row(each)
        if (row.function, row.input) in rows:
            each.fail(f"is a second row of {row.name}")
        rows[row.function, row.input] = row
    if not rows and not any(node["compile"].items()):  # headers can be measured again alone
        node["rows"].fail("is empty")
    return Report(
        version=node["version"].text(),
        commit=_optional_text(node, "commit"),
        date=node["date"].text(),
        command=node["command"].text(),
        quick=node["quick"].flag(),
        machine=_machine(node["machine"]),
        rows=tuple(rows.values()),
        curves=tuple(_curve(curve) for curve in node["curves"].items()),
        memory=tuple(_memory(memory) for memory in node["memory"].items()),
        compile=tuple(_compile(header) for header in node["compile"].items()),
    )


def _target(node: _Node) -> Target:
    node.keys(("function", "input", *_RATIOS, "full", "usual", "note"))
    most = _ratios(node)
    if not most:
        node.fail("promises nothing")
    full: dict[str, float] = {}
    if node.has("full"):
        node["full"].keys(_RATIOS)
        full = _ratios(node["full"])
    usual: dict[str, float] = {}
    if node.has("usual"):
        node["usual"].keys(_RATIOS)
        usual = _ratios(node["usual"])
        for name in usual:
            if name not in most:
                node["usual"].fail(f"has {_quoted(name)}, of which nothing is promised")
    return Target(node["function"].text(), node["input"].text(), most, full, usual)


_RATIOS = ("floor", "python", "rust", "rivals")


def _ratios(node: _Node) -> dict[str, float]:
    found = {key: node[key].number() for key in ("floor", "python", "rust") if node.has(key)}
    if node.has("rivals"):
        rivals = node["rivals"]
        found.update((name, rivals[name].number()) for name in rivals.keys())
    return found


def _targets(node: _Node) -> Targets:
    node.keys(("margin", "margin_quick", "rows", "compile", "means", "usual_on", "note"))
    margins = {}
    for key in ("margin", "margin_quick"):
        margins[key] = node[key].number()
        if margins[key] < 1:
            node[key].fail(f"is {margins[key]:g}, and must be 1 or more")
    rows = tuple(_target(row) for row in node["rows"].items())
    if not rows:
        node["rows"].fail("is empty")
    if len({(row.function, row.input) for row in rows}) != len(rows):
        node["rows"].fail("has two rows of one function and input")
    means: dict[str, dict[str, float]] = {}
    if node.has("means"):
        for peer in node["means"].keys(("python", "rust")):
            kinds = node["means"][peer].keys(("geometric",))
            means[peer] = {kind: node["means"][peer][kind].number() for kind in kinds}
    compile_times: dict[str, float] = {}
    if node.has("compile"):
        headers = node["compile"]
        if not isinstance(headers.value, dict):
            headers = _Node({EVERY_HEADER: headers.value}, headers.place)
        compile_times = {header: headers[header].number() for header in headers.keys()}
    usual_on = _optional_text(node, "usual_on")
    return Targets(
        margins["margin"], margins["margin_quick"], rows, compile_times, means, usual_on
    )


def _no_constant(name: str) -> NoReturn:
    raise BadFile(f"the file has {name}, which is no number in JSON")


def _read(path: str) -> _Node:
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise BadFile(f"the file has more than {LARGEST_FILE} bytes")
        return _Node(json.loads(data.decode(), parse_constant=_no_constant), "the file")
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise BadFile("the file is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadFile(f"the file is not JSON: {error.msg} in line {error.lineno}") from None
    except (ValueError, RecursionError):
        # A number of thousands of digits; lists in lists in lists.
        raise BadFile("the file is JSON that no report has") from None


def read_report(path: str) -> Report:
    """The report in a file; BadFile names the file and what is wrong."""
    try:
        return _report(_read(path))
    except BadFile as error:
        raise BadFile(f"{Path(path).name}: {error}") from None


def read_targets(path: str) -> Targets:
    """The targets in a file; BadFile names the file and what is wrong."""
    return _targets_and_json(path)[0]


def read_targets_as_json(path: str) -> dict[str, Any]:
    """What is in a target file, which is one that read_targets reads."""
    return _targets_and_json(path)[1]


def _targets_and_json(path: str) -> tuple[Targets, dict[str, Any]]:
    try:
        node = _read(path)
        return _targets(node), node.value
    except BadFile as error:
        raise BadFile(f"{Path(path).name}: {error}") from None
