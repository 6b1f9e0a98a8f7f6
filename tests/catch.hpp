// SPDX-License-Identifier: MIT
//
// tests/catch.hpp: Catch2, version 2 or 3, under the names of version 3, with SKYUTIL_SKIP and
// SKYUTIL_STATIC_CHECK.
//
//     if (geteuid() != 0) SKYUTIL_SKIP("needs root");

#pragma once

#define CATCH_CONFIG_ENABLE_ALL_STRINGMAKERS

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_message.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
#else
#include <catch2/catch.hpp>

namespace Catch {
using Detail::Approx;
}

namespace Catch::Matchers {
inline auto ContainsSubstring(std::string const& text) { return Contains(text); }
}  // namespace Catch::Matchers
#endif

#include <iostream>
#include <string>

namespace skyutil_tests {

/// Whether a test of this process was skipped.
inline bool skipped = false;

/// Ends the running test case, which counts as skipped unless something in it failed.
[[noreturn]] inline void skip(const std::string& reason) {
    skipped = true;
    std::cout << "skipped: " << reason << std::endl;
#ifdef SKIP
    SKIP(reason);
#endif
    throw Catch::TestFailureException{};
}

}  // namespace skyutil_tests

/// Ends the running test case; CTest reports it as skipped.
#define SKYUTIL_SKIP(reason) ::skyutil_tests::skip(reason)

/// A check at compile time of an expression with std::string in it; a check at run time under clang
/// with libstdc++ before 13, whose std::string clang does not take for constexpr.
#if defined(__clang__) && defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE < 13
#define SKYUTIL_STATIC_CHECK(...) CHECK(__VA_ARGS__)
#else
#define SKYUTIL_STATIC_CHECK(...) STATIC_REQUIRE(__VA_ARGS__)
#endif
