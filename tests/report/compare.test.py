#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two reports side by side.

    python3 tests/report/compare.test.py [Class.test_name]
"""

from __future__ import annotations

import copy
import random
import sys
import unittest

sys.dont_write_bytecode = True

from support import Case, measure, sample, scale  # noqa: E402

from reporting import figures  # noqa: E402


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


if __name__ == "__main__":
    unittest.main()
