// SPDX-License-Identifier: MIT
//
// detail/text/wide_integer.hpp: an unsigned integer in which any double has room, in decimal.

#pragma once

#include <skyutil/detail/text/digits.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

using decimal = digit_writer<10>;

/// An unsigned integer that is large enough for any finite double, multiplied by the power of five
/// that makes it a whole number, and for 5^1120.
class wide_integer {
public:
    constexpr explicit wide_integer(std::uint64_t value) noexcept {
        limbs_[0] = static_cast<std::uint32_t>(value);
        limbs_[1] = static_cast<std::uint32_t>(value >> 32);
    }

    constexpr void multiply_by(std::uint32_t factor, std::uint32_t summand = 0) noexcept {
        std::uint64_t carry = summand;
        for (std::uint32_t& limb : limbs_) {
            carry += std::uint64_t{limb} * factor;
            limb = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
    }

    constexpr wide_integer& operator<<=(unsigned bits) noexcept {
        std::copy_backward(limbs_.begin(), limbs_.end() - bits / 32, limbs_.end());
        std::fill_n(limbs_.begin(), bits / 32, 0U);
        multiply_by(std::uint32_t{1} << (bits % 32));
        return *this;
    }

    /// The other one must not be larger.
    SKYUTIL_WRAPS constexpr wide_integer& operator-=(const wide_integer& other) noexcept {
        std::uint64_t borrow = 0;
        for (std::size_t i = 0; i != limbs_.size(); ++i) {
            const std::uint64_t difference = std::uint64_t{limbs_[i]} - other.limbs_[i] - borrow;
            limbs_[i] = static_cast<std::uint32_t>(difference);
            borrow = difference >> 63;
        }
        return *this;
    }

    friend constexpr bool operator>=(const wide_integer& a, const wide_integer& b) noexcept {
        return !std::lexicographical_compare(a.limbs_.rbegin(), a.limbs_.rend(), b.limbs_.rbegin(),
                                             b.limbs_.rend());
    }

    /// How many bits it has, 0 for zero.
    friend constexpr int width_of(const wide_integer& value) noexcept {
        for (std::size_t i = value.limbs_.size(); i-- != 0;) {
            if (value.limbs_[i] != 0) {
                return static_cast<int>(i) * 32 + 32 - std::countl_zero(value.limbs_[i]);
            }
        }
        return 0;
    }

    /// Divides by 2^bits and rounds half to even.
    constexpr void shift_right_rounding(unsigned bits) noexcept {
        if (bits == 0) {
            return;
        }
        bool up = bit_at(bits - 1);
        if (up && !bit_at(bits)) {
            bool more = false;
            for (unsigned i = 0; i + 1 < bits && !more; ++i) {
                more = bit_at(i);
            }
            up = more;
        }
        std::fill(std::copy(limbs_.begin() + bits / 32, limbs_.end(), limbs_.begin()), limbs_.end(),
                  0U);
        if (bits % 32 != 0) {
            for (std::size_t i = 0; i < limbs_.size(); ++i) {
                const std::uint64_t above = i + 1 < limbs_.size() ? limbs_[i + 1] : 0;
                limbs_[i] = static_cast<std::uint32_t>(((above << 32) | limbs_[i]) >> (bits % 32));
            }
        }
        for (std::size_t i = 0; up; ++i) {
            up = ++limbs_[i] == 0;
        }
    }

    /// Writes the digits so that they end at `end`, and returns their start; none for zero. The
    /// value is used up.
    SKYUTIL_WRAPS constexpr char* write(char* end) noexcept {
        constexpr std::uint32_t billion = 1'000'000'000;
        for (std::size_t size = limbs_.size();;) {
            while (size != 0 && limbs_[size - 1] == 0) {
                --size;
            }
            if (size == 0) {
                return end;
            }
            std::uint64_t remainder = 0;
            for (std::size_t i = size; i-- != 0;) {
                remainder = (remainder << 32) | limbs_[i];
                limbs_[i] = static_cast<std::uint32_t>(remainder / billion);
                remainder %= billion;
            }
            if (size == 1 && limbs_[0] == 0) {
                return decimal::write(end, remainder);
            }
            *--end = static_cast<char>('0' + remainder % 10);
            end = decimal::write_padded<8>(end, remainder / 10);
        }
    }

private:
    constexpr bool bit_at(unsigned i) const noexcept {
        return ((limbs_[i / 32] >> (i % 32)) & 1) != 0;
    }

    std::array<std::uint32_t, 82>
        limbs_{};  // 53 + 1074 * log2(5) = 2547 bits, and two limbs to spare
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
