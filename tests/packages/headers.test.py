#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_headers.py notices what it is to notice, and nothing else.

    python3 tests/packages/headers.test.py [Class.test_name]
"""

from __future__ import annotations

import sys
import unittest

sys.dont_write_bytecode = True

import check_headers  # noqa: E402
from declarations import declarations_of  # noqa: E402

OUTER = "namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {\n%s\n}  // namespace\n"
PUBLIC = (
    "#include <skyutil/detail/x/before.hpp>\n" + OUTER + "#include <skyutil/detail/x/impl.hpp>\n"
)
DECLARED = """
namespace detail { class machine; }
template <class T>
    requires std::ranges::range<T> && (sizeof(T) < 8)
[[nodiscard]] std::map<int, T> f(T value = {'"', '{'}, const char* = "}");
enum class e : int { one };
class c final : public std::vector<int> {
public:
    explicit c(int a = (1 > 0)) : a_(a), b_{a} {}
    int g() const noexcept;
    friend bool operator==(const c& a, const c& b) noexcept;
private:
    int a_ = 0, b_{};
};
"""
BODIES = """
class c;
enum class e : int;
template <class T>
    requires std::ranges::range<T> && (sizeof(T) < 8)
std::map<int, T> f(T value, const char*) {
    return {{1'000, std::move(value)}};
}
inline c::c(int a) : std::vector<int>{a}, a_(a), b_{a} {}
inline int c::g() const noexcept { return a_; }
inline bool operator==(const c& a, const c& b) noexcept { return &a == &b; }
namespace detail {
class machine {};
inline void helper() {}
}  // namespace detail
"""


class Headers(unittest.TestCase):
    def wrong(
        self, rule: str, public: str = "", body: str = "", before: str = "", os: str = ""
    ) -> list[str]:
        headers = {
            "skyutil/x.hpp": PUBLIC % (DECLARED + public),
            "skyutil/detail/os/y.hpp": "#include <unistd.h>\n" + os,
            "skyutil/detail/x/before.hpp": "#include <skyutil/detail/os/y.hpp>\n#include <map>\n"
            + before,
            "skyutil/detail/x/impl.hpp": OUTER % (BODIES + body),
        }
        return list(check_headers.RULES[rule](headers))

    def test_headers_as_they_should_be_pass(self) -> None:
        for rule in check_headers.RULES:
            self.assertEqual(self.wrong(rule), [], rule)

    def test_a_public_name_below_detail_is_noticed(self) -> None:
        for planted in (
            "struct options {\n    int a = 0;\n};",
            "enum class mode { a, b };",
            "template <class T>\nconcept thing = requires(T t) { { t.a() } -> std::same_as<int>; };",
            "using text = std::string;",
            "using detail::helper;",
            "inline constexpr int limit{3};",
            "class unknown;",
            "int f(int);",
            "inline int h() { return 1; }",
            "template <std::ranges::range R, class F>\n    requires std::invocable<F&, R>\nvoid h(R&& r, F f) {}",
            "inline int unknown::g() { return 1; }",
            "namespace os = detail::os;",
        ):
            with self.subTest(planted):
                found = self.wrong("public_names", body=planted)
                self.assertEqual(len(found), 1, found)
                self.assertIn("skyutil/detail/x/impl.hpp:", found[0])

    def test_machinery_in_a_public_header_is_noticed(self) -> None:
        for planted in (
            "namespace detail {\nclass other;\n}",
            "namespace detail {\ninline int h() { return 1; }\n}  // namespace detail",
            "namespace detail { inline int h() { return 1; } }",
            "namespace detail { using text = std::string; }",
            "namespace detail { class other {}; }",
        ):
            with self.subTest(planted):
                self.assertEqual(len(self.wrong("detail_blocks", public=planted)), 1)

    def test_a_circle_is_noticed(self) -> None:
        include = "#include <skyutil/x.hpp>\n"
        self.assertEqual(
            self.wrong("circles", before=include),
            ["a circle: skyutil/x.hpp -> skyutil/detail/x/before.hpp -> skyutil/x.hpp"],
        )
        self.assertEqual(len(self.wrong("circles", body=include)), 1)
        self.assertEqual(len(self.wrong("circles", os='#include "skyutil/detail/os/y.hpp"\n')), 1)

    def test_a_header_of_the_system_is_noticed(self) -> None:
        for planted in ("#include <sys/stat.h>", "#  include <fcntl.h>", "#include <windows.h>"):
            self.assertEqual(len(self.wrong("system_headers", before=planted)), 1, planted)
            self.assertEqual(len(self.wrong("system_headers", public="\n" + planted)), 1, planted)
        self.assertEqual(
            self.wrong("system_headers", before="#include <cerrno>\n#include <openssl/evp.h>\n"), []
        )

    def test_declarations_are_told_apart(self) -> None:
        found = declarations_of(
            OUTER % (DECLARED + BODIES) + "template <>\nstruct std::hash<skyutil::c> {};\n"
        )
        self.assertEqual(
            [(each.kind, each.member_of, each.name) for each in found],
            [
                ("forward", None, "machine"),
                ("function", None, "f"),
                ("type", None, "e"),
                ("type", None, "c"),
                ("forward", None, "c"),
                ("forward", None, "e"),
                ("function", None, "f"),
                ("function", "c", "c"),
                ("function", "c", "g"),
                ("function", None, "operator=="),
                ("type", None, "machine"),
                ("function", None, "helper"),
                ("type", "std", "hash"),
            ],
        )


if __name__ == "__main__":
    unittest.main()
