#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What benchmarks/report.py makes of good, bad and hostile reports.

    python3 tests/report/gate.test.py [Class.test_name]

data/report.json is a small report with invented numbers.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import random
import re
import stat
import statistics
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Callable, Optional

ROOT = Path(__file__).resolve().parent.parent.parent
BENCHMARKS = ROOT / "benchmarks"
sys.dont_write_bytecode = True
sys.path.insert(0, str(BENCHMARKS))

from reporting import figures  # noqa: E402
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
        "means": {"python": {"arithmetic": 20, "geometric": 8}},
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


class Text(Case):
    def test_it_has_every_row_with_its_ratios(self) -> None:
        text, _ = self.render(sample())
        self.assertRegex(text, r"\* 64 digits +80\.0 ns +5\.0 % +- +57\.5× +- +3\.00× GMP")
        self.assertRegex(
            text, r"\* last 10 of 1 GB +1\.70 µs .* 0\.97× +10\.4× +3\.47× +2\.82× mmap"
        )
        self.assertRegex(text, r"  4 KiB, sha512 +9\.00 µs")

    def test_it_has_both_means_over_the_headline_rows(self) -> None:
        text, _ = self.render(sample())
        # (57.5 + 10.353 + 0.901) / 3 and the third root of their product.
        self.assertRegex(text, r"Python +22\.9× +8\.13× +3\n")
        self.assertRegex(text, r"Rust +2\.24× +1\.86× +2\n")

    def test_it_says_where_skyutil_is_behind_by_how_much_and_why(self) -> None:
        text, _ = self.render(sample())
        self.assertIn(
            "hash_file, 100 MiB, sha512\n"
            "    1.11× the time of Python\n"
            "    OpenSSL has assembly for it\n",
            text,
        )
        self.assertNotIn("the time of skyutil", text)

    def test_it_says_what_was_not_compared_and_why(self) -> None:
        text, _ = self.render(sample())
        self.assertIn("Rust: skipped, fails beyond 128 bits (base36_encode, 64 digits)", text)
        self.assertIn("Rust: skipped, an example (hash_file, 4 KiB, sha512)", text)

    def test_it_has_curves_memory_compile_time_and_machine(self) -> None:
        text, _ = self.render(sample())
        self.assertRegex(text, r"1,000 +283 µs +2\.30 ms +281 µs\n")
        self.assertRegex(text, r"python +19 MiB +-\n")
        self.assertRegex(text, r"skyutil/strings\.hpp +230 ms +210 ms +1\.10×\n")
        self.assertRegex(text, r"An example of a CPU, 2 cores, 8 GiB\n")

    def test_it_fits_100_columns_whatever_the_names(self) -> None:
        report = sample()
        for row in report["rows"]:
            row["input"] += " 日本語" * 60
            row["notes"].append("a" * 400)
            row["skyutil"].update(low=0.001, high=1e18)
        report["rows"][0]["function"] = "f" * 300
        report["curves"][0]["title"] = report["curves"][0]["x"] = "e\u0301" * 150
        report["curves"][0]["series"] *= 4
        report["memory"][0]["contestant"] = "日" * 200
        report["memory"][0]["peak_bytes"] = 1e18
        report["compile"][0].update(header="h" * 300, ms=1e18, std_ms=1e-6)
        report["machine"]["cpu"] = "c" * 400
        text, _ = self.render(report)
        self.assertLessEqual(max(map(figures.columns, text.splitlines())), 100)

    def test_null_and_absent_parts_are_left_out(self) -> None:
        report = sample()
        report.update(curves=[], memory=[], compile=[], commit=None)
        for row in report["rows"]:
            row.update(python=None, rust=None, floor=None, rivals=[], notes=[])
        report["machine"].update(rust=None, python=None, memory_bytes=None, load=[0.5, None])
        text, html = self.render(report)
        self.assertRegex(text, r"Python +not measured\n")
        self.assertNotIn("None", text)
        self.assertEqual(Page(html).wrong, [])
        self.assertEqual(Page(html).all("svg"), [])


class Html(Case):
    def page(self, report: Optional[Json] = None) -> Page:
        page = Page(self.render(report or sample())[1])
        self.assertEqual(page.wrong, [])
        return page

    def test_it_is_well_formed_with_landmarks_headings_and_a_language(self) -> None:
        page = self.page()
        self.assertEqual(page.all("html")[0]["lang"], "en")
        for landmark in ("header", "nav", "main", "footer", "h1"):
            self.assertEqual(len(page.all(landmark)), 1)
        titles = [
            parents for tag, _, parents in page.elements if tag == "title" and "svg" not in parents
        ]
        self.assertEqual(titles, [["html", "head"]])
        levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        self.assertTrue(all(after <= before + 1 for before, after in zip(levels, levels[1:])))

    def test_what_it_refers_to_is_there_and_every_id_is_there_once(self) -> None:
        page = self.page()
        ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
        self.assertEqual(len(ids), len(set(ids)))
        for _, attributes, _ in page.elements:
            for name in ("href", "aria-labelledby"):
                if name in attributes:
                    self.assertIn((attributes[name] or "").lstrip("#"), ids)

    def test_it_needs_no_network_and_no_script(self) -> None:
        _, html = self.render(sample())
        self.assertNotRegex(
            html, r"(?i)https?:|src=|url\(|@import|<script|<link|<iframe|javascript:"
        )
        self.assertIn("default-src &#x27;none&#x27;", html)

    def test_every_chart_has_a_table_of_its_numbers(self) -> None:
        page = self.page()
        charts = [each for each in page.elements if each[0] == "svg"]
        self.assertEqual(
            len(charts), 6
        )  # functions, headline inputs, others, curve, memory, compile
        self.assertEqual(len(page.all("figure")), len(charts))
        tables = [parents for tag, _, parents in page.elements if tag == "table"]
        self.assertEqual(sum("details" in parents and "figure" in parents for parents in tables), 6)

    def test_bars_and_points_are_reached_by_keyboard_and_say_what_they_are(self) -> None:
        page = self.page()
        points = [attributes for attributes in page.all("g") if "tabindex" in attributes]
        labels = [attributes["aria-label"] or "" for attributes in points]
        self.assertTrue(all(attributes["role"] == "img" for attributes in points))
        self.assertIn("skyutil, 1,000 ports: 283 µs (277 µs to 297 µs)", labels)
        self.assertTrue(
            any(label.startswith("base36_encode, 64 digits: 57.5× as fast") for label in labels)
        )
        self.assertTrue(any("skyutil/strings.hpp: 230 ms" in label for label in labels))
        self.assertTrue(any("skyutil  4.10 MiB, 11 allocations" in label for label in labels))

    def test_it_has_light_and_dark_colours_for_all_that_is_drawn(self) -> None:
        _, html = self.render(sample())
        light, dark = re.split(r"prefers-color-scheme: dark", html.split("* {")[0])
        names = set(re.findall(r"(--[a-z0-9-]+): #", light))
        self.assertEqual(names, set(re.findall(r"(--[a-z0-9-]+): #", dark)))
        self.assertLessEqual(set(re.findall(r"var\((--[a-z0-9-]+)\)", html)) - {"--tint"}, names)

    def test_it_escapes_everything(self) -> None:
        report = sample()
        report.update(version=HOSTILE, commit=HOSTILE, date=HOSTILE, command=HOSTILE)
        for key in ("cpu", "kernel", "compiler", "python", "rust", "governor"):
            report["machine"][key] = HOSTILE
        for i, row in enumerate(report["rows"]):
            row.update(function=HOSTILE, header=HOSTILE, input=HOSTILE + str(i), notes=[HOSTILE])
            row["rivals"] = [{**copy.deepcopy(row["skyutil"]), "name": HOSTILE}]
            row["floor"] = copy.deepcopy(row["rivals"][0])
        for key in ("title", "x", "x_unit", "y_unit"):
            report["curves"][0][key] = HOSTILE
        report["curves"][0]["series"][0]["name"] = HOSTILE
        report["memory"][0].update(function=HOSTILE, input=HOSTILE, contestant=HOSTILE)
        report["compile"][0]["header"] = HOSTILE
        page = self.page(report)
        self.assertEqual(page.all("script"), [])
        self.assertIn(HOSTILE, page.text)


class Gate(Case):
    def test_good_numbers_pass(self) -> None:
        code, out = self.check(sample(), targets())
        self.assertEqual(code, 0, out)
        self.assertIn(
            "Not compared: base36_encode, 64 digits with rust: skipped, fails beyond", out
        )
        self.assertIn("All 6 hold (margin 1.1, full run).", out)

    def test_what_became_slower_by_half_fails_in_quick_runs(self) -> None:
        for i in range(3):
            report = sample()
            scale(report["rows"][i]["skyutil"], 1.5)
            code, out = self.check(report, targets(), "--quick")
            self.assertEqual(code, 1, out)
            row = report["rows"][i]
            self.assertIn(f"  {row['function']}, {row['input']}: ", out)
            self.assertIn("1 of 6 fall short (margin 1.35, quick run)", out)

    def test_what_became_slower_by_half_fails_where_less_was_promised_than_is_done(self) -> None:
        generous: Json = {**targets(), "means": {}}
        for row in generous["rows"]:
            high: Json = {"floor": 9} if "floor" in row else {"rivals": {"GMP": 9}}
            row.update(high)
        path = self.file("learned.json", generous)
        code, _, err = self.run_main("learn", self.file("report.json", sample()), path)
        self.assertEqual((code, err), (0, ""))
        learned = json.loads(Path(path).read_text(encoding="utf-8"))
        for i in range(3):
            for option in ((), ("--quick",)):
                report = sample()
                self.assertEqual(self.check(report, learned, *option)[0], 0)
                scale(report["rows"][i]["skyutil"], 1.5)
                self.assertEqual(self.check(report, generous, *option)[0], 0)
                code, out = self.check(report, learned, *option)
                self.assertEqual(code, 1, out)
                self.assertIn("usual", out)

    def test_noise_of_20_percent_passes_in_quick_runs(self) -> None:
        for seed in range(60):
            chance = random.Random(seed)
            report = sample()
            for timed in times_of(report):
                measure(timed, timed["median"], 0.2, chance, 7)
            code, out = self.check(report, targets(), "--quick")
            self.assertEqual(code, 0, f"seed {seed}: {out}")

    def test_what_became_slower_by_half_fails_through_noise(self) -> None:
        missed = 0
        for seed in range(60):
            chance = random.Random(seed)
            report = sample()
            scale(report["rows"][seed % 3]["skyutil"], 1.5)
            for timed in times_of(report):
                measure(timed, timed["median"], 0.05, chance, 7)
            missed += self.check(report, targets(), "--quick")[0] == 0
        self.assertEqual(missed, 0)

    def test_a_neighbour_who_disturbs_all_samples_but_one_does_not_fail_it(self) -> None:
        for i in range(3):
            report = sample()
            timed = report["rows"][i]["skyutil"]
            best = min(timed["samples"])
            scale(timed, 5)
            timed["samples"][3] = best
            self.assertEqual(self.check(report, targets(), "--quick")[0], 0)

    def test_what_falls_short_each_time_it_is_measured_fails(self) -> None:
        slow, slower, good = sample(), sample(), sample()
        scale(slow["rows"][1]["skyutil"], 1.5)
        scale(slower["rows"][1]["skyutil"], 2)
        good["rows"] = good["rows"][1:2]
        for reports, expected in (
            ((slow, slower), 1),
            ((slow, slower, slow), 1),
            ((slow, good), 0),
            ((slower, slow, good), 0),
            ((good, slow), 1),  # rows of the first alone are not enough
        ):
            files = [self.file(f"{i}.json", report) for i, report in enumerate(reports)]
            code, out, _ = self.run_main("check", *files, self.file("targets.json", targets()))
            self.assertEqual(code, expected, out)
        code, out, _ = self.run_main(
            "check",
            self.file("1.json", slow),
            self.file("2.json", slower),
            self.file("targets.json", targets()),
        )
        self.assertIn("measured 2 times", out)

    def test_what_needs_a_quiet_machine_is_promised_of_full_runs_alone(self) -> None:
        promised = targets()
        promised["rows"][1]["full"] = {"rivals": {"mmap": 0.1}}
        self.assertEqual(self.check(sample(), promised, "--quick")[0], 0)
        code, out = self.check(sample(), promised)
        self.assertEqual(code, 1)
        self.assertIn("the time of mmap; allowed 0.1", out)

    def test_the_rows_to_measure_again_are_those_that_fall_short(self) -> None:
        from reporting import gate  # type: ignore[import]
        from reporting.model import read_report, read_targets  # type: ignore[import]

        known = read_targets(self.file("targets.json", targets()))
        self.assertEqual(
            gate.rows_short(read_report(self.file("good.json", sample())), [], known), []
        )
        slow = sample()
        scale(slow["rows"][1]["skyutil"], 1.5)
        del slow["rows"][2]  # cannot be measured again: it may be gone
        report = read_report(self.file("slow.json", slow))
        row = (slow["rows"][1]["function"], slow["rows"][1]["input"])
        self.assertEqual(gate.rows_short(report, [], known), [row])
        self.assertEqual(gate.rows_short(report, [report], known), [row])
        again = read_report(self.file("again.json", sample()))
        self.assertEqual(gate.rows_short(report, [again], known), [])

    def test_on_another_processor_only_what_is_promised_counts(self) -> None:
        learned: Json = {**targets(), "means": {}}
        learned["rows"][1].update(floor=3, usual={"floor": 1.03})
        learned["usual_on"] = "x86_64 AuthenticAMD 25 1"
        for processor, expected in (("x86_64 AuthenticAMD 25 1", 1), ("aarch64 0x41", 0), (None, 0)):
            report = sample()
            scale(report["rows"][1]["skyutil"], 1.5)
            if processor is not None:
                report["machine"]["processor"] = processor
            code, out = self.check(report, learned)
            self.assertEqual(code, expected, out)
            self.assertEqual("Not compared: what is usual" in out, expected == 0, out)

    def test_a_quick_report_has_the_wide_margin_by_itself(self) -> None:
        report = sample()
        scale(report["rows"][1]["skyutil"], 1.25)
        self.assertEqual(self.check(report, targets())[0], 1)
        report["quick"] = True
        self.assertEqual(self.check(report, targets())[0], 0)

    def test_what_is_not_in_the_report_fails(self) -> None:
        report = sample()
        del report["rows"][1]
        report["compile"] = []
        code, out = self.check(report, targets())
        self.assertEqual(code, 1)
        self.assertIn("read_last_n_lines, last 10 of 1 GB: not in the report", out)
        self.assertIn("compile time of skyutil/strings.hpp: not in the report", out)

    def test_who_was_not_measured_needs_a_reason(self) -> None:
        report = sample()
        report["rows"][2]["floor"] = None
        self.assertIn(
            "floor was not measured, and no note says why", self.check(report, targets())[1]
        )
        report["rows"][2]["notes"].append("floor: skipped, a reason")
        code, out = self.check(report, targets())
        self.assertEqual(code, 0)
        self.assertIn("with floor: skipped, a reason", out)

    def test_a_rival_that_is_not_installed_is_no_failure(self) -> None:
        report = sample()
        report["rows"][0]["rivals"] = []
        code, out = self.check(report, targets())
        self.assertEqual(code, 0)
        self.assertIn("Not compared: base36_encode, 64 digits with GMP", out)

    def test_compile_time_and_means_have_limits(self) -> None:
        report = sample()
        report["compile"][0]["ms"] = 320
        scale(report["rows"][0]["python"], 0.1)
        code, out = self.check(report, targets())
        self.assertEqual(code, 1)
        self.assertIn("compile time of skyutil/strings.hpp: 1.52× that of", out)
        self.assertIn("arithmetic mean of the speed-ups over python: 5.67×; wanted 20", out)
        self.assertIn("geometric mean of the speed-ups over python: 3.77×; wanted 8", out)

    def test_one_limit_can_stand_for_every_header(self) -> None:
        report = sample()
        self.assertEqual(self.check(report, {**targets(), "compile": 1.3})[0], 0)
        self.assertEqual(self.check(report, {**targets(), "compile": 0.9})[0], 1)

    def test_what_is_usual_is_learned_without_a_change_to_what_is_promised(self) -> None:
        promised = targets()
        promised["rows"][1].update(floor=2, rivals={"mmap": 1})
        path = self.file("targets.json", promised)
        slower = sample()
        scale(slower["rows"][1]["skyutil"], 1.1)
        scale(slower["rows"][2]["skyutil"], 1.1)  # more than is promised
        reports = [self.file("one.json", sample()), self.file("two.json", slower)]
        base36 = {"rivals": {"GMP": 0.333}}
        for some, expected in (
            (reports, [base36, {"floor": 1.133}, None]),
            (reports[:1], [base36, {"floor": 1.03}, {"floor": 1.006}]),
        ):
            self.assertEqual(self.run_main("learn", *some, path), (0, "", ""))
            learned = json.loads(Path(path).read_text(encoding="utf-8"))
            usual = [row.pop("usual", None) for row in learned["rows"]]
            self.assertEqual((learned, usual), (promised, expected))

    def test_what_is_learned_names_the_processor_if_there_is_one(self) -> None:
        one, other = sample(), sample()
        one["machine"]["processor"] = "x86_64 AuthenticAMD 25 1"
        other["machine"]["processor"] = "aarch64 0x41"
        path = self.file("targets.json", targets())
        files = [self.file("one.json", one), self.file("other.json", other)]
        for some, expected in ((files[:1], "x86_64 AuthenticAMD 25 1"), (files, None)):
            self.assertEqual(self.run_main("learn", *some, path), (0, "", ""))
            learned = json.loads(Path(path).read_text(encoding="utf-8"))
            self.assertEqual(learned.get("usual_on"), expected)

    def test_the_targets_of_the_project_are_of_what_is_measured(self) -> None:
        known = json.loads((BENCHMARKS / "targets.json").read_text(encoding="utf-8"))
        report = sample()
        _, out = self.check(report, known)
        self.assertIn("fall short", out)
        if not (BENCHMARKS / "inputs.py").exists():
            self.skipTest("benchmarks/inputs.py is not there")
        import inputs  # type: ignore[import]

        cases = {(case.name, case.input) for case in inputs.cases()}
        self.assertLessEqual({(row["function"], row["input"]) for row in known["rows"]}, cases)


class Compare(Case):
    def line(self, out: str, start: str) -> str:
        return next(line for line in out.splitlines() if line.startswith(start))

    def test_a_change_beyond_noise_has_a_percentage_and_a_p_value(self) -> None:
        new = sample()
        scale(new["rows"][1]["skyutil"], 1.2)
        out = self.compare(sample(), new)
        self.assertRegex(
            self.line(out, "read_last"), r"1\.70 µs +2\.04 µs +\+20 % +0\.001 +0\.0 %|\+0\.0 %$"
        )
        self.assertRegex(self.line(out, "base36"), r" ~ ")
        self.assertRegex(self.line(out, "geometric"), r"\+4\.7 %")
        self.assertNotIn("warning", out)

    def test_noise_is_no_change(self) -> None:
        found = 0
        for seed in range(60):
            chance = random.Random(seed)
            old, new = sample(), sample()
            for report in (old, new):
                measure(report["rows"][0]["skyutil"], 80, 0.2, chance, 7)
            found += " ~ " not in self.line(self.compare(old, new), "base36")
        self.assertLess(found, 8)  # 3 are what a p-value of 0.05 means

    def test_too_few_samples_are_told(self) -> None:
        old, new = sample(), sample()
        for report, time in ((old, 80), (new, 160)):
            report["rows"][0]["skyutil"].update(
                median=time, low=time, high=time, samples=[time, time + 1, time + 2]
            )
        self.assertRegex(self.line(self.compare(old, new), "base36"), r" ~ +too few")

    def test_another_machine_or_effort_is_warned_of(self) -> None:
        new = sample()
        new["machine"].update(cpu="Another", compiler="clang", load=[9, 9])
        new["quick"] = True
        out = self.compare(sample(), new)
        for warning in ("cpu differs", "compiler differs", "quick", "more to do than it has cores"):
            self.assertRegex(out, f"warning: .*{warning}")

    def test_rows_that_only_one_has_are_named(self) -> None:
        old, new = sample(), sample()
        old["rows"] = old["rows"][:2]
        new["rows"] = new["rows"][1:]
        out = self.compare(old, new)
        self.assertIn("only in the old one: base36_encode, 64 digits", out)
        self.assertIn("only in the new one: hash_file, 4 KiB, sha512", out)
        old["rows"] = old["rows"][:1]
        self.assertIn("no row in common", self.compare(old, new))

    def test_it_fits_100_columns(self) -> None:
        old = sample()
        for report in (old, new := copy.deepcopy(old)):
            report["rows"][0]["input"] = "日" * 100
            report["command"] = report["machine"]["cpu"] = "x" * 300
        new["machine"]["cpu"] = "y" * 300
        out = self.compare(old, new)
        self.assertLessEqual(max(map(figures.columns, out.splitlines())), 100)

    def test_p_values_are_those_of_the_textbook(self) -> None:
        self.assertAlmostEqual(figures.p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252)
        self.assertAlmostEqual(figures.p_value([19, 22, 16, 29, 24], [20, 11, 17, 12]), 1 / 9)
        self.assertEqual(figures.p_value([1, 1, 1], [1, 1, 1]), 1)
        self.assertEqual(figures.p_value([1] * 40, [1] * 40), 1)
        # Ties: of the 20 choices of three, 2 are as far apart.
        self.assertAlmostEqual(figures.p_value([1, 1, 1], [2, 2, 2]), 0.1)
        # Beyond 30 samples the normal distribution takes over, and is close to the exact number.
        chance = random.Random(1)
        a, b = ([chance.gauss(mean, 1) for _ in range(15)] for mean in (0, 0.7))
        exact = figures.p_value(a, b)
        above = figures.p_value([*a, 0.3], [*b, 0.3])
        self.assertLess(abs(exact - above), 0.03)
        self.assertAlmostEqual(figures.p_value(a, b), figures.p_value(b, a))


class Table(Case):
    def table(self, report: Json, text: str) -> str:
        path = self.file("README.md", text)
        code, _, err = self.run_main("table", self.file("report.json", report), path)
        self.assertEqual((code, err), (0, ""))
        return Path(path).read_text(encoding="utf-8")

    MARKER = "<!-- benchmark table -->"

    def test_it_replaces_what_is_between_the_markers_alone(self) -> None:
        before, after = "# Title\r\n\nä\n", "\nend, without a line feed"
        once = self.table(sample(), f"{before}{self.MARKER}old{self.MARKER}{after}")
        self.assertTrue(once.startswith(before.replace("\r\n", "\n") + self.MARKER), once)
        self.assertTrue(once.endswith(self.MARKER + after))
        self.assertNotIn("old", once)
        self.assertIn("| `base36_encode` | 64 digits | 80.0 ns | 57.5× |  | 3.00× GMP |  |\n", once)
        self.assertNotIn("4 KiB", once)
        self.assertIn(
            "Made by `./dev bench` with skyutil 0.1.0 (abc1234) on An example of a CPU", once
        )
        self.assertEqual(self.table(sample(), once), once)

    def test_it_has_as_many_cells_in_every_row_whatever_the_names(self) -> None:
        report = sample()
        for row in report["rows"]:
            row["function"] += "|`|"
            row["input"] += "|" + HOSTILE
        text = self.table(report, self.MARKER * 2)
        rows = [line for line in text.splitlines() if line.startswith("|")]
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
        self.assertEqual(cells, {8})
        self.assertNotIn("<script", text)

    def test_it_keeps_the_mode_of_the_file_and_follows_a_link(self) -> None:
        path = self.file("real.md", self.MARKER * 2)
        os.chmod(path, 0o640)
        link = self.directory / "README.md"
        link.symlink_to("real.md")
        code, _, _ = self.run_main("table", self.file("report.json", sample()), str(link))
        self.assertEqual(code, 0)
        self.assertTrue(link.is_symlink())
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)
        self.assertIn("GMP", Path(path).read_text(encoding="utf-8"))
        self.assertEqual(
            sorted(os.listdir(self.directory)), ["README.md", "real.md", "report.json"]
        )

    def test_other_than_two_markers_are_refused_and_nothing_is_written(self) -> None:
        report = self.file("report.json", sample())
        for count in (0, 1, 3):
            path = self.file("README.md", self.MARKER * count)
            self.assertIn(f"{count} markers", self.refused("table", report, path))
            self.assertEqual(Path(path).read_text(encoding="utf-8"), self.MARKER * count)
        self.refused("table", report, self.file("README.md", b"\xff" + self.MARKER.encode() * 2))
        self.refused("table", report, str(self.directory / "none.md"))


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
            lambda report: report.update(rows=[]),
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
