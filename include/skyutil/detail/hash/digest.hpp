// SPDX-License-Identifier: MIT
//
// detail/hash/digest.hpp: the functions of digest. Included at the end of skyutil/hash.hpp.

#pragma once

#include <skyutil/detail/text/digits.hpp>
#include <skyutil/detail/text/text_error.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

constexpr digest::digest(std::span<const std::byte> bytes) : size_(bytes.size()) {
    if (size_ > max_size) {
        throw std::length_error("skyutil::digest: more than 64 bytes");
    }
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

constexpr digest digest::from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0 || hex.size() > 2 * max_size) {
        throw std::invalid_argument("skyutil::digest::from_hex: " + std::to_string(hex.size()) +
                                    " digits, but it takes an even number up to 128");
    }
    digest result;
    result.size_ = hex.size() / 2;
    for (std::size_t i = 0; i < hex.size(); ++i) {
        const int value = detail::digit_value(hex[i]);
        if (value < 0 || value >= 16) {
            detail::throw_invalid_text("skyutil::digest::from_hex", "hexadecimal", hex, i);
        }
        result.bytes_[i / 2] = (result.bytes_[i / 2] << 4) | static_cast<std::byte>(value);
    }
    return result;
}

constexpr std::string digest::hex() const {
    std::string out;
    out.reserve(2 * size_);
    for (const std::byte byte : bytes()) {
        out += detail::digit_characters[std::to_integer<std::size_t>(byte >> 4)];
        out += detail::digit_characters[std::to_integer<std::size_t>(byte & std::byte{15})];
    }
    return out;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
