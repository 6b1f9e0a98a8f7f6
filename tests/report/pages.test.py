#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The text, the page and the table that are made of good and hostile reports.

    python3 tests/report/pages.test.py [Class.test_name]
"""

from __future__ import annotations

import copy
import os
import re
import stat
import sys
import unittest
from pathlib import Path
from typing import Optional

sys.dont_write_bytecode = True

from support import HOSTILE, Case, Json, Page, sample  # noqa: E402

from reporting import figures  # noqa: E402


class Text(Case):
    def test_it_has_every_row_with_its_ratios(self) -> None:
        text, _ = self.render(sample())
        self.assertRegex(text, r"\* 64 digits +80\.0 ns +5\.0 % +- +57\.5× +- +3\.00× GMP")
        self.assertRegex(
            text, r"\* last 10 of 1 GB +1\.70 µs .* 0\.97× +10\.4× +3\.47× +2\.82× mmap"
        )
        self.assertRegex(text, r"  4 KiB, sha512 +9\.00 µs")

    def test_it_has_the_geometric_mean_over_the_headline_rows(self) -> None:
        text, _ = self.render(sample())
        # The third root of 57.5 * 10.353 * 0.901.
        self.assertRegex(text, r"Python +8\.13× +3\n")
        self.assertRegex(text, r"Rust +1\.86× +2\n")

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


if __name__ == "__main__":
    unittest.main()
