#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""skyutil hash: what it prints, and the lists of checksums it reads beside those of coreutils.

    SKYUTIL_TEST_PROGRAM=build/dev/examples/skyutil python3 tests/program/hash.test.py
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import PROGRAM, Outcome, ProgramTest, Word, skyutil  # noqa: E402

ALGORITHMS = {
    "md5": "MD5",
    "sha1": "SHA1",
    "sha224": "SHA224",
    "sha256": "SHA256",
    "sha384": "SHA384",
    "sha512": "SHA512",
    "sha3_256": "SHA3-256",
    "sha3_512": "SHA3-512",
    "blake2b": "BLAKE2b",
    "blake2s": "BLAKE2s",
}


def digest(content: bytes, algorithm: str = "sha256") -> bytes:
    return hashlib.new(algorithm, content).hexdigest().encode()


class HashTest(ProgramTest):
    def setUp(self) -> None:
        super().setUp()
        self.write("a", b"abc")
        self.write("b", b"def")

    def check(self, text: bytes, *words: Word) -> Outcome:
        self.write("list", text)
        return skyutil("hash", "-c", "list", *words, cwd=self.here)

    def asan(self) -> bool:
        return b"__asan_init" in Path(PROGRAM).read_bytes()


class Printing(HashTest):
    def test_tags_are_those_of_bsd(self) -> None:
        for algorithm, tag in ALGORITHMS.items():
            line = tag.encode() + b" (a) = " + digest(b"abc", algorithm) + b"\n"
            words = ("hash", "-a", algorithm, "--tag", "a")
            self.assertEqual(skyutil(*words, cwd=self.here), (0, line, b""))
            self.assertEqual(self.check(line), (0, b"a: OK\n", b""))
            self.assertEqual(self.check(line, "-a", algorithm), (0, b"a: OK\n", b""))

    def test_zero_ends_lines_with_nul_and_escapes_nothing(self) -> None:
        self.write("b\n\\", b"def")
        out = skyutil("hash", "-z", "a", "b\n\\", cwd=self.here).out
        self.assertEqual(out, digest(b"abc") + b"  a\0" + digest(b"def") + b"  b\n\\\0")
        out = skyutil("hash", "--tag", "b\n\\", cwd=self.here).out
        self.assertEqual(out, b"\\SHA256 (b\\n\\\\) = " + digest(b"def") + b"\n")

    def test_a_hyphen_is_standard_input_from_where_it_is(self) -> None:
        self.assertEqual(skyutil("hash", "-", input=b"abc"), (0, digest(b"abc") + b"  -\n", b""))
        with open(self.here / "a", "rb") as file:
            os.lseek(file.fileno(), 1, os.SEEK_SET)
            outcome = skyutil("hash", "a", "-", "b", stdin=file, cwd=self.here)
        expected = [digest(b"abc") + b"  a", digest(b"bc") + b"  -", digest(b"def") + b"  b", b""]
        self.assertEqual(outcome.out.split(b"\n"), expected)
        self.write("-", b"a file")
        self.assertEqual(
            skyutil("hash", "--", "./-", cwd=self.here).out, digest(b"a file") + b"  ./-\n"
        )
        closed = skyutil("hash", "-", stdin=None, preexec_fn=lambda: os.close(0))
        self.assertEqual(closed.code, 2)
        self.assertIn(b"Bad file descriptor", closed.err)

    def test_options_are_refused_where_they_mean_nothing(self) -> None:
        for word in ("--ignore-missing", "--quiet", "--status", "--strict", "--warn", "-w"):
            self.refuses("hash", word, "a", says=("--check",))
        for word in ("--tag", "--zero", "-z"):
            self.refuses("hash", word, "-c", "list", says=("--check",))
        self.refuses("hash", "-a", "md4", "a", says=("-a", "'md4'", "md5 sha1", "blake2s"))


class Lists(HashTest):
    def test_the_length_of_a_digest_tells_its_algorithm(self) -> None:
        for algorithm in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
            line = digest(b"abc", algorithm) + b"  a\n"
            self.assertEqual(self.check(line), (0, b"a: OK\n", b""))
        mixed = digest(b"abc", "md5") + b"  a\n" + digest(b"def", "sha512") + b"  b\n"
        self.assertEqual(self.check(mixed), (0, b"a: OK\nb: OK\n", b""))
        for algorithm in ("sha3_256", "sha3_512", "blake2b", "blake2s"):
            line = digest(b"abc", algorithm) + b"  a\n"
            self.assertEqual(self.check(line), (1, b"a: FAILED\n", b""))
            self.assertEqual(self.check(line, "-a", algorithm), (0, b"a: OK\n", b""))

    def test_a_line_of_another_algorithm_than_asked_for_is_refused(self) -> None:
        good = digest(b"abc") + b"  a\n"
        others = [
            digest(b"def", "md5") + b"  b\n",
            b"MD5 (b) = " + digest(b"def", "md5") + b"\n",
            b"SHA3-256 (b) = " + digest(b"def", "sha3_256") + b"\n",
            b"BLAKE2s (b) = " + digest(b"def", "blake2s") + b"\n",
            b"SHA2-512(b)= " + digest(b"def", "sha512") + b"\n",
        ]
        for line in others:
            with self.subTest(line=line):
                self.assertEqual(self.check(good + line).code, 0)
                outcome = self.check(good + line, "-a", "sha256")
                self.assertEqual((outcome.code, outcome.out), (0, b"a: OK\n"))
                self.assertIn(b"1 line is no checksum of SHA256: line 2", outcome.err)
                self.assertEqual(self.check(good + line, "-a", "sha256", "--strict").code, 1)
                alone = self.check(line, "-a", "sha256")
                self.assertEqual((alone.code, alone.out), (2, b""))
                self.assertIn(b"there are no checksums of SHA256 in it", alone.err)

    def test_what_openssl_prints_is_read(self) -> None:
        lines = [
            b"SHA256(a)= " + digest(b"abc"),
            b"SHA2-256(a)= " + digest(b"abc"),
            b"SHA2-512(a)= " + digest(b"abc", "sha512"),
            b"SHA3-256(a)= " + digest(b"abc", "sha3_256"),
            b"BLAKE2B-512(a)= " + digest(b"abc", "blake2b"),
            b"BLAKE2S-256(a)= " + digest(b"abc", "blake2s"),
            b"BLAKE2b512(a)= " + digest(b"abc", "blake2b"),
            b"MD5(a)= " + digest(b"abc", "md5"),
            b"SHA1(a)=" + digest(b"abc", "sha1"),
        ]
        outcome = self.check(b"\n".join(lines))
        self.assertEqual(outcome, (0, b"a: OK\n" * len(lines), b""))
        hmac = self.check(b"HMAC-SHA256(a)= " + digest(b"abc") + b"\n")
        self.assertEqual((hmac.code, hmac.out), (2, b""))

    def test_what_openssl_and_shasum_here_print_is_read(self) -> None:
        self.write("a b", b"abc")
        tools = [
            ["openssl", "dgst", f"-{name}", *more, "a", "a b"]
            for name in ("md5", "sha1", "sha256", "sha512", "sha3-256", "blake2b512")
            for more in ([], ["-r"])
            if name in ("md5", "sha1", "sha256", "sha512") or not more
        ]
        tools += [
            ["shasum", "-a", bits, *more, "a", "a b"]
            for bits in ("1", "224", "256", "384", "512")
            for more in ([], ["-b"], ["--tag"])
        ]
        used = 0
        for words in tools:
            if shutil.which(words[0]) is None:
                continue
            done = subprocess.run(words, cwd=self.here, capture_output=True, check=False)
            if done.returncode != 0:  # older ones know fewer
                continue
            used += 1
            with self.subTest(words=words):
                self.assertEqual(self.check(done.stdout), (0, b"a: OK\na b: OK\n", b""))
        if used == 0:
            self.skipTest("neither openssl nor shasum is here")

    def test_a_signed_list_is_right_when_its_files_are(self) -> None:
        signed = (
            b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
            + digest(b"abc")
            + b"  a\n"
            + b"-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAdFiEE\n=AbCd\n-----END PGP SIGNATURE-----\n"
        )
        outcome = self.check(signed)
        self.assertEqual((outcome.code, outcome.out), (0, b"a: OK\n"))
        self.assertEqual(
            outcome.err, b"skyutil: list: 6 lines are no checksums, the first is line 1\n"
        )
        warned = self.check(signed, "--warn").err.splitlines()
        self.assertEqual(len(warned), 6)
        self.assertEqual(warned[1], b"skyutil: list: line 2 is no checksum")
        self.assertEqual(self.check(signed.replace(b"ba7816", b"ba7817")).code, 1)

    def test_a_list_can_be_standard_input(self) -> None:
        line = digest(b"abc") + b"  a\n"
        self.assertEqual(
            skyutil("hash", "-c", "-", input=line, cwd=self.here), (0, b"a: OK\n", b"")
        )
        self.assertEqual(skyutil("hash", "-c-", input=line, cwd=self.here), (0, b"a: OK\n", b""))
        both = skyutil("hash", "-c", "-", input=line + digest(b"") + b"  -\n", cwd=self.here)
        self.assertEqual((both.code, both.out), (0, b"a: OK\n"))
        self.assertIn(b"standard input: 1 line is no checksum: line 2", both.err)

    def test_missing_files_are_passed_over_when_asked(self) -> None:
        missing = digest(b"") + b"  missing\n"
        good = digest(b"abc") + b"  a\n"
        self.assertEqual(self.check(missing + good, "--ignore-missing"), (0, b"a: OK\n", b""))
        none = self.check(missing, "--ignore-missing")
        self.assertEqual(none, (1, b"", b"skyutil: list: no file was verified\n"))
        directory = digest(b"") + b"  .\n"
        self.assertEqual(self.check(directory + good, "--ignore-missing").code, 1)

    def test_a_line_without_end_is_no_list(self) -> None:
        outcome = self.check(b"a" * 2_000_000)
        self.assertEqual((outcome.code, outcome.out), (2, b""))
        self.assertEqual(outcome.err.count(b"\n"), 1)
        self.assertIn(b"line 1 is longer than 1 MiB", outcome.err)

    def test_what_is_before_an_error_in_a_list_is_checked(self) -> None:
        text = digest(b"abc") + b"  a\n" + b"x" * 2_000_000
        outcome = self.check(text)
        self.assertEqual((outcome.code, outcome.out), (2, b"a: OK\n"))
        page = json.loads(self.check(text, "--json").out)
        self.assertEqual((page["ok"], page["results"][0]["ok"]), (False, True))

    def test_lists_of_any_size_are_checked_in_the_same_memory(self) -> None:
        if self.asan():
            self.skipTest("AddressSanitizer keeps what was freed")
        line = digest(b"") + b"  " + b"n" * 200 + b"/%d\n"

        def peak(lines: int) -> int:
            with open(self.here / "list", "wb") as file:
                for number in range(lines):
                    file.write(line % number)
                file.write(digest(b"abc") + b"  a\n")
            child = subprocess.Popen(
                [PROGRAM, "hash", "-c", "list", "--ignore-missing", "--quiet"], cwd=self.here
            )
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(child.returncode, 0)
            return usage.ru_maxrss * 1024

        self.assertLess(peak(200_000) - peak(10_000), 16_000_000)  # of 55 MB

    def test_results_are_in_the_order_of_the_list(self) -> None:
        names = [b"f%d" % n for n in range(100)]
        for name in names:
            self.write(name, name)
        algorithms = ("md5", "sha256", "sha512")
        lines = [
            digest(n, algorithms[i % 3]) + b"  " + n + b"\n" for i, n in enumerate(names * 100)
        ]
        wrong = {5000, 4095, 4096, 9999}
        for at in wrong:
            lines[at] = lines[at].replace(b"  ", b"0  ")[1:]
        expected = [n + (b": FAILED" if i in wrong else b": OK") for i, n in enumerate(names * 100)]
        outcome = self.check(b"".join(lines))
        self.assertEqual((outcome.code, outcome.err), (1, b""))
        self.assertEqual(outcome.out.splitlines(), expected)
        page = json.loads(self.check(b"".join(lines), "--json").out)
        self.assertEqual(
            [r["ok"] for r in page["results"]], [i not in wrong for i in range(10_000)]
        )


class Json(HashTest):
    def test_the_check_of_a_list_is_one_value(self) -> None:
        self.write(b"\xff", b"abc")
        text = (
            digest(b"abc") + b"  \xff\nbad\n" + digest(b"abc") + b"  b\n" + digest(b"") + b"  c\n"
        )
        outcome = self.check(text, "--json")
        self.assertEqual(outcome.code, 1)
        page = json.loads(outcome.out)
        self.assertEqual(page["ok"], False)
        self.assertEqual((page["bad_lines"], page["bad_line_count"]), ([2], 1))
        first, second, third = page["results"]
        self.assertEqual(
            (first["file"], first["ok"], first["algorithm"]), ("\ufffd", True, "sha256")
        )
        self.assertEqual(base64.b64decode(first["file_bytes"]), b"\xff")
        self.assertEqual((second["file"], second["ok"]), ("b", False))
        self.assertNotIn("file_bytes", second)
        self.assertEqual((third["digest"], third["error"]), (None, "No such file or directory"))

    def test_a_check_without_results_is_one_value_too(self) -> None:
        self.assertEqual(
            json.loads(self.check(b"bad\n" * 3000, "--json").out),
            {
                "results": [],
                "bad_lines": list(range(1, 1001)),
                "bad_line_count": 3000,
                "ok": False,
            },
        )
        missing = json.loads(self.check(digest(b"") + b"  c\n", "--json", "--ignore-missing").out)
        self.assertEqual((missing["results"], missing["ok"]), ([], False))


if __name__ == "__main__":
    unittest.main()
