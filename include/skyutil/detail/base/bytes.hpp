// SPDX-License-Identifier: MIT
//
// detail/base/bytes.hpp: eight bytes of text as one integer, at compile time too.

#pragma once

#include <skyutil/version.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// 1 in each of eight bytes.
inline constexpr std::uint64_t every_byte = 0x0101'0101'0101'0101;

/// text[0] in the lowest byte.
constexpr std::uint64_t load_little_endian(const char* text) noexcept {
    std::uint64_t value = 0;
    if (std::is_constant_evaluated() || std::endian::native != std::endian::little) {
        for (std::size_t i = 8; i-- != 0;) {
            value = (value << 8) | static_cast<unsigned char>(text[i]);
        }
    } else {
        std::memcpy(&value, text, sizeof value);
    }
    return value;
}

constexpr void store_little_endian(char* text, std::uint64_t value) noexcept {
    if (std::is_constant_evaluated() || std::endian::native != std::endian::little) {
        for (std::size_t i = 0; i < 8; ++i) {
            text[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
        }
    } else {
        std::memcpy(text, &value, sizeof value);
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
