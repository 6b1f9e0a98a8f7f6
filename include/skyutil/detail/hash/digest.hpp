// SPDX-License-Identifier: MIT
//
// detail/hash/digest.hpp: the value that hashing gives; public through hash.hpp.

#pragma once

#include <skyutil/detail/text/digits.hpp>
#include <skyutil/detail/text/text_error.hpp>

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// Up to 64 bytes by value; empty when default-constructed.
class digest {
public:
    static constexpr std::size_t max_size = 64;

    constexpr digest() noexcept = default;

    /// Takes a copy of at most max_size bytes: std::length_error for more.
    constexpr explicit digest(std::span<const std::byte> bytes) : size_(bytes.size()) {
        if (size_ > max_size) {
            throw std::length_error("skyutil::digest: more than 64 bytes");
        }
        std::copy(bytes.begin(), bytes.end(), bytes_.begin());
    }

    /// Returns the digest of a hexadecimal text of either case. Throws std::invalid_argument for an
    /// odd length, more than 128 digits or anything that is no digit.
    [[nodiscard]] static constexpr digest from_hex(std::string_view hex) {
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

    /// The bytes, valid as long as the digest.
    [[nodiscard]] constexpr std::span<const std::byte> bytes() const noexcept {
        return {bytes_.data(), size_};
    }

    /// Lower-case hexadecimal, two digits a byte.
    [[nodiscard]] constexpr std::string hex() const {
        std::string out;
        out.reserve(2 * size_);
        for (const std::byte byte : bytes()) {
            out += detail::digit_characters[std::to_integer<std::size_t>(byte >> 4)];
            out += detail::digit_characters[std::to_integer<std::size_t>(byte & std::byte{15})];
        }
        return out;
    }

    /// The order of the bytes, which is that of the hexadecimal texts.
    friend constexpr bool operator==(const digest&, const digest&) noexcept = default;
    friend constexpr std::strong_ordering operator<=>(const digest&,
                                                      const digest&) noexcept = default;

private:
    std::array<std::byte, max_size> bytes_{};  // zero from size_ on, as the order needs
    std::size_t size_ = 0;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

template <>
struct std::hash<skyutil::digest> {
    [[nodiscard]] std::size_t operator()(const skyutil::digest& digest) const noexcept {
        const std::span<const std::byte> bytes = digest.bytes();
        return std::hash<std::string_view>()(
            {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
};
