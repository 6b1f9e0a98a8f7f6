// SPDX-License-Identifier: MIT
//
// detail/text/integer_text.hpp: integers in messages.

#pragma once

#include <skyutil/version.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <string>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Does what std::to_string() does, whose table g++ makes unique in the process (see SKYUTIL_OWN).
template <std::integral T>
SKYUTIL_WRAPS constexpr std::string integer_text(T x) {
    std::array<char, 24> buffer{};  // 20 digits hold 64 bits, and a sign
    char* const end = buffer.data() + buffer.size();
    char* begin = end;
    const auto bits = static_cast<std::uint64_t>(x);
    std::uint64_t rest = x < T{0} ? ~bits + 1 : bits;
    do {
        *--begin = static_cast<char>('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (x < T{0}) {
        *--begin = '-';
    }
    return std::string(begin, end);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
