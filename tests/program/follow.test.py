#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tail of several files, of bytes, and of what is appended.

    SKYUTIL_TEST_PROGRAM=build/dev/examples/skyutil python3 tests/program/follow.test.py
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path
from typing import IO

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import PROGRAM, ProgramTest, skyutil  # noqa: E402

PATIENCE = 60.0


class Files(ProgramTest):
    def test_several_files_have_headers(self) -> None:
        self.write("a", b"1\n2\n")
        self.write("b", b"3")
        outcome = skyutil("tail", "-n", "1", "a", "none", "b", cwd=self.here)
        self.assertEqual(outcome.out, b"==> a <==\n2\n\n==> b <==\n3")
        self.assertRegex(outcome.err, rb"\Askyutil: [^\n]*none[^\n]*No such file[^\n]*\n\Z")
        self.assertEqual(outcome.code, 2)

    def test_several_files_are_a_list_of_pages(self) -> None:
        self.write("a", b"1\n")
        self.write("b", b"2\n")
        pages = json.loads(skyutil("tail", "--json", "a", "b", cwd=self.here).out)
        self.assertEqual(
            pages, [{"file": "a", "lines": ["1"]}, {"file": "b", "lines": ["2"]}]
        )

    def test_bytes_are_counted_from_either_end(self) -> None:
        content = bytes(range(256)) * 4000
        self.write("f", content)
        for count in (0, 1, 5, 300_000, len(content), len(content) + 1, 2**63):
            last = content[max(0, len(content) - count) :]
            rest = content[max(0, count - 1) :]
            for source in ("file", "pipe"):
                with self.subTest(count=count, source=source):
                    words = ["f"] if source == "file" else ["/dev/stdin"]
                    given = content if source == "pipe" else b""
                    for option, expected in ((f"-c{count}", last), (f"--bytes=+{count}", rest)):
                        outcome = skyutil("tail", option, *words, cwd=self.here, input=given)
                        self.assertEqual((outcome.code, outcome.err), (0, b""))
                        self.assertEqual(outcome.out, expected)


class Following(ProgramTest):
    def start(self, *words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [PROGRAM, "tail", *words],
            cwd=self.here,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def reads(self, stream: IO[bytes] | None, expected: bytes) -> None:
        """The next bytes are these."""
        assert stream is not None
        found = b""
        deadline = time.monotonic() + PATIENCE
        while len(found) < len(expected) and time.monotonic() < deadline:
            if select.select([stream], [], [], 1.0)[0]:
                piece = os.read(stream.fileno(), len(expected) - len(found))
                if not piece:
                    break
                found += piece
        self.assertEqual(found, expected)

    def append(self, name: str, content: bytes) -> None:
        with open(self.here / name, "ab") as file:
            file.write(content)

    def test_lines_follow_the_last_ones(self) -> None:
        self.write("log", b"1\n2\n3\n")
        for option in ("-f", "-F", "--follow", "--follow-name"):
            tail = self.start("-n", "1", option, "log")
            self.reads(tail.stdout, b"3\n")
            self.append("log", b"4\xff\x1b[31m\n")
            self.reads(tail.stdout, b"4\xff\x1b[31m\n")
            self.write("log", b"1\n2\n3\n")

    def test_a_name_is_followed_through_a_rotation(self) -> None:
        self.write("log", b"1\n")
        tail = self.start("-F", "log")
        self.reads(tail.stdout, b"1\n")
        os.rename(self.here / "log", self.here / "log.1")
        self.append("log.1", b"2\n")
        self.append("log", b"3\n")
        self.reads(tail.stdout, b"2\n3\n")
        self.reads(tail.stderr, b"skyutil: log has been replaced: following the new file\n")
        self.write("log", b"")
        self.reads(tail.stderr, b"skyutil: log has been truncated\n")

    def test_a_file_is_followed_wherever_it_is_moved(self) -> None:
        self.write("log", b"1\n")
        tail = self.start("-f", "log")
        self.reads(tail.stdout, b"1\n")
        os.rename(self.here / "log", self.here / "log.1")
        self.append("log", b"other\n")
        self.append("log.1", b"2\n")
        self.reads(tail.stdout, b"2\n")

    def test_a_file_that_is_not_there_is_waited_for_if_that_is_asked_for(self) -> None:
        for words in (("-F",), ("-f", "--retry")):
            tail = self.start(*words, "later")
            self.reads(tail.stderr, b"skyutil: ")
            self.append("later", b"1\n")
            self.reads(tail.stdout, b"1\n")
            os.remove(self.here / "later")
        outcome = skyutil("tail", "-f", "later", cwd=self.here)
        self.assertEqual((outcome.code, outcome.out), (2, b""))
        self.assertIn(b"No such file", outcome.err)

    def test_lines_and_bytes_from_the_start_are_followed(self) -> None:
        self.write("log", b"one\ntwo\n")
        for option, expected in (("+2", b"two\n"), ("+1", b"one\ntwo\n")):
            self.reads(self.start("-n", option, "-f", "log").stdout, expected)
        for option, expected in (("+5", b"two\n"), ("6", b"e\ntwo\n"[-6:]), ("0", b"")):
            tail = self.start("-c", option, "-F", "log")
            self.reads(tail.stdout, expected)

    def test_headers_tell_which_file_a_line_is_of(self) -> None:
        self.write("a", b"1\n")
        self.write("b", b"2\n")
        tail = self.start("-f", "a", "b")
        self.reads(tail.stdout, b"==> a <==\n1\n\n==> b <==\n2\n")
        self.append("b", b"3\n")
        self.reads(tail.stdout, b"3\n")
        self.append("a", b"4\n")
        self.reads(tail.stdout, b"\n==> a <==\n4\n")

    def test_events_are_lines_of_json(self) -> None:
        self.write("log", b"1\n")
        tail = self.start("--json", "-F", "log")
        self.reads(tail.stdout, b'{"file":"log","event":"line","text":"1"}\n')
        self.write("log", b"")
        self.reads(tail.stdout, b'{"file":"log","event":"truncated"}\n')
        self.append("log", b"\xff\n")
        self.reads(
            tail.stdout,
            '{"file":"log","event":"line","text":"\ufffd","text_bytes":"/w=="}\n'.encode(),
        )

    def test_it_ends_with_a_process(self) -> None:
        self.write("log", b"1\n")
        other = subprocess.Popen(["sleep", "1000"])
        tail = self.start("-f", "--pid", str(other.pid), "log")
        self.reads(tail.stdout, b"1\n")
        self.assertIsNone(tail.poll())
        other.kill()
        other.wait()
        self.assertEqual(tail.wait(PATIENCE), 0)
        outcome = skyutil("tail", "-f", "--pid", str(other.pid), "log", cwd=self.here)
        self.assertEqual((outcome.code, outcome.out), (0, b"1\n"))

    def test_a_signal_ends_it_with_whole_lines(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.write("log", b"1\nhalf")
            tail = self.start("-f", "log")
            self.reads(tail.stdout, b"1\n")
            tail.send_signal(number)
            self.assertEqual(tail.wait(PATIENCE), -number)
            self.reads(tail.stdout, b"")

    def test_it_ends_when_nobody_reads_it(self) -> None:
        self.write("log", b"1\n")
        tail = self.start("-f", "log")
        self.reads(tail.stdout, b"1\n")
        assert tail.stdout is not None
        tail.stdout.close()
        tail.stdout = None
        self.assertNotEqual(tail.wait(PATIENCE), 0)


if __name__ == "__main__":
    unittest.main()
