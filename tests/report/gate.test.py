#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the gate lets through: ratios and floors beside what is promised.

    python3 tests/report/gate.test.py [Class.test_name]
"""

from __future__ import annotations

import json
import random
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

from support import BENCHMARKS, Case, Json, measure, sample, scale, targets, times_of  # noqa: E402


class Gate(Case):
    def test_good_numbers_pass(self) -> None:
        code, out = self.check(sample(), targets())
        self.assertEqual(code, 0, out)
        self.assertIn(
            "Not compared: base36_encode, 64 digits with rust: skipped, fails beyond", out
        )
        self.assertIn("All 5 hold (margin 1.1, full run).", out)

    def test_what_became_slower_by_half_fails_in_quick_runs(self) -> None:
        for i in range(3):
            report = sample()
            scale(report["rows"][i]["skyutil"], 1.5)
            code, out = self.check(report, targets(), "--quick")
            self.assertEqual(code, 1, out)
            row = report["rows"][i]
            self.assertIn(f"  {row['function']}, {row['input']}: ", out)
            self.assertIn("1 of 5 fall short (margin 1.35, quick run)", out)

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
        good["rows"] = good["rows"][1:]
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

    def test_the_headers_to_measure_again_are_those_that_take_too_long(self) -> None:
        from reporting import gate  # type: ignore[import]
        from reporting.model import read_report, read_targets  # type: ignore[import]

        known = read_targets(self.file("targets.json", targets()))
        every = read_targets(self.file("every.json", {**targets(), "compile": 1.3}))
        good = read_report(self.file("good.json", sample()))
        noisy = sample()
        noisy["compile"][0]["ms"] *= 2
        report = read_report(self.file("noisy.json", noisy))
        for limits in (known, every):
            self.assertEqual(gate.headers_short(good, [], limits), [])
            self.assertEqual(gate.headers_short(report, [], limits), ["skyutil/strings.hpp"])
            self.assertEqual(gate.headers_short(report, [report], limits), ["skyutil/strings.hpp"])
            self.assertEqual(gate.headers_short(report, [good], limits), [])

    def test_a_header_is_as_fast_as_its_fastest_time_beside_the_fastest_of_what_it_includes(
        self,
    ) -> None:
        noisy, again = sample(), sample()
        noisy["compile"][0]["ms"] *= 2
        again["rows"] = []
        for std, expected in ((1, 0), (0.5, 1)):
            again["compile"][0]["std_ms"] *= std
            files = [self.file("noisy.json", noisy), self.file("again.json", again)]
            code, out, _ = self.run_main("check", *files, self.file("targets.json", targets()))
            self.assertEqual(code, expected, out)
        self.assertIn("measured 2 times", out)

    def test_on_another_processor_only_what_is_promised_counts(self) -> None:
        learned: Json = {**targets(), "means": {}}
        learned["rows"][1].update(floor=3, usual={"floor": 1.03})
        learned["usual_on"] = "x86_64 AuthenticAMD 25 1"
        for processor, expected in (
            ("x86_64 AuthenticAMD 25 1", 1),
            ("aarch64 0x41", 0),
            (None, 0),
        ):
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

    def test_compile_time_and_the_mean_have_limits(self) -> None:
        report = sample()
        report["compile"][0]["ms"] = 320
        scale(report["rows"][0]["python"], 0.1)
        code, out = self.check(report, targets())
        self.assertEqual(code, 1)
        self.assertIn("compile time of skyutil/strings.hpp: 1.52× that of", out)
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


if __name__ == "__main__":
    unittest.main()
