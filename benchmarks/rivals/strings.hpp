// SPDX-License-Identifier: MIT
//
// What strings.hpp is compared with: GMP, std::to_chars and snprintf.

#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <string>

#if defined(SKYUTIL_BENCH_GMP)
#include <gmp.h>
#endif

namespace rivals {

#if defined(SKYUTIL_BENCH_GMP)
inline std::string base36_by_gmp(const std::string& hex) {
    mpz_t value;
    mpz_init_set_str(value, hex.c_str(), 16);
    std::string out(mpz_sizeinbase(value, 36) + 2, '\0');
    mpz_get_str(out.data(), 36, value);
    mpz_clear(value);
    out.resize(out.find('\0'));
    return out;
}

inline std::string hex_by_gmp(const std::string& base36) {
    mpz_t value;
    mpz_init_set_str(value, base36.c_str(), 36);
    std::string out(mpz_sizeinbase(value, 16) + 2, '\0');
    mpz_get_str(out.data(), 16, value);
    mpz_clear(value);
    out.resize(out.find('\0'));
    return out;
}
#endif

inline std::string format_by_to_chars(double x, int precision) {
    std::array<char, 400> buffer;  // NOLINT(*-member-init)
    const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), x,
                                      std::chars_format::fixed, precision);
    return {buffer.data(), result.ptr};
}

inline std::string format_by_snprintf(double x, int precision) {
    std::array<char, 400> buffer;  // NOLINT(*-member-init)
    const int size = std::snprintf(buffer.data(), buffer.size(), "%.*f", precision, x);
    return {buffer.data(), static_cast<std::size_t>(size)};
}

}  // namespace rivals
