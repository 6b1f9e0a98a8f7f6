#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The words of the command line: they arrive as they were typed, numbers and times are strict.

    SKYUTIL_TEST_PROGRAM=build/dev/examples/skyutil python3 tests/program/arguments.test.py
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import PROGRAM, ProgramTest, has_command, skyutil  # noqa: E402

ODD_WORDS = [
    b"",
    b" ",
    b"-",
    b"--",
    b"---",
    b"-x",
    b"-n",
    b"-1",
    b"--json",
    b"--help",
    b"--version",
    b"--a=b",
    b"--=",
    b"-=",
    b"=",
    b"a=b",
    b"[a,b]",
    b"[a]",
    b"[]",
    b"[[a],[b]]",
    b"[a",
    b"a]",
    b"[,]",
    b"{}",
    b"{a,b}",
    b"a,b",
    b",",
    b"%%",
    b"%s",
    b"//",
    b"/a",
    b"++",
    b"+x",
    b"'",
    b'"',
    b"'a b'",
    b'"a b"',
    b"`a`",
    b"\\",
    b"\\n",
    b"a\\ b",
    b"\n",
    b"a\nb\n",
    b"\r\n",
    b"\t",
    b"#",
    b"a#b",
    b"!",
    b"~",
    b"*",
    b"?",
    b"$HOME",
    b"$(id)",
    b"&",
    b"|",
    b";",
    b"<",
    b">",
    b"true",
    b"0x10",
    b"010",
    b"1e3",
    b"nan",
    b"value",
    b"run",
    b"tail",
    b"hash",
    b"\xff",
    b"\xc3(",
    b"\xed\xa0\x80",
    b"caf\xc3\xa9",
    b"\xf0\x9f\x98\x80",
    b"\x01\x1b[31m",
    b"\x7f",
    b"@file",
    b":",
    b".",
    b"..",
    b"a" * 5000,
]


def odd_vectors() -> list[list[bytes]]:
    """200 lists of words: each odd word alone, then mixtures of them and of any bytes."""
    generator = random.Random(1)
    vectors = [[word] for word in ODD_WORDS]
    while len(vectors) < 200:
        words = generator.choices(ODD_WORDS, k=generator.randrange(0, 12))
        words += [
            bytes(generator.randrange(1, 256) for _ in range(generator.randrange(0, 20)))
            for _ in range(generator.randrange(0, 4))
        ]
        generator.shuffle(words)
        vectors.append(words)
    return vectors


def odd_names() -> list[bytes]:
    """Names that a file in a directory can have, and that are not standard input."""
    words = {word for vector in odd_vectors() for word in vector}
    return sorted(
        word
        for word in words
        if 0 < len(word) < 256 and b"/" not in word and word not in (b".", b"..", b"-")
    )


def name_in(page: dict[str, str]) -> bytes:
    """The name of a file, from JSON."""
    if "file_bytes" in page:
        return base64.b64decode(page["file_bytes"], validate=True)
    return page["file"].encode()


class Words(ProgramTest):
    def argv_of(self, *before: str, words: list[bytes]) -> list[bytes]:
        """What the kernel has as the words of a command that the program runs."""
        script = "cat /proc/$$/cmdline; :"
        outcome = skyutil("run", *before, "sh", "-c", script, "name", *words)
        self.assertEqual((outcome.code, outcome.err), (0, b""))
        return outcome.out.split(b"\0")[4:-1]

    def test_run_gives_its_command_the_words_byte_for_byte(self) -> None:
        if not has_command("run"):
            self.skipTest("built without run")
        for words in odd_vectors():
            with self.subTest(words=words):
                self.assertEqual(self.argv_of("--", words=words), words)

    def test_options_of_run_end_at_the_command(self) -> None:
        if not has_command("run"):
            self.skipTest("built without run")
        for words in odd_vectors()[::5]:
            with self.subTest(words=words):
                self.assertEqual(self.argv_of(words=words), words)
                self.assertEqual(self.argv_of("--timeout", "60", words=words), words)
        done = skyutil("run", "printf", "<%s>", "[a,b]", "-x", "--json", "--", "-t", "0")
        self.assertEqual(done, (0, b"<[a,b]><-x><--json><--><-t><0>", b""))

    def test_names_of_files_are_taken_byte_for_byte(self) -> None:
        names = odd_names()
        self.assertGreater(len(names), 100)
        for name in names:
            self.write(name, b"one\n" + name)
        pages = json.loads(skyutil("hash", "--json", "--", *names, cwd=self.here).out)
        self.assertEqual([name_in(page) for page in pages], names)
        self.assertEqual([page["error"] for page in pages], [None] * len(names))
        for name in names:
            with self.subTest(name=name):
                outcome = skyutil("tail", "--json", "-n", "9", "--", name, cwd=self.here)
                self.assertEqual(name_in(json.loads(outcome.out)), name)
                plain = skyutil("tail", "-n+2", "--", name, cwd=self.here)
                self.assertEqual(plain, (0, name, b""))

    def test_values_of_options_are_taken_byte_for_byte(self) -> None:
        self.write(b"a", b"a")
        sum_of_a = skyutil("hash", "a", cwd=self.here).out
        for name in odd_names():
            self.write(name, sum_of_a)
        for name in odd_names()[::5] + [b"[a,b]", b"[x]", b"--", b"-c", b"{}", b"%%"]:
            self.write(b"a", b"a")
            if name == b"a":
                continue
            self.write(name, sum_of_a)
            for words in ([b"-c", name], [b"-c" + name], [b"--check", name], [b"--check=" + name]):
                with self.subTest(words=words):
                    self.assertEqual(skyutil("hash", *words, cwd=self.here), (0, b"a: OK\n", b""))

    def test_an_empty_word_is_a_name(self) -> None:
        for command in ("tail", "hash"):
            outcome = skyutil(command, "")
            self.assertEqual(outcome.code, 2)
            self.assertIn(b"No such file or directory", outcome.err)

    def test_options_may_stand_anywhere_and_the_last_counts(self) -> None:
        self.write("log", b"1\n2\n3\n")
        for words in (
            ["log", "-n", "2"],
            ["-n2", "log"],
            ["-n", "1", "log", "--lines=2"],
            ["--lines", "2", "--", "log"],
        ):
            with self.subTest(words=words):
                self.assertEqual(skyutil("tail", *words, cwd=self.here).out, b"2\n3\n")

    def test_what_is_no_option_or_command_is_named_with_the_nearest(self) -> None:
        self.refuses("hsah", says=("'hsah'", "did you mean 'hash'?"))
        self.refuses("HASH", says=("did you mean 'hash'?",))
        self.refuses("inspet", says=("did you mean 'inspect'?",))
        self.refuses("kill", says=("did you mean 'kill-tree'?",))
        self.refuses("--vresion", says=("--vresion",))
        self.refuses("tail", "--lnies", "3", "f", says=("--lnies", "did you mean '--lines'?"))
        self.refuses("hash", "--chekc=x", says=("--chekc", "did you mean '--check'?"))
        for words in (["frobnicate"], ["x" * 100_000], [""], ["\n"], [b"\xff"]):
            self.refuses(*words)
            self.assertNotIn(b"did you mean", skyutil(*words).err)

    def test_a_line_with_too_much_or_too_little_is_refused(self) -> None:
        self.refuses()
        self.refuses("tail", says=("file",))
        self.refuses("inspect", "x", says=("'x'",))
        self.refuses("tail", "-n", says=("-n needs a value",))
        self.refuses("hash", "--json=1", "f", says=("--json takes no value",))
        self.refuses("kill-tree", "--force=yes", "1", says=("--force takes no value",))
        self.refuses("ps", "1", "2", says=("'2'",))

    def test_options_of_tail_that_do_not_go_together_are_refused(self) -> None:
        self.write("f", b"a\n")
        self.refuses("tail", "--retry", "f", says=("--retry is for --follow or --follow-name",))
        self.refuses("tail", "--pid", "1", "f", says=("--pid is for --follow or --follow-name",))
        self.refuses("tail", "--json", "-c", "1", "f", says=("--bytes has no lines for --json",))


NUMBERS = {
    # command line before the value: (least, most)
    ("tail", "-n"): (0, 2**64 - 1),
    ("tail", "--lines"): (0, 2**64 - 1),
    ("tail", "-c"): (0, 2**64 - 1),
    ("tail", "--bytes"): (0, 2**64 - 1),
    ("tail", "--max-bytes"): (0, 2**64 - 1),
    ("hash", "--threads"): (0, 2**31 - 1),
    ("port", "--last"): (0, 65535),
    ("port", "--check"): (1, 65535),
    ("port", "-c"): (1, 65535),
    ("port", "--count"): (1, 65535),
    ("workers", "--sources"): (0, 2**64 - 1),
    ("workers", "--files"): (0, 2**64 - 1),
}
TIMES = [("port", "--hold"), ("alive", "--wait"), ("kill-tree", "--grace"), ("tail", "--sleep")]
NO_NUMBERS = [
    "", " ", "x", "1x", "x1", "0x10", "1.5", "1e3", "nan", "inf", "infinity", "1 ", " 1", "++1", "--1",
    "1,2", "[1]", "１", "1\n", "-", "+", "1_000", "1'000", "0b1", "-x",
]  # fmt: skip
NO_TIMES = [
    "", " ", "x", "nan", "NaN", "inf", "-inf", "infinity", "1x", "1ss", "1ms", "s", "m", ".", "1..2",
    "1 s", " 1", "1 ", "0x1", "0x1p3", "1e", "e1", "--1", "1,5", "[1]", "1e10", "1e400", "20000d",
    "1e999999999999999999999", "1h30m", "+-1",
]  # fmt: skip


class Numbers(ProgramTest):
    def test_what_is_no_whole_number_is_refused_with_what_is_allowed(self) -> None:
        for value in NO_NUMBERS:
            self.refuses("port", "--last", value, says=("--last", "from 0 to 65535"))
            if "\n" not in value:
                self.refuses("port", "--last", value, says=(f"'{value}'",))
        for words, (least, most) in NUMBERS.items():
            for value in ("", "x", "1.5", "0x10", "nan", "+x", "+", "+-1"):
                self.refuses(*words, value, "x", says=(words[-1], f"from {least} to {most}"))

    def test_numbers_do_not_wrap_around(self) -> None:
        for words, (least, most) in NUMBERS.items():
            self.refuses(*words, "-1", "x", says=(words[-1], "'-1' is negative"))
            for value in (-(2**63), -(2**64), -(2**64) + 1, most + 1, 2**64 + 1, 10**30):
                self.refuses(*words, str(value), "x", says=(words[-1], f"'{value}'"))
            if least > 0:
                self.refuses(*words, "0", says=("'0' is too small",))

    def test_operands_that_are_numbers_are_as_strict(self) -> None:
        for value in ("", "x", "1.5", "0x10", "-1", "+1", "65536", str(2**32), str(2**64)):
            self.refuses("port", "--", value, says=("start",))
        for value in ("", "x", "1.5", "0x10", "+1", str(2**63), str(-(2**63) - 1)):
            for command in ("alive", "ps", "kill-tree"):
                self.refuses(command, "--", value, says=("pid", "allowed"))

    def test_numbers_are_decimal(self) -> None:
        self.write("log", b"".join(b"%d\n" % n for n in range(100)))
        for value, first in (("010", 90), ("10", 90), ("0008", 92), ("+091", 90), ("-0", 100)):
            with self.subTest(value=value):
                out = skyutil("tail", "-n", value, "log", cwd=self.here).out
                self.assertEqual(out, b"".join(b"%d\n" % n for n in range(first, 100)))

    def test_a_plus_counts_lines_from_the_start(self) -> None:
        generator = random.Random(2)
        contents = [
            b"",
            b"\n",
            b"a",
            b"a\n",
            b"\n\n\n",
            b"a\r\nb\r\n",
            b"x\xff\n" * 5,
            b"1\n" * 300_000,
        ]
        contents += [
            bytes(generator.choices(b"ab\n", k=generator.randrange(300))) for _ in range(4)
        ]
        for content in contents:
            lines = (
                content.splitlines(keepends=True) if b"\r" not in content else [b"a\r\n", b"b\r\n"]
            )
            self.write("log", content)
            for n in (0, 1, 3, 250_000, 2**64 - 1):
                with self.subTest(content=content[:50], n=n):
                    rest = lines[max(n, 1) - 1 :]
                    outcome = skyutil("tail", "-n", f"+{n}", "log", cwd=self.here)
                    self.assertEqual(outcome, (0, b"".join(rest), b""))
                    if len(lines) < 1000:
                        page = skyutil("tail", "--json", f"--lines=+{n}", "log", cwd=self.here).out
                        texts = [line.removesuffix(b"\n").decode(errors="replace") for line in rest]
                        self.assertEqual(json.loads(page)["lines"], texts)
        self.write("log", b"a\n\xff\nb")
        out = skyutil("tail", "-n+2", "--replace-invalid", "log", cwd=self.here).out
        self.assertEqual(out, "\ufffd\nb".encode())
        for name, why in (("missing", b"No such file"), (".", b"Is a directory")):
            outcome = skyutil("tail", "-n+2", name, cwd=self.here)
            self.assertEqual(outcome.code, 2)
            self.assertIn(why, outcome.err)

    def test_times_that_are_none_are_refused_with_what_is_allowed(self) -> None:
        for value in NO_TIMES:
            self.refuses("port", "--hold", value, says=("--hold", f"'{value}'"))
        for words in TIMES:
            for value in ("", "x", "nan", "inf", "1e10", "1x"):
                shown = f"'{value}'"
                self.refuses(*words, value, "0", says=(words[-1], shown, "s, m, h or d"))
            for value in ("-1", "-0.5", "-1e-300", "-1d"):
                self.refuses(*words, value, "0", says=(words[-1], f"'{value}' is negative"))

    def test_times_have_the_units_of_sleep(self) -> None:
        for value in (
            "0",
            "0.0",
            "-0",
            "0s",
            ".5",
            "1.",
            "1e-400",
            "0e9",
            "0.01m",
            "1e-9d",
            "0.0000001h",
        ):
            for words in (("alive", "--wait", value, "0"), ("kill-tree", "--grace", value, "0")):
                with self.subTest(words=words):  # there is no process 0
                    self.assertNotIn(b"allowed", skyutil(*words).err)
        self.assertNotIn(
            b"allowed", skyutil("alive", "--wait", "11574d", "0").err
        )  # 1e9 s are more
        sleeper = subprocess.Popen(["sleep", "60"])
        self.addCleanup(sleeper.wait)
        self.addCleanup(sleeper.kill)
        for value, seconds in (("0.3", 0.3), ("0.005m", 0.3), ("0.3s", 0.3), ("1e-4h", 0.36)):
            begin = time.monotonic()
            self.assertEqual(skyutil("alive", "--wait", value, str(sleeper.pid)).code, 0)
            self.assertGreaterEqual(time.monotonic() - begin, seconds)


if __name__ == "__main__":
    unittest.main()
