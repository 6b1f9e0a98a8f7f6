#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""packaging/amalgamate puts each header where all that need it find it, or says that it cannot.

    python3 tests/packages/amalgamate.test.py [Class.test_name]
"""

from __future__ import annotations

import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

sys.dont_write_bytecode = True

SCRIPT = Path(__file__).resolve().parents[2] / "packaging/amalgamate"
loader = SourceFileLoader("amalgamate", str(SCRIPT))
amalgamate = module_from_spec(spec_from_loader(loader.name, loader))
loader.exec_module(amalgamate)

BEGIN = "// SPDX-License-Identifier: MIT\n#pragma once\n"


class Amalgamation(unittest.TestCase):
    def made(self, **headers: str):
        """Of headers skyutil/NAME.hpp, of which a.hpp includes others: `<b>` stands for an #include."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "skyutil").mkdir()
            for name, text in headers.items():
                for other in headers:
                    text = text.replace(f"<{other}>", f"#include <skyutil/{other}.hpp>  // why\n")
                (Path(folder) / f"skyutil/{name}.hpp").write_text(f"{BEGIN}{text}\nof {name}\n")
            result = amalgamate.Amalgamation(Path(folder))
            result.add("skyutil/a.hpp")
        lines = [line for line in result.lines if not line.startswith("// -----") and line]
        return lines, result.errors

    def test_a_header_stands_once_before_all_that_need_it(self) -> None:
        lines, errors = self.made(a="<b><c>", b="<c>", c="")
        self.assertEqual((lines, errors), (["of c", "of b", "of a"], []))

    def test_a_header_in_a_branch_stays_there(self) -> None:
        lines, errors = self.made(
            a="#if X\n<b>\n#else\n<c>\n#endif", b="#ifdef Y\n<d>\n#endif", c="", d=""
        )
        self.assertEqual(errors, [])
        self.assertEqual(
            lines,
            ["#if X", "#ifdef Y", "of d", "#endif", "of b", "#else", "of c", "#endif", "of a"],
        )

    def test_a_header_of_two_branches_stands_in_both(self) -> None:
        lines, errors = self.made(
            a="#if X\n<b>\n#elif Y\n<c>\n#else\n<d>\n#endif", b="<d>", c="<d>", d=""
        )
        self.assertEqual(errors, [])
        self.assertEqual(
            lines,
            ["#if X", "of d", "of b", "#elif Y", "of d", "of c", "#else", "of d", "#endif", "of a"],
        )

    def test_a_header_is_found_under_the_same_conditions(self) -> None:
        lines, errors = self.made(
            a="#if X  // the first\n<b>\n#endif\n#if X\n#if Y\n<b>\n#endif\n#endif", b=""
        )
        self.assertEqual((lines.count("of b"), errors), (1, []))
        lines, errors = self.made(
            a="#if X\n#else\n<b>\n#endif\n#if Y\n#elif X\n#else\n<b>\n#endif", b=""
        )
        self.assertEqual((lines.count("of b"), errors), (1, []))

    def test_a_header_that_is_needed_outside_of_its_branch_is_an_error(self) -> None:
        for body in (
            "#if X\n<b>\n#endif\n<b>",
            "#if X\n<b>\n#endif\n<c>",
            "#ifdef X\n<b>\n#endif\n#if Y\n<b>\n#endif",
            "#ifndef X\n<c>\n#endif\n<b>",
            "#if X\n#if Y\n<b>\n#endif\n<b>\n#endif",
            "#if X\n#else\n<b>\n#endif\n<b>",
        ):
            with self.subTest(body):
                _, errors = self.made(a=body, b="", c="<b>")
                self.assertEqual(len(errors), 1, errors)
                self.assertIn("skyutil/b.hpp: needed by skyutil/", errors[0])
        _, errors = self.made(a="<b>\n#if X\n<b>\n#endif\n<b>", b="")
        self.assertEqual(errors, [])

    def test_headers_of_others_are_not_lost_with_a_branch(self) -> None:
        lines, _ = self.made(
            a="#if X\n#include <p>\n#endif\n#include <p>\n<b>\n#include MACRO", b="#include <p>"
        )
        self.assertEqual(
            lines,
            ["#if X", "#include <p>", "#endif", "#include <p>", "of b", "#include MACRO", "of a"],
        )


if __name__ == "__main__":
    unittest.main()
