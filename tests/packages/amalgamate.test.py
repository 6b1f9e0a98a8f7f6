#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""packaging/amalgamate puts each header where all that need it find it, or says that it cannot.

    python3 tests/packages/amalgamate.test.py [Class.test_name]
"""

from __future__ import annotations

import re
import subprocess
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
                (Path(folder) / f"skyutil/{name}.hpp").write_text(f"{BEGIN}{text}\n#pragma {name}\n")
            result = amalgamate.Amalgamation(Path(folder), whole=True)
            result.add("skyutil/a.hpp")
        return [line for line in result.lines() if line], result.errors

    def test_a_header_stands_once_before_all_that_need_it(self) -> None:
        lines, errors = self.made(a="<b><c>", b="<c>", c="")
        self.assertEqual((lines, errors), (["#pragma c", "#pragma b", "#pragma a"], []))

    def test_a_header_in_a_branch_stays_there(self) -> None:
        lines, errors = self.made(
            a="#if X\n<b>\n#else\n<c>\n#endif", b="#ifdef Y\n<d>\n#endif", c="", d=""
        )
        self.assertEqual(errors, [])
        self.assertEqual(
            lines,
            [
                "#if X",
                "#ifdef Y",
                "#pragma d",
                "#endif",
                "#pragma b",
                "#else",
                "#pragma c",
                "#endif",
                "#pragma a",
            ],
        )

    def test_a_header_of_two_branches_stands_in_both(self) -> None:
        lines, errors = self.made(
            a="#if X\n<b>\n#elif Y\n<c>\n#else\n<d>\n#endif", b="<d>", c="<d>", d=""
        )
        self.assertEqual(errors, [])
        self.assertEqual(
            lines,
            [
                "#if X",
                "#pragma d",
                "#pragma b",
                "#elif Y",
                "#pragma d",
                "#pragma c",
                "#else",
                "#pragma d",
                "#endif",
                "#pragma a",
            ],
        )

    def test_a_header_is_found_under_the_same_conditions(self) -> None:
        lines, errors = self.made(
            a="#if X  // the first\n<b>\n#endif\n#if X\n#if Y\n<b>\n#endif\n#endif", b=""
        )
        self.assertEqual((lines.count("#pragma b"), errors), (1, []))
        lines, errors = self.made(
            a="#if X\n#else\n<b>\n#endif\n#if Y\n#elif X\n#else\n<b>\n#endif", b=""
        )
        self.assertEqual((lines.count("#pragma b"), errors), (1, []))

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

    def test_headers_of_others_are_included_first(self) -> None:
        lines, _ = self.made(
            a="#if X && Y\n#include <q>\n#include <p>\n#endif\n#include <p>\n<b>\n#include MACRO",
            b="#include <p>  // why\n#if X && Y\n#include <q>\n#endif",
        )
        self.assertEqual(
            lines,
            ["#include <p>", "#if X && Y", "#include <q>", "#endif"]
            + ["#pragma b", "#include MACRO", "#pragma a"],
        )


OUTER = "namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {\n%s\n}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail\n"


class Smallest(unittest.TestCase):
    def lines(self, public: str, whole: bool = False, system: str = "", **rooms: str) -> list[str]:
        """Of skyutil/x.hpp, which includes skyutil/detail/ROOM.hpp, in namespace detail."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in rooms.items():
                file = Path(folder) / f"skyutil/detail/{name.replace('__', '/')}.hpp"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(BEGIN + OUTER % text)
                public = public.replace(
                    f"<{name}>", f"#include <skyutil/detail/{name.replace('__', '/')}.hpp>"
                )
            (Path(folder) / "skyutil/x.hpp").write_text(BEGIN + public)
            result = amalgamate.Amalgamation(Path(folder), whole, system)
            result.named = {"skyutil/x.hpp"}
            result.add("skyutil/x.hpp")
        self.assertEqual(result.errors, [])
        return [line for line in result.lines() if line and "namespace" not in line]

    def test_comments_of_the_interface_alone_stay(self) -> None:
        room = (
            "// about a\n\nint a();  // more  // NOLINT\nint b();  // NOLINT(x)\n/* c */"
            'auto c = "// no \\" comment";  // one\nauto d = R"(/* no\n\n// comment */)";\n'
            "auto e = '\"';  // 1'000 '\nauto f = 1'000'000;  // '"
        )
        self.assertEqual(
            self.lines("/// What g() returns.\n<room>\nint g = a(b, c, d, e, f);  // one", room=room),
            ["/// What g() returns.", "int a();", "int b();  // NOLINT(x)"]
            + ['auto c = "// no \\" comment";', 'auto d = R"(/* no', '// comment */)";']
            + ["auto e = '\"';", "auto f = 1'000'000;", "int g = a(b, c, d, e, f);  // one"],
        )

    def test_what_nothing_uses_is_left_out(self) -> None:
        room = (
            "int used();\nint only_by_unused();\ninline int unused() {\n    return only_by_unused();\n}\n"
            "template <class T>\nstruct kept {\n    int status = 1;\n};\nenum class unused_too { used };\n"
            "inline int used() {\n    const int status = 1;\n    return kept<int>().unused + status;\n}\n"
            "inline int status() { return 2; }\ninline unused_too operator+(unused_too, int);"
        )
        self.assertEqual(
            self.lines("<room>\nint g = detail::used();", room=room),
            ["int used();", "template <class T> struct kept { int status = 1; };"]
            + ["enum class unused_too { used };"]
            + ["inline int used() { const int status = 1; return kept<int>().unused + status; }"]
            + ["inline unused_too operator+(unused_too, int);", "int g = detail::used();"],
        )
        self.assertIn("inline int status() { return 2; }", self.lines("<room>", whole=True, room=room))

    def test_lines_go_on_as_far_as_there_is_room(self) -> None:
        long = "x" * 75
        room = (
            "inline int a(int b,\n             int c) {\n    if (b) {\n        return c;\n    }\n"
            "    if (c) {  // NOLINT(y)\n        return 1;\n    }\n    for (;;) {\n        if (b) {\n"
            f"            return {long}(\n                {long});\n        }}\n    }}\n}}"
        )
        self.assertEqual(
            self.lines("<room>\nint g = a(1, 2);", room=room),
            ["inline int a(int b, int c) {", "    if (b) { return c; }", "    if (c) {  // NOLINT(y)"]
            + ["        return 1;", "    }", "    for (;;) {", "        if (b) {"]
            + [f"            return {long}(", f"                {long});", "        }", "    }", "}"]
            + ["int g = a(1, 2);"],
        )

    def test_a_block_stands_in_one_line_as_a_whole(self) -> None:
        room = (
            "inline int a(int b) {\n    if (b) {\n        b = 1;\n    } else {\n        b = 2;\n    }\n"
            "    for (;;) {\n        if (b) {\n            --b;\n        }\n    }\n"
            "    switch (b) {\n        case 1:\n            return 2;\n    }\n}\n"
            f"struct c {{\npublic:\n    int d;\n}};\ninline int e() {{ return a({'1' * 99}) + c().d; }}"
        )
        self.assertEqual(
            self.lines("<room>\nint g = e();", room=room)[:5],
            ["inline int a(int b) {", "    if (b) { b = 1; } else { b = 2; }", "    for (;;) { if (b) { --b; } }"]
            + ["    switch (b) { case 1: return 2; }", "}"],
        )
        self.assertEqual(
            self.lines("<room>\nint g = e();", room=room)[5:9], ["struct c {", "public:", "    int d;", "};"]
        )

    def test_prose_of_the_interface_goes_on_and_lists_and_examples_stay(self) -> None:
        self.assertEqual(
            self.lines(
                "/// One and\n/// two.\n///\n/// - three\n/// - four\n///   five\n///     int x;\nint g;",
                room="",
            ),
            ["/// One and two.", "///", "/// - three", "/// - four", "///   five", "///     int x;", "int g;"],
        )

    def test_a_system_that_nothing_is_known_of_is_an_error(self) -> None:
        public = "#if X && !Y\n<os__linux__a>\n#else\n<os__unsupported__a>\n#endif\nint g = a();"
        rooms = {"os__linux__a": "int a();", "os__unsupported__a": "long a();"}
        self.assertEqual(self.lines(public, **rooms), ["int a();", "int g = a();"])
        self.assertEqual(
            self.lines(public, whole=True, **rooms),
            ["#if X && !Y", "int a();", "#else", "long a();", "#endif", "int g = a();"],
        )

    def test_a_system_that_not_all_rooms_know_is_left_out(self) -> None:
        known = "#if X\n<os__linux__{0}>\n#elif Z\n<os__windows__{0}>\n#else\n<os__unsupported__{0}>\n#endif\n"
        public = known.format("a") + "#if X\n<os__linux__b>\n#else\n<os__unsupported__b>\n#endif\nint g = a() + b();"
        rooms = {"os__linux__a": "int a();", "os__windows__a": "long a();", "os__unsupported__a": "char a();"}
        rooms |= {"os__linux__b": "int b();", "os__unsupported__b": "char b();"}
        self.assertEqual(self.lines(public, **rooms), ["int a();", "int b();", "int g = a() + b();"])
        self.assertEqual(
            self.lines(known.format("a") + "int g = a();", **rooms),
            ["#if X", "int a();", "#elif Z", "long a();", "#endif", "int g = a();"],
        )
        self.assertEqual(
            self.lines(known.format("a") + "int g = a();", system="X", **rooms), ["int a();", "int g = a();"]
        )


class Command(unittest.TestCase):
    def run_it(self, *arguments: str) -> tuple[str, str]:
        """The name and the text of the header."""
        with tempfile.TemporaryDirectory() as folder:
            made = subprocess.run(
                [SCRIPT, "--output", folder, *arguments], check=True, text=True, stdout=subprocess.PIPE
            )
            file = Path(made.stdout.strip())
            self.assertEqual([file], list(Path(folder).iterdir()))
            return file.name, file.read_text()

    def test_the_order_of_groups_does_not_matter(self) -> None:
        made = self.run_it("strings", "ports")
        self.assertEqual(made[0], "skyutil_ports_strings.hpp")
        self.assertEqual(made, self.run_it("ports", "strings", "ports"))
        self.assertIn("\n//     ./dev amalgamate ports strings\n", made[1])
        self.assertIn("Permission is hereby granted", made[1])

    def test_all_groups_are_core(self) -> None:
        self.assertEqual(self.run_it(*amalgamate.groups_of_core()), self.run_it())

    def test_a_namespace_is_that_of_all_names(self) -> None:
        name, text = self.run_it("--namespace", "acme::sky", "system")
        self.assertEqual(name, "acme_sky_skyutil_system.hpp")
        self.assertIn("\n//     ./dev amalgamate --namespace acme::sky system\n", text)
        self.assertNotIn("skyutil::", text.replace("acme::sky::", ""))
        self.assertEqual(
            set(re.findall(r"\bSKYUTIL_\w+", text)), {"SKYUTIL_CPU_COUNT", "SKYUTIL_MEMORY_BYTES"}
        )
        self.assertIn('"acme::sky::get_cpu_budget"', text)
        self.assertEqual(self.run_it("--namespace", "a::skyutil", "version")[0], "a_skyutil_version.hpp")

    def test_system_is_small(self) -> None:
        lines = self.run_it("system")[1].splitlines()
        self.assertLessEqual(len(lines), 2500)
        self.assertLessEqual(max(len(line) for line in lines if not line.startswith("#error")), 160)

    def test_a_group_is_for_linux_unless_all_systems_are_asked_for(self) -> None:
        self.assertNotIn("_WIN32", self.run_it("system")[1])
        every = self.run_it("--all-systems", "system")[1]
        self.assertIn("\n//     ./dev amalgamate --all-systems system\n", every)
        self.assertIn("defined(__linux__)", every)
        self.assertEqual(self.run_it("--all-systems"), self.run_it())

    def test_wrong_arguments_are_named(self) -> None:
        for arguments, message in (
            (["nothing"], "no group 'nothing'; the groups are files, follow, parallel"),
            (["asio"], "asio cannot be in one header, as it needs Boost"),
            (["--namespace", "a b"], "'a b' is no name such as acme"),
            (["--namespace", "a::"], "'a::' is no name such as acme"),
            (["--namespace", "__a"], "'__a' is no name such as acme"),
            (["--namespace", "a::class"], "class is a keyword"),
            (["--namespace", "std::a"], "'std::a' is the standard's"),
        ):
            with self.subTest(arguments), tempfile.TemporaryDirectory() as folder:
                made = subprocess.run(
                    [SCRIPT, "--output", folder, *arguments], text=True, stderr=subprocess.PIPE
                )
                self.assertEqual(made.returncode, 2)
                self.assertIn(message, made.stderr)
                self.assertEqual(list(Path(folder).iterdir()), [])


if __name__ == "__main__":
    unittest.main()
