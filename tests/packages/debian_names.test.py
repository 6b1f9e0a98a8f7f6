# SPDX-License-Identifier: MIT
"""The packages that the messages of CMake and Meson name are in the index of the Debian that the tests run on."""

from __future__ import annotations

import re
import shutil
import subprocess
import unittest
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2]


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def names_in(text: str) -> set[str]:
    """Those of packages of Debian in the clauses "Debian...: NAMES;" of sentences, and in skyutil_find_for()."""
    text = re.sub(r'"\s*"|\\\n', "", text)
    clauses = " ".join(re.findall(r"Debian[^:;)]*: ([^;)]*)", text))
    return set(re.findall(r"lib[a-z0-9.+-]+-dev", clauses)) | set(
        re.findall(r"^ *skyutil_find_for\([^)]* (\S+)\)", text, re.M)
    )


class DebianNames(unittest.TestCase):
    def test_clauses_are_read(self) -> None:
        text = (
            "skyutil_find_for(tests Catch2 catch2)\n"
            '"x (Debian 12: "\n"liba1.2-dev; Debian, Ubuntu: libb++-dev; Fedora: libc-devel)"'
        )
        self.assertEqual(names_in(text), {"catch2", "liba1.2-dev", "libb++-dev"})

    def test_every_package_named_is_in_the_index(self) -> None:
        if not shutil.which("apt-cache") or "ID=debian" not in Path("/etc/os-release").read_text():
            self.skipTest("this is no Debian")
        index = set(output_of("apt-cache", "pkgnames").split())
        if "libc6-dev" not in index:
            self.skipTest("apt has no index: apt-get update")
        texts = [path.read_text() for path in SOURCES.glob("cmake/*.cmake")]
        texts += [path.read_text() for path in SOURCES.glob("*/CMakeLists.txt")]
        texts += [(SOURCES / "meson.build").read_text()]
        names = set().union(*map(names_in, texts))
        self.assertIn("libcrypto++-dev", names)
        # Of Boost one release has the one and a later one the other, as the sentence says.
        boost = re.search(r"Candidate: ([0-9.]+)", output_of("apt-cache", "policy", "libboost-dev"))
        version = tuple(map(int, boost[1].split(".")[:2])) if boost else (0, 0)
        elsewhere = {"libboost1.81-dev"} if version >= (1, 81) else set()
        elsewhere |= {"libboost-process-dev"} if version < (1, 86) else set()
        self.assertEqual(sorted(names - index - elsewhere), [])


if __name__ == "__main__":
    unittest.main()
