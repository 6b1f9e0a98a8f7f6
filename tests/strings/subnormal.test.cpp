// SPDX-License-Identifier: MIT
//
// Numbers where the processor takes subnormal ones for zero, which one library linked with
// -ffast-math sets for a whole program. Compiled twice, the second time with -ffast-math itself.

#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

namespace {

/// Sets DAZ (what is read) and FTZ (what is written) while it lives.
class without_subnormals {
public:
#if defined(__SSE2__)
    without_subnormals() { __builtin_ia32_ldmxcsr(before_ | 0x8040U); }
    ~without_subnormals() { __builtin_ia32_ldmxcsr(before_); }

private:
    unsigned before_ = __builtin_ia32_stmxcsr();
#else
    without_subnormals() { SKYUTIL_SKIP("this processor is not told so by MXCSR"); }
    ~without_subnormals() = default;

public:
#endif
    without_subnormals(const without_subnormals&) = delete;
    without_subnormals& operator=(const without_subnormals&) = delete;
};

/// What C prints.
std::string print(double x, int precision) {
    std::vector<char> text(1500 + static_cast<std::size_t>(precision));
    const int size = std::snprintf(text.data(), text.size(), "%.*f", precision, x);
    return std::string(text.data(), static_cast<std::size_t>(size));
}

struct row {
    std::uint64_t bits;
    int precision;
    std::string expected;
};

std::vector<row> make_rows() {
    std::vector<row> rows;
    for (const std::uint64_t bits :
         {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{0x8000'0000'0000'0001},
          std::uint64_t{0xf'ffff'ffff'ffff}, std::uint64_t{0x8'0000'0000'0000},
          std::uint64_t{0x10'0000'0000'0000}, std::uint64_t{0x1234'5678}}) {
        for (const int precision : {0, 1, 19, 20, 320, 350, 1074, 1100}) {
            rows.push_back({bits, precision, print(std::bit_cast<double>(bits), precision)});
        }
    }
    return rows;
}

}  // namespace

TEST_CASE("subnormal numbers have their digits where the processor takes them for zero") {
    const std::vector<row> rows = make_rows();
    CHECK(rows[5].expected.substr(0, 327).ends_with("0049"));  // 4.9e-324
    std::vector<std::pair<std::string, std::string>> answers;
    {
        const without_subnormals here;
        for (const auto& [bits, precision, expected] : rows) {
            const auto x = std::bit_cast<double>(bits);
            answers.emplace_back(skyutil::format_float(x, precision),
                                 skyutil::format_compact(x, precision));
        }
    }
    for (std::size_t i = 0; i != rows.size(); ++i) {
        INFO("bits " << rows[i].bits << ", precision " << rows[i].precision);
        CHECK(answers[i].first == rows[i].expected);
        CHECK(answers[i].second == rows[i].expected);
    }
}

TEST_CASE("subnormal numbers of float have their digits too") {
    const float smallest = std::bit_cast<float>(std::uint32_t{1});  // 2^-149
    std::string plain;
    std::string compact;
    std::string large;
    {
        const without_subnormals here;
        plain = skyutil::format_float(smallest, 50);
        compact = skyutil::format_compact(smallest, 50);
        large = skyutil::format_compact(std::bit_cast<float>(0x44fa2000U), 3);  // 2001
    }
    CHECK(plain == "0.00000000000000000000000000000000000000000000140130");
    CHECK(compact == plain);
    CHECK(large == "2.001K");
}

TEST_CASE("what is not finite is known where the compiler takes all numbers for finite") {
    const auto of = [](std::uint64_t bits) {
        return skyutil::format_float(std::bit_cast<double>(bits)) + " " +
               skyutil::format_compact(std::bit_cast<double>(bits));
    };
    CHECK(of(0x7ff0'0000'0000'0000) == "inf inf");
    CHECK(of(0xfff0'0000'0000'0000) == "-inf -inf");
    CHECK(of(0x7ff8'0000'0000'0000) == "nan nan");
    CHECK(of(0x8000'0000'0000'0000) == "-0 -0.0");
}

TEST_CASE("overrides that are not finite are refused, and the smallest is positive") {
    for (const auto& [text, number] :
         {std::pair("inf", false), std::pair("nan", false), std::pair("1e999", false),
          std::pair("-4", false), std::pair("4.9e-324", true), std::pair("3.5", true)}) {
        INFO(text);
        std::optional<double> value;
        {
            const without_subnormals here;
            value = skyutil::detail::parse_positive(text);
        }
        CHECK(value.has_value() == number);
    }
}
