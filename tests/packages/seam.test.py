#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_seam.py notices what it is to notice, and nothing else.

    python3 tests/packages/seam.test.py [Class.test_name]
"""

from __future__ import annotations

import sys
import unittest

sys.dont_write_bytecode = True

import check_seam  # noqa: E402

OS = "namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {\n%s\n}  // namespace\n"
INCLUDE = "#include <skyutil/detail/os/%s.hpp>  // IWYU pragma: export\n"
CONTRACT = (
    "#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)\n"
    + INCLUDE % "posix/types"
    + "#else\n"
    + INCLUDE % "unsupported/types"
    + "#endif\n"
    + OS
    + "#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)\n"
    + INCLUDE % "linux/x"
    + "#else\n"
    + INCLUDE % "unsupported/x"
    + "#endif\n"
)
DECLARED = """
using point = long;
inline int made(int code) noexcept { return code; }

/// What f() returns.
inline int f(native_handle handle) noexcept;
inline int f(const char* name) noexcept;
class child {
public:
    explicit child(int id) noexcept;
    child(child&& other) = default;
    ~child();
    [[nodiscard]] bool ended() const noexcept;
    int id() const noexcept { return id_; }
    friend bool operator==(const child&, const child&) = default;

private:
    struct state {
        int inner();
    };
    void forget() noexcept;
    int id_ = 0;
};
template <class Function>
void each(Function&& function);
"""
LINUX = """
namespace sys {
using ::read;
inline int helper() noexcept { return 1; }
}  // namespace sys
inline bool child::ended() const noexcept { return sys::helper() == 1; }
inline int f(native_handle) noexcept { return 2; }
"""
POSIX = """
inline int f(const char*) noexcept { return 1; }
inline child::child(int id) noexcept : id_(id) {}
inline child::~child() {}
inline void child::forget() noexcept {}
template <class Function>
void each(Function&& function) { function(); }
"""
UNSUPPORTED = """
inline int f(native_handle) noexcept { return 0; }
inline int f(const char*) noexcept { return 0; }
inline child::child(int) noexcept {}
inline child::~child() {}
inline bool child::ended() const noexcept { return true; }
inline void child::forget() noexcept {}
template <class Function> void each(Function&&) {}
"""
TYPES = "using native_handle = int;\ninline constexpr native_handle no_handle = -1;\n"
PUBLIC = """
// pid_t, SIGKILL and "/proc/self" in a comment are none of the system; /* nor is errno */
#include <skyutil/detail/os/x.hpp>
#include <cerrno>
namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {
int open_fd_count(std::int64_t pid, const char* text = "errno and pid_t, /processes and /device");
enum class signal_name { signal, O_, SIG };  // 'x', "a // b"
}
"""


def linux(body: str) -> str:
    return INCLUDE % "posix/x" + OS % body


class Seam(unittest.TestCase):
    def wrong(
        self,
        rule: str,
        public: str = "",
        declared: str = DECLARED,
        linux_body: str = LINUX,
        posix: str = POSIX,
        unsupported: str = UNSUPPORTED,
        types: str = TYPES,
        **others: str,
    ) -> list[str]:
        headers = {
            "skyutil/x.hpp": PUBLIC + public,
            "skyutil/version.hpp": "#if defined(SKYUTIL_OS_UNSUPPORTED)\n#endif\n",
            "skyutil/detail/os/x.hpp": CONTRACT % declared,
            "skyutil/detail/os/linux/x.hpp": linux(linux_body),
            "skyutil/detail/os/posix/x.hpp": OS % posix,
            "skyutil/detail/os/posix/types.hpp": OS % TYPES,
            "skyutil/detail/os/unsupported/x.hpp": OS % unsupported,
            "skyutil/detail/os/unsupported/types.hpp": OS % types,
        }
        headers.update(
            {f"skyutil/{name.replace('__', '/')}.hpp": text for name, text in others.items()}
        )
        return list(check_seam.RULES[rule](headers))

    def test_a_seam_as_it_should_be_passes(self) -> None:
        for rule in check_seam.RULES:
            self.assertEqual(self.wrong(rule), [], rule)

    def test_what_no_backend_defines_is_noticed(self) -> None:
        for planted in (
            "inline void g() noexcept;",
            "inline int f(double) noexcept;",
            "template <class T>\nT g(T value);",
            "struct other {\n    other();\n    int a = 0;\n};",
            "struct other {\n    explicit operator bool() const noexcept;\n};",
            "struct other {\nprivate:\n    static other make() noexcept;\n};",
        ):
            with self.subTest(planted):
                found = self.wrong("backends", declared=DECLARED + planted)
                self.assertEqual(len(found), 2, found)  # both backends
                self.assertIn("skyutil/detail/os/linux/x.hpp: ", found[0])
                self.assertIn("skyutil/detail/os/unsupported/x.hpp: ", found[1])

    def test_what_one_backend_does_not_define_is_noticed(self) -> None:
        for definition in UNSUPPORTED.strip().split("\n"):
            with self.subTest(definition):
                found = self.wrong("backends", unsupported=UNSUPPORTED.replace(definition, ""))
                self.assertEqual(len(found), 1, found)
                self.assertIn("unsupported/x.hpp: ", found[0])
        self.assertEqual(len(self.wrong("backends", posix="")), 5)

    def test_what_a_backend_defines_beyond_the_contract_is_noticed(self) -> None:
        for planted in (
            "inline int helper() { return 1; }",
            "inline int helper();",
            "inline bool child::unknown() const { return true; }",
            "template <class T>\nT helper(T value) { return value; }",
            "inline int f(double) noexcept { return 3; }",
            "inline constexpr int limit = 3;",
            "using text = std::string;",
            "struct record {\n    int a;\n};",
            "enum class kind { a, b };",
        ):
            with self.subTest(planted):
                self.assertEqual(len(self.wrong("backends", posix=POSIX + planted)), 1)
                self.assertEqual(
                    self.wrong("backends", posix=POSIX + f"namespace sys {{\n{planted}\n}}"), []
                )

    def test_types_that_one_backend_lacks_are_noticed(self) -> None:
        self.assertEqual(len(self.wrong("backends", types="using native_handle = int;")), 1)
        self.assertEqual(len(self.wrong("backends", types=TYPES + "using other = int;")), 1)

    def test_a_backend_that_is_not_chosen_or_not_there_is_noticed(self) -> None:
        found = self.wrong("backends", detail__os__linux__y=OS % "")
        self.assertEqual(found, ["skyutil/detail/os/linux/y.hpp: no contract chooses it"])
        found = self.wrong("backends", detail__os__y=OS % "inline void g();")
        self.assertEqual(found, ["skyutil/detail/os/y.hpp: chooses no backend"])
        found = self.wrong("backends", detail__os__y=CONTRACT.replace("/x.", "/z.") % "")
        self.assertEqual(len(found), 2, found)

    def test_a_backend_that_includes_one_of_another_topic_is_noticed(self) -> None:
        other = (CONTRACT % "").replace("/x.hpp", "/y.hpp").replace("types", "y")
        posix = {
            "detail__os__posix__y": OS % "",
            "detail__os__linux__y": INCLUDE % "linux/x" + OS % "",
        }
        found = self.wrong(
            "backends", detail__os__y=other, detail__os__unsupported__y=OS % "", **posix
        )
        self.assertEqual(len(found), 1, found)
        self.assertIn("skyutil/detail/os/linux/y.hpp:1: ", found[0])

    def test_a_backend_that_tells_systems_apart_is_noticed(self) -> None:
        self.assertEqual(len(self.wrong("backends", posix=POSIX + "#ifdef __APPLE__\n#endif\n")), 1)

    def test_a_system_above_the_seam_is_noticed(self) -> None:
        for planted in (
            "void g(pid_t pid);",
            "struct s {\n    uid_t user, group;\n};",
            "gid_t group;",
            "void g(int fd);",
            "class c {\n    int descriptor_ = -1;\n};",
            "int pipe_fd;",
            'auto text = "/proc/self/fd";',
            'auto text = "cat /sys";',
            'auto text = R"(/dev/null)";',
            'auto text = "/bin/sh";',
            "unsigned long mask;",
            "int g() { return SIGKILL; }",
            "int g() { return O_RDONLY; }",
            "int g() { return errno; }",
            "char** g() { return environ; }",
            "pollfd entry;",
            "#if defined(__linux__)",
            "#ifdef _WIN32",
            "#ifndef __APPLE__",
            "#if X\n#elif defined(SKYUTIL_OS_UNSUPPORTED)",
            INCLUDE % "linux/x",
        ):
            with self.subTest(planted):
                found = self.wrong("above", public=planted)
                self.assertEqual(len(found), 1, found)
                self.assertIn("skyutil/x.hpp:", found[0])


if __name__ == "__main__":
    unittest.main()
