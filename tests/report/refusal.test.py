#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reports and files that are refused, and the program itself.

    python3 tests/report/refusal.test.py [Class.test_name]
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any, Callable

sys.dont_write_bytecode = True

from support import BENCHMARKS, ROOT, Case, Json, sample, targets  # noqa: E402


class Refusal(Case):
    def changed(self, change: Callable[[Json], Any]) -> Json:
        report = sample()
        change(report)
        return report

    def test_a_report_that_is_none_is_refused_in_one_sentence(self) -> None:
        for content in (
            b"",
            b"\xff\xfe",
            b"{",
            b"[]",
            b"null",
            b'"report"',
            b"{}",
            b'{"schema": NaN}',
            b'{"schema": Infinity}',
            b'{"schema": ' + b"1" * 10_000 + b"}",
            b"[" * 200_000,
            b'{"a":' * 100_000,
            b'{"schema": 2}',
            b'{"schema": true}',
            b'{"' + b"k" * 100_000 + b'": 1}',
        ):
            with self.subTest(content=content[:40]):
                self.refused("render", self.file("report.json", content), str(self.directory / "o"))
        self.refused("render", str(self.directory / "none.json"), str(self.directory))
        self.refused("render", str(self.directory), str(self.directory))

    def test_a_missing_key_is_named(self) -> None:
        def without(*path: Any) -> Json:
            report = sample()
            at: Any = report
            for key in path[:-1]:
                at = at[key]
            del at[path[-1]]
            return report

        for path in (
            ("rows",),
            ("machine",),
            ("version",),
            ("quick",),
            ("curves",),
            ("machine", "cpu"),
            ("rows", 0, "function"),
            ("rows", 0, "headline"),
            ("rows", 0, "skyutil"),
            ("rows", 0, "skyutil", "median"),
            ("rows", 0, "skyutil", "samples"),
            ("rows", 0, "rivals", 0, "name"),
            ("curves", 0, "series", 0, "points"),
            ("memory", 0, "contestant"),
            ("compile", 0, "ms"),
        ):
            with self.subTest(path=path):
                said = self.refused(
                    "render", self.file("report.json", without(*path)), str(self.directory / "o")
                )
                self.assertIn(f'has no "{path[-1]}"', said)

    def test_a_number_that_cannot_be_is_refused_with_its_place(self) -> None:
        huge = 10**400
        values: tuple[Any, ...] = (
            "12",
            None,
            True,
            [],
            {},
            0,
            -1,
            -0.0,
            1e300,
            huge,
            float("inf"),
            float("nan"),
        )
        places: tuple[Callable[[Json, Any], Any], ...] = (
            lambda report, value: report["rows"][1]["skyutil"].update(median=value),
            lambda report, value: report["rows"][1]["python"]["samples"].append(value),
            lambda report, value: report["rows"][1]["floor"].update(low=value),
            lambda report, value: report["curves"][0]["series"][0]["points"][1].__setitem__(
                1, value
            ),
            lambda report, value: report["compile"][0].update(ms=value),
            lambda report, value: report["machine"].update(cores=value),
        )
        for value in values:
            for place in places:
                report = self.changed(lambda report: place(report, value))
                with self.subTest(value=repr(value)[:20]):
                    self.refused(
                        "render", self.file("report.json", report), str(self.directory / "o")
                    )

    def test_what_contradicts_itself_is_refused(self) -> None:
        changes: tuple[Callable[[Json], Any], ...] = (
            lambda report: report["rows"][0]["skyutil"].update(samples=[]),
            lambda report: report["rows"][0]["skyutil"].update(low=1e6),
            lambda report: report["rows"].append(copy.deepcopy(report["rows"][0])),
            lambda report: report.update(rows=[], compile=[]),
            lambda report: report["rows"][0]["rivals"].append(report["rows"][0]["rivals"][0]),
            lambda report: report["curves"][0].update(series=[]),
            lambda report: report["curves"][0]["series"][0].update(points=[]),
            lambda report: report["curves"][0]["series"][0].update(points=[[1, 2, 3]]),
            lambda report: report["machine"].update(cores=1.5),
        )
        for change in changes:
            report = self.changed(change)
            self.refused("render", self.file("report.json", report), str(self.directory / "o"))

    def test_text_that_controls_a_terminal_is_refused(self) -> None:
        for text in (
            "\x1b[2J",
            "a\nb",
            "\x00",
            "\u202e",
            "\ud800",
            "",
            "  ",
            "x" * 10_000,
            7,
            None,
        ):
            report = self.changed(lambda report: report["rows"][0].update(input=text))
            with self.subTest(text=repr(text)[:20]):
                said = self.refused(
                    "render", self.file("report.json", report), str(self.directory / "o")
                )
                self.assertIn("rows[0].input", said)

    def test_a_bad_target_file_is_refused(self) -> None:
        report = self.file("report.json", sample())
        changes: tuple[Callable[[Json], Any], ...] = (
            lambda target: target.pop("margin"),
            lambda target: target.update(margin=0.5),
            lambda target: target.update(margin_quick="1"),
            lambda target: target.update(rows=[]),
            lambda target: target.update(row=[]),
            lambda target: target["rows"][1].pop("floor"),
            lambda target: target["rows"][1].update(flor=1),
            lambda target: target["rows"][1].update(floor=0),
            lambda target: target["rows"][1].update(floor=None),
            lambda target: target["rows"][1].update(usual={"python": 1}),
            lambda target: target["rows"][1].update(usual={"pyton": 1}),
            lambda target: target["rows"].append(target["rows"][0]),
            lambda target: target.update(compile="1.3"),
            lambda target: target.update(means={"perl": {}}),
            lambda target: target.update(means={"python": {"median": 1}}),
        )
        for change in changes:
            target = targets()
            change(target)
            path = self.file("targets.json", target)
            said = self.refused("check", report, path)
            self.assertIn("targets.json: ", said)
            self.refused("learn", report, path)
            self.assertEqual(json.loads(Path(path).read_text(encoding="utf-8")), target)

    def test_a_directory_that_cannot_be_made_is_told(self) -> None:
        path = self.file("report.json", sample())
        self.assertIn("report.json", self.refused("render", path, path))


class Program(Case):
    def test_it_runs_from_anywhere_and_leaves_nothing_in_the_sources(self) -> None:
        before = sorted(BENCHMARKS.rglob("*"))
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(
            [
                sys.executable,
                str(BENCHMARKS / "report.py"),
                "render",
                str(ROOT / "tests/data/report.json"),
                "out",
            ],
            cwd=self.directory,
            env={**environment, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        self.assertEqual(sorted(os.listdir(self.directory / "out")), ["report.html", "report.txt"])
        self.assertEqual(before, sorted(BENCHMARKS.rglob("*")))

    def test_a_terminal_without_utf8_is_no_reason_to_fail(self) -> None:
        path = str(ROOT / "tests/data/report.json")
        done = subprocess.run(
            [sys.executable, str(BENCHMARKS / "report.py"), "compare", path, path],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_reader_who_leaves_gets_no_complaint(self) -> None:
        report = self.file("long.json", sample())
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, str(BENCHMARKS / "report.py"), "compare", report, report],
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        os.close(writing)
        self.assertEqual((done.returncode, done.stderr), (1, b""))


if __name__ == "__main__":
    unittest.main()
