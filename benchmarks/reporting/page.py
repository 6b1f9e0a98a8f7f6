# SPDX-License-Identifier: MIT
"""report.html: one file that needs no other, no network and no JavaScript."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Iterator, Optional, Sequence

from . import charts, figures
from .charts import Bar, Group
from .markup import Markup, join, tag
from .model import Contestant, Report, Row

STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def page(report: Report) -> str:
    """The whole page."""
    return "<!DOCTYPE html>\n" + _Page(report).page() + "\n"


class _Page:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.numbers = count(1)

    def page(self) -> Markup:
        sections = [
            ("speed", "Speed-up of each function", self.speed()),
            ("inputs", "Every input", self.inputs()),
            ("behind", "Where skyutil is behind", self.behind()),
            ("growth", "Growth", self.growth()),
            ("memory", "Memory", self.memory()),
            ("compile", "Compile time", self.compile()),
            ("machine", "Machine", self.machine()),
        ]
        shown = [(id_, title, list(parts)) for id_, title, parts in sections]
        shown = [each for each in shown if each[2]]
        links = [tag("li", tag("a", title, href=f"#{id_}")) for id_, title, _ in shown]
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return tag(
            "html",
            tag(
                "head",
                tag("meta", charset="utf-8"),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
                tag("meta", http_equiv="Content-Security-Policy", content=policy),
                tag("title", f"skyutil {self.report.version}: benchmarks"),
                tag("style", Markup(STYLE)),
            ),
            tag(
                "body",
                self.header(),
                tag("nav", tag("ul", links), aria_label="Sections", style=_CENTRED),
                tag(
                    "main",
                    [
                        tag("section", tag("h2", title, id=id_), parts, aria_labelledby=id_)
                        for id_, title, parts in shown
                    ],
                ),
                tag("footer", tag("p", "Made by ", tag("code", self.report.command), ".")),
            ),
            lang="en",
        )

    def header(self) -> Markup:
        report = self.report
        commit = f" ({report.commit})" if report.commit else ""
        quick = ", a quick run with wide spreads" if report.quick else ""
        return tag(
            "header",
            tag("h1", "skyutil beside Python, Rust and C++"),
            tag(
                "p",
                f"Version {report.version}{commit}, measured {report.date} on "
                f"{report.machine.cpu}, {report.machine.cores} cores{quick}.",
                class_="faint",
            ),
            tag("ul", self.tiles(), class_="tiles"),
        )

    def tiles(self) -> Iterator[Markup]:
        for peer, label in figures.PEERS.items():
            found = figures.mean(self.report, peer)
            shown = figures.times(found.geometric) if found else "not measured"
            where = f", {found.rows} headline inputs" if found else ""
            what = f"as fast as {label}: geometric mean{where}"
            yield tag("li", tag("strong", shown), " ", what)

    # ------------------------------------------------------------------------------------ speed-ups

    def speed(self) -> Iterator[Markup]:
        groups, cells = [], []
        for function in dict.fromkeys(row.function for row in self.report.rows):
            rows = [row for row in self.report.rows if row.function == function and row.headline]
            bars = list(_means_of(function, rows))
            if bars:
                groups.append(Group("", function, bars))
                cells.append((function, *(_find(bars, style) for style in _BESIDE)))
        if not groups:
            return
        yield tag(
            "p",
            "How many times as fast as the others skyutil is: the geometric mean over the headline "
            "inputs of each function. Bars to the right of 1× are ahead, to the left behind.",
        )
        yield self.bar_chart(
            "Speed-up of each function", groups, ("function", *_BESIDE.values()), cells
        )

    def inputs(self) -> Iterator[Markup]:
        yield tag(
            "p",
            "The same for each input. The floor is the least that an answer takes (its system "
            "calls, or the best that could be written by hand), so about 1× is as fast as can be.",
        )
        for headline, title in ((True, "Headline inputs"), (False, "Other inputs")):
            groups, cells, previous = [], [], ""
            for row in (row for row in self.report.rows if row.headline == headline):
                bars = list(_bars_of(row))
                heading = row.function if row.function != previous else ""
                if bars:
                    previous = row.function
                    groups.append(Group(heading, row.input, bars))
                cells.append(_cells_of(row))
            if cells:
                yield tag("h3", title)
                yield self.bar_chart(title, groups, _HEADINGS, cells)

    def bar_chart(
        self,
        title: str,
        groups: Sequence[Group],
        headings: Sequence[str],
        cells: Sequence[Sequence[str]],
    ) -> Markup:
        values = [bar.value for group in groups for bar in group.bars]
        used = {bar.style for group in groups for bar in group.bars}
        chart = []
        if values:
            legend = [(label, style) for style, label in _BESIDE.items() if style in used]
            chart = [
                _legend(legend),
                charts.bars(
                    title, groups, charts.speed_scale(values), 1.0, lambda tick: f"{tick:,.9g}×"
                ),
            ]
        caption = "Logarithmic scale; skyutil is faster to the right of 1×, slower to the left."
        return self.figure(caption, chart, title, headings, cells)

    def behind(self) -> Iterator[Markup]:
        found = figures.behind(self.report)
        if found:
            yield self.table(
                "Slower than another, or above the floor by more than 10 %: skyutil's time as so "
                "many times that of the other.",
                ("function and input", "the time of", "why"),
                [
                    (
                        each.row.name,
                        ", ".join(
                            f"{figures.times(ratio)} {other}" for ratio, other in each.others
                        ),
                        each.why,
                    )
                    for each in found
                ],
                words=True,
            )
        else:
            yield tag("p", "Nowhere: nobody is faster, and no floor is more than 10 % below.")
        missing = figures.not_compared(self.report)
        if missing:
            yield tag("h3", "What was not compared")
            yield tag(
                "ul",
                [
                    tag(
                        "li",
                        why,
                        tag("br"),
                        tag("span", "; ".join(row.name for row in rows), class_="faint"),
                    )
                    for why, rows in missing.items()
                ],
            )

    # ----------------------------------------------------------------- growth, memory, compile time

    def growth(self) -> Iterator[Markup]:
        if not self.report.curves:
            return
        yield tag(
            "p",
            "Medians, with a line from quartile to quartile; both axes are logarithmic. A flat "
            "curve costs the same whatever the size.",
        )
        shown = []
        for curve in self.report.curves:
            headings = (figures.axis(curve), *(series.name for series in curve.series))
            values = [{each.x: each.median for each in series.points} for series in curve.series]
            cells = [
                (
                    figures.at(x, curve),
                    *(
                        figures.quantity(each[x], curve.y_unit) if x in each else ""
                        for each in values
                    ),
                )
                for x in sorted({x for each in values for x in each})
            ]
            chart = [charts.curves(curve)]
            shown.append(self.figure("", chart, curve.title, headings, cells, titled=True))
        yield tag("div", shown, class_="curves")

    def memory(self) -> Iterator[Markup]:
        groups: dict[tuple[str, str], list[Bar]] = {}
        cells = []
        others: dict[str, str] = {}
        peaks = [each.peak_bytes for each in self.report.memory if each.peak_bytes]
        least = min(peaks, default=1.0)
        for each in self.report.memory:
            peak = "" if each.peak_bytes is None else figures.size(each.peak_bytes)
            calls = "" if each.allocations is None else figures.plain(each.allocations)
            cells.append((f"{each.function}, {each.input}", each.contestant, peak, calls))
            said = [peak] * bool(peak)
            said += [f"{calls} allocation{'s' * (calls != '1')}"] * bool(calls)
            shown = f"{figures.clip(each.contestant, 18)}  {', '.join(said) or 'not measured'}"
            groups.setdefault((each.function, each.input), []).append(
                Bar(
                    each.peak_bytes or least / 2,
                    charts.style_of(each.contestant, others),
                    shown,
                    f"{each.function}, {each.input}, {shown}",
                )
            )
        if cells:
            yield tag(
                "p",
                "What a call adds to the memory of its process at most, and how often it allocates.",
            )
            scale = charts.size_scale([least / 2, *peaks])
            listed, previous = [], ""
            for (function, input_), each_bars in groups.items():
                listed.append(Group(function if function != previous else "", input_, each_bars))
                previous = function
            chart = [charts.bars("Memory", listed, scale, least / 2, figures.size)]
            headings = ("function and input", "contestant", "peak", "allocations of a call")
            yield self.figure("Logarithmic scale.", chart, "Memory", headings, cells)

    def compile(self) -> Iterator[Markup]:
        groups, cells, longest = [], [], 0.0
        for each in self.report.compile:
            alone = figures.duration(each.std_ms * 1e6) if each.std_ms else ""
            whole = figures.duration(each.ms * 1e6)
            ratio = figures.times(each.ratio) if each.ratio else ""
            cells.append((each.header, whole, alone, ratio))
            longest = max(longest, each.ms, each.std_ms or 0)
            shown = f"{whole}, {ratio}" if ratio else whole
            said = (
                f"{each.header}: {whole}{f', {ratio} that of the standard headers' * bool(ratio)}"
            )
            bars = [Bar(each.ms, "skyutil", shown, said)]
            if each.std_ms:
                said = f"{each.header}: the standard headers it needs, alone: {alone}"
                bars.append(Bar(each.std_ms, "floor", alone, said))
            groups.append(Group("", each.header, bars))
        if groups:
            yield tag("p", "Of each header, beside that of the standard headers it needs.")
            legend = [("the header", "skyutil"), ("the standard headers it needs, alone", "floor")]
            scale = charts.time_scale([longest])
            chart = [
                _legend(legend),
                charts.bars("Compile time", groups, scale, 0.0, lambda tick: f"{tick:,.0f} ms"),
            ]
            headings = ("header", "header", "standard headers", "ratio")
            yield self.figure("Milliseconds.", chart, "Compile time", headings, cells)

    def machine(self) -> Iterator[Markup]:
        machine = self.report.machine
        memory = figures.size(machine.memory_bytes) if machine.memory_bytes else "unknown"
        load = " to ".join(f"{each:.2f}" for each in machine.load) or "unknown"
        pairs = (
            ("CPU", f"{machine.cpu}, {machine.cores} cores"),
            ("Memory", memory),
            ("Kernel", f"Linux {machine.kernel}"),
            ("Governor", machine.governor or "unknown"),
            ("Load", load),
            ("Compiler", machine.compiler),
            ("Python", machine.python or "not there"),
            ("Rust", machine.rust or "not there"),
        )
        yield tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in pairs])

    # --------------------------------------------------------------------------------------- pieces

    def figure(
        self,
        caption: str,
        chart: Sequence[Markup],
        title: str,
        headings: Sequence[str],
        cells: Sequence[Sequence[str]],
        titled: bool = False,
    ) -> Markup:
        """A chart, a way past it, and its numbers."""
        id_ = f"numbers-{next(self.numbers)}"
        return tag(
            "figure",
            tag("figcaption", tag("h3", title) if titled else tag("span", caption, class_="faint")),
            tag("a", f"Past the chart: {title} as a table", href=f"#{id_}", class_="skip"),
            tag("div", chart, class_="scroll" if titled else "scroll wide"),
            tag("details", tag("summary", "Numbers", id=id_), self.table(title, headings, cells)),
            aria_label=title,
        )

    def table(
        self,
        caption: str,
        headings: Sequence[str],
        cells: Sequence[Sequence[str]],
        words: bool = False,
    ) -> Markup:
        body = [
            tag("tr", tag("th", row[0], scope="row"), [tag("td", cell) for cell in row[1:]])
            for row in cells
        ]
        return tag(
            "div",
            tag(
                "table",
                tag("caption", caption),
                tag("thead", tag("tr", [tag("th", each, scope="col") for each in headings])),
                tag("tbody", body),
                **({"class_": "words"} if words else {}),
            ),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_label=caption,
        )


_CENTRED = "max-width:1400px;margin:0 auto;padding:0 20px"
_BESIDE = {"python": "Python", "rust": "Rust", "rival": "best rival in C++", "floor": "floor"}
_HEADINGS = (
    "function and input",
    "median",
    "quartiles",
    "samples",
    "over Python",
    "over Rust",
    "over the best rival",
    "over the floor",
    "rivals",
)


def _legend(entries: Sequence[tuple[str, str]]) -> Markup:
    items = [tag("li", tag("i", class_=style), label) for label, style in entries]
    return tag("ul", items, class_="legend", aria_hidden="true")


def _beside(row: Row) -> tuple[tuple[str, Optional[Contestant]], ...]:
    return tuple(zip(_BESIDE, (row.python, row.rust, row.best_rival, row.floor)))


def _means_of(function: str, rows: Sequence[Row]) -> Iterator[Bar]:
    for style, label in _BESIDE.items():
        found = [
            figures.speed_up(row, other)
            for row in rows
            for which, other in _beside(row)
            if which == style and other is not None
        ]
        if found:
            mean = figures.geometric_mean(found)
            shown = f"{figures.times(mean)} {label}"
            the = "" if style in figures.PEERS else "the "
            inputs = f"{len(found)} input{'s' * (len(found) != 1)}"
            yield Bar(
                mean,
                style,
                shown,
                f"{function}: {figures.times(mean)} as fast as {the}{label}, mean of {inputs}",
            )


def _bars_of(row: Row) -> Iterator[Bar]:
    for style, other in _beside(row):
        if other is not None:
            name = _BESIDE[style] if style in figures.PEERS else other.name
            ratio = figures.times(figures.speed_up(row, other))
            shown = f"{'floor: ' * (style == 'floor')}{name}"
            time = figures.quantity(other.stat.median, row.unit)
            own = figures.quantity(row.skyutil.median, row.unit)
            label = f"{row.name}: {ratio} as fast as {shown} ({own} and {time})"
            yield Bar(
                figures.speed_up(row, other), style, f"{ratio} {figures.clip(shown, 26)}", label
            )


def _cells_of(row: Row) -> tuple[str, ...]:
    stat = row.skyutil
    quartiles = (figures.quantity(each, row.unit) for each in (stat.low, stat.high))
    rivals = (
        f"{rival.name} {figures.quantity(rival.stat.median, row.unit)}" for rival in row.rivals
    )
    return (
        row.name,
        figures.quantity(stat.median, row.unit),
        " to ".join(quartiles),
        str(len(stat.samples)),
        *(
            f"{figures.times(figures.speed_up(row, other))} "
            f"({figures.quantity(other.stat.median, row.unit)})"
            if other
            else ""
            for _, other in _beside(row)
        ),
        ", ".join(rivals),
    )


def _find(bars: Sequence[Bar], style: str) -> str:
    return next((figures.times(bar.value) for bar in bars if bar.style == style), "")
