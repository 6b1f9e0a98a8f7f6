# SPDX-License-Identifier: MIT
"""What the tests of benchmarks/reporting share: a report with invented numbers, what is made of it.

tests/data/report.json is that report.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import statistics
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Optional

ROOT = Path(__file__).resolve().parent.parent.parent
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from reporting.main import main  # noqa: E402

Json = dict[str, Any]
HOSTILE = "<script>alert('1')</script>&amp;\"`|*_[x](y)\\"


def sample() -> Json:
    loaded: Json = json.loads((ROOT / "tests/data/report.json").read_text(encoding="utf-8"))
    return loaded


def targets() -> Json:
    """Of the sample, each ratio just above what it is there."""
    return {
        "margin": 1.1,
        "margin_quick": 1.35,
        "means": {"python": {"geometric": 8}},
        "compile": {"skyutil/strings.hpp": 1.3},
        "rows": [
            {"function": "base36_encode", "input": "64 digits", "rust": 1, "rivals": {"GMP": 0.34}},
            {"function": "read_last_n_lines", "input": "last 10 of 1 GB", "floor": 1.05},
            {"function": "hash_file", "input": "100 MiB, sha512", "floor": 1.03},
        ],
    }


def scale(timed: Json, factor: float) -> None:
    for key in ("median", "low", "high"):
        timed[key] *= factor
    timed["samples"] = [sample * factor for sample in timed["samples"]]


def measure(timed: Json, center: float, noise: float, chance: random.Random, count: int) -> None:
    """As if measured, each sample as far from the center as the noise allows."""
    samples = [center * (1 + noise * (2 * chance.random() - 1)) for _ in range(count)]
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    timed.update(median=median, low=low, high=high, samples=samples)


def times_of(report: Json) -> list[Json]:
    """All there are in the rows."""
    return [
        timed
        for row in report["rows"]
        for timed in (row["skyutil"], row["python"], row["rust"], row["floor"], *row["rivals"])
        if timed
    ]


class Case(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(prefix="skyutil-test-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def file(self, name: str, content: Any) -> str:
        path = self.directory / name
        data = content if isinstance(content, (str, bytes)) else json.dumps(content)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    def run_main(self, *arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
        return code, out.getvalue(), err.getvalue()

    def render(self, report: Json) -> tuple[str, str]:
        """report.txt and report.html."""
        code, _, err = self.run_main(
            "render", self.file("report.json", report), str(self.directory / "out")
        )
        self.assertEqual((code, err), (0, ""))
        out = self.directory / "out"
        return (out / "report.txt").read_text("utf-8"), (out / "report.html").read_text("utf-8")

    def check(self, report: Json, target: Json, *options: str) -> tuple[int, str]:
        code, out, err = self.run_main(
            "check", self.file("report.json", report), self.file("targets.json", target), *options
        )
        self.assertEqual(err, "")
        return code, out

    def compare(self, old: Json, new: Json) -> str:
        code, out, err = self.run_main(
            "compare", self.file("old.json", old), self.file("new.json", new)
        )
        self.assertEqual((code, err), (0, ""))
        return out

    def refused(self, *arguments: str) -> str:
        """The one sentence that is said."""
        code, out, err = self.run_main(*arguments)
        self.assertEqual((code, out), (2, ""))
        self.assertRegex(err, r"\Areport\.py: [^\n]+\n\Z")
        self.assertLess(len(err), 300)
        return err


class Page(HTMLParser):
    """Elements with their attributes, and what is wrong with how they are nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, Optional[str]], list[str]]] = []
        self.wrong: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        self.wrong += [f"<{tag}> stays open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Optional[str]]]) -> None:
        if len({name for name, _ in attrs}) != len(attrs):
            self.wrong.append(f"<{tag}> has an attribute twice")
        self.elements.append((tag, dict(attrs), list(self.open)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, Optional[str]]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]
