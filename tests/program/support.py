# SPDX-License-Identifier: MIT
"""What the tests of the program skyutil share: they run it with bytes and look at bytes."""

from __future__ import annotations

import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any, NamedTuple, Union

PROGRAM = os.environ.get("SKYUTIL_TEST_PROGRAM", "skyutil")

Word = Union[str, bytes]


class Outcome(NamedTuple):
    code: int
    out: bytes
    err: bytes


def skyutil(*words: Word, **more: Any) -> Outcome:
    """Runs the program; standard input is empty unless `input` or `stdin` says otherwise."""
    if "stdin" not in more:
        more.setdefault("input", b"")
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    done = subprocess.run(
        [os.fsencode(PROGRAM), *map(os.fsencode, words)], check=False, timeout=60, **more
    )
    return Outcome(done.returncode, done.stdout or b"", done.stderr or b"")


def has_command(name: str) -> bool:
    """Whether the program was built with the command."""
    return skyutil(name, "--help").code == 0


class ProgramTest(unittest.TestCase):
    """Has a directory of its own, `here`."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(prefix="skyutil-test-")
        self.addCleanup(directory.cleanup)
        self.here = Path(directory.name)

    def write(self, name: Word, content: bytes) -> None:
        with open(os.path.join(os.fsencode(self.here), os.fsencode(name)), "wb") as file:
            file.write(content)

    def refuses(self, *words: Word, says: tuple[str, ...] = ()) -> None:
        """The command line is an error: one line that says all that is given."""
        outcome = skyutil(*words, cwd=self.here)
        with self.subTest(words=words, outcome=outcome):
            self.assertIn(outcome.code, (2, 125) if words[:1] == ("run",) else (2,))
            self.assertEqual(outcome.out, b"")
            self.assertRegex(outcome.err, rb"\Askyutil: [^\n]+\n\Z")
            self.assertNotIn(b"skyutil::", outcome.err)
            for part in says:
                self.assertIn(part.encode(), outcome.err)
