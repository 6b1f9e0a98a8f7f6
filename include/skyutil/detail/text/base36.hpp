// SPDX-License-Identifier: MIT
//
// detail/text/base36.hpp: writes a hexadecimal number of any length in base 36, without allocating.
//
// Up to 896 bits, the number is a sum of multiples of powers of two whose base-36 digits are in a
// table: no product waits for another. A longer number is first divided by 36^20, again and again.
// Both divisions are by a constant with a precomputed reciprocal (N. Moeller and T. Granlund,
// "Improved division by invariant integers", IEEE Transactions on Computers 60, 2011, algorithm 4).

#pragma once

#include <skyutil/detail/text/digits.hpp>
#include <skyutil/detail/text/hex_text.hpp>
#include <skyutil/detail/text/uint128.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns floor((2^128 - 1) / divisor) - 2^64 for a divisor with its top bit set.
consteval std::uint64_t reciprocal(std::uint64_t divisor) {
    std::uint64_t quotient = 0;
    std::uint64_t remainder = ~divisor;  // 2^128 - 1 - divisor * 2^64, divided by divisor
    for (int bit = 0; bit < 64; ++bit) {
        const bool carry = (remainder >> 63) != 0;
        remainder = (remainder << 1) | 1U;
        quotient <<= 1;
        if (carry || remainder >= divisor) {
            remainder -= divisor;
            quotient |= 1U;
        }
    }
    return quotient;
}

struct division {
    std::uint64_t quotient;
    std::uint64_t remainder;
};

/// Divides a value whose high half is less than the divisor.
template <std::uint64_t Divisor>
SKYUTIL_WRAPS constexpr division divide(uint128 value) noexcept {
    constexpr auto shift = static_cast<unsigned>(std::countl_zero(Divisor));
    constexpr std::uint64_t divisor = Divisor << shift;
    constexpr std::uint64_t inverse = reciprocal(divisor);
    value = shift_left(value, shift);
    const uint128 estimate = add(multiply(inverse, value.high), value);
    std::uint64_t quotient = estimate.high + 1;
    std::uint64_t remainder = value.low - quotient * divisor;
    const std::uint64_t too_large =
        remainder > estimate.low ? ~std::uint64_t{0} : 0;  // half the time
    quotient += too_large;
    remainder += too_large & divisor;
    if (remainder >= divisor) [[unlikely]] {
        ++quotient;
        remainder -= divisor;
    }
    return {quotient, remainder >> shift};
}

constexpr std::size_t short_limbs = 14;
constexpr std::size_t short_hex_digits = short_limbs * hex_digits_per_limb;
constexpr std::size_t short_base36_digits = 174;  // 36^174 > 2^896

// The number is cut into pieces of 60 bits, and the powers 2^(60 i) into digits of base 36^12: then
// a sum of fifteen products and a carry, divided by 36^12, fits 64 bits.
inline constexpr unsigned chunk_digits = 12;
inline constexpr std::uint64_t chunk = power<36>(chunk_digits);
inline constexpr unsigned piece_bits = 60;
using piece_row = std::array<std::uint64_t, short_limbs + 1>;

/// [j][i] is digit j of 2^(60 i), which has at most i digits.
SKYUTIL_OWN inline constexpr auto piece_powers = [] {
    std::array<piece_row, short_limbs> table{};
    piece_row digits{1};
    for (std::size_t i = 1; i < digits.size(); ++i) {
        std::uint64_t carry = 0;
        for (std::size_t j = 0; j < i; ++j) {
            const division step =
                divide<chunk>(add(shift_left({0, digits[j]}, piece_bits), {0, carry}));
            table[j][i] = digits[j] = step.remainder;
            carry = step.quotient;
        }
    }
    return table;
}();

/// Writes a number of up to short_limbs limbs so that it ends at `end`, and returns its start. Zero
/// is "0".
SKYUTIL_WRAPS constexpr char* write_short(char* end, packed_limbs limbs,
                                          std::size_t count) noexcept {
    constexpr std::uint64_t piece_mask = (std::uint64_t{1} << piece_bits) - 1;
    piece_row pieces;  // NOLINT(*-member-init): set below as far as used
    std::uint64_t carry = 0;
    std::size_t n = 0;
    for (unsigned spill = 0; n != count; ++n, spill += 64 - piece_bits) {
        const std::uint64_t limb = limbs.load(n);
        pieces[n] = ((limb << spill) | carry) & piece_mask;
        carry = limb >> (piece_bits - spill);
    }
    pieces[n++] = carry;
    while (n > 1 && pieces[n - 1] == 0) {
        --n;
    }

    carry = pieces[0];
    for (std::size_t j = 0; j + 1 < n; ++j) {
        uint128 sum{0, carry};
        for (std::size_t i = j + 1; i < n; ++i) {
            sum = add(sum, multiply(pieces[i], piece_powers[j][i]));
        }
        const division step = divide<chunk>(sum);
        carry = step.quotient;
        if (j + 2 == n && carry == 0) {
            return digit_writer<36>::write(end, step.remainder);
        }
        end = digit_writer<36>::write_padded<chunk_digits>(end, step.remainder);
    }
    if (n == 1 && carry == 0) {
        *--end = '0';
    }
    return digit_writer<36>::write(end, carry);
}

/// Divides a number by 36^20 = 2^40 * 9^20. It is given the limbs, beginning with the most
/// significant.
class base36_lane {
public:
    static constexpr unsigned digits = 20;

    /// Returns the limb of the quotient.
    SKYUTIL_WRAPS constexpr std::uint64_t feed(std::uint64_t limb) noexcept {
        const std::uint64_t low = (previous_ << (64 - shift)) | (limb >> shift);
        previous_ = limb;
        const division step = divide<power<9>(digits)>({remainder_, low});
        remainder_ = step.remainder;
        return step.quotient;
    }

    /// Writes all twenty digits of the remainder, which is remainder_ * 2^40 + the low 40 bits of
    /// the last limb.
    SKYUTIL_WRAPS constexpr char* write(char* end) const noexcept {
        constexpr std::uint64_t half = power<9>(digits / 2);
        constexpr unsigned half_shift = shift / 2;
        constexpr std::uint64_t half_mask = (std::uint64_t{1} << half_shift) - 1;
        const std::uint64_t middle =
            ((remainder_ % half) << half_shift) | ((previous_ >> half_shift) & half_mask);
        const std::uint64_t high = ((remainder_ / half) << half_shift) + middle / half;
        const std::uint64_t low = ((middle % half) << half_shift) | (previous_ & half_mask);
        end = digit_writer<36>::write_padded<digits / 2>(end, low);
        return digit_writer<36>::write_padded<digits / 2>(end, high);
    }

private:
    static constexpr unsigned shift = 40;

    std::uint64_t remainder_ = 0;
    std::uint64_t previous_ = 0;
};

/// Copies [first, last) so that it ends at `end`, and returns its start; nullptr when it does not
/// fit above `begin`.
constexpr char* copy_before(char* begin, char* end, const char* first, const char* last) noexcept {
    if (end - begin < last - first) {
        return nullptr;
    }
    while (last != first) {
        *--end = *--last;
    }
    return end;
}

/// Writes a number of more than short_limbs limbs so that it ends at `end`, and returns its start;
/// nullptr when it does not fit above `begin`.
///
/// With every twenty digits that are written the limbs get 13 bytes shorter, so the two do not meet
/// if the number fits.
SKYUTIL_WRAPS constexpr char* write_long(char* begin, char* end, const hex_text& hex) noexcept {
    std::size_t count = limb_count(hex.digits);
    if (static_cast<std::size_t>(end - begin) / 8 < count) {
        return nullptr;
    }
    const packed_limbs limbs{begin};
    load_hex(hex, limbs);
    while (count > short_limbs) {
        // Each division is a chain of multiplications that wait for each other; the processor works
        // on the four chains at once.
        base36_lane a, b, c, d;
        for (std::size_t i = count; i-- != 0;) {
            limbs.store(i, d.feed(c.feed(b.feed(a.feed(limbs.load(i))))));
        }
        while (limbs.load(count - 1) == 0) {
            --count;
        }
        if (static_cast<std::size_t>(end - begin) < 8 * count + 4 * base36_lane::digits) {
            return nullptr;
        }
        end = d.write(c.write(b.write(a.write(end))));
    }
    std::array<char, short_base36_digits> front;  // NOLINT(*-member-init)
    char* const front_end = front.data() + front.size();
    return copy_before(begin, end, write_short(front_end, limbs, count), front_end);
}

/// Returns an upper bound for how many base-36 digits a number other than zero has; it is at most
/// one in 250 too high.
constexpr std::size_t base36_bound(std::size_t hex_digits) noexcept {
    return hex_digits - hex_digits / 9 * 2;  // log(16) / log(36) < 7 / 9
}

/// A number read from hexadecimal text.
class hex_number {
public:
    constexpr explicit hex_number(std::string_view text) noexcept {
        if (!text.empty() && text.size() <= short_hex_digits && load_digits(text, limbs())) {
            text_.digits = text.size();
            return;
        }
        text_ = parse_hex(text);
        if (is_short() && text_.digits != 0) {
            load_hex(text_, limbs());
        }
    }

    /// Returns hex_text::no_error, or the offset of the first character that is wrong.
    constexpr std::size_t error() const noexcept { return text_.error; }

    constexpr bool is_short() const noexcept { return text_.digits <= short_hex_digits; }

    /// Writes a short number.
    constexpr char* write(char* end) noexcept {
        return write_short(end, limbs(), limb_count(text_.digits));
    }

    /// Returns the text of a number that is not short.
    constexpr const hex_text& text() const noexcept { return text_; }

private:
    constexpr packed_limbs limbs() noexcept { return {limbs_.data()}; }

    hex_text text_{{}, 0, hex_text::no_error};
    std::array<char, 8 * short_limbs>
        limbs_;  // NOLINT(*-member-init): set as far as there are digits
};

/// Encodes a number that is not short, in time that grows with the square of the length.
constexpr std::string encode_by_division(const hex_text& hex) {
    std::string out;
    out.resize(base36_bound(hex.digits));
    const char* const begin = write_long(out.data(), out.data() + out.size(), hex);
    out.erase(0, static_cast<std::size_t>(begin - out.data()));
    return out;
}

/// Decodes one base-36 digit or more, in time that grows with the square of the length.
constexpr std::string decode_by_multiplication(std::string_view digits) {
    std::string limbs_text;  // as packed_limbs
    limbs_text.resize(8 * (digits.size() / chunk_digits + 1));
    const packed_limbs limbs{limbs_text.data()};
    std::size_t count = 0;
    while (!digits.empty()) {
        std::uint64_t carry = 0;
        std::uint64_t factor = 1;
        const std::size_t taken = (std::min)(digits.size(), std::size_t{chunk_digits});
        for (const char c : digits.substr(0, taken)) {
            carry = carry * 36 + static_cast<std::uint64_t>(digit_value(c));
            factor *= 36;
        }
        digits.remove_prefix(taken);
        for (std::size_t i = 0; i != count; ++i) {
            const uint128 sum = add(multiply(limbs.load(i), factor), {0, carry});
            limbs.store(i, sum.low);
            carry = sum.high;
        }
        if (carry != 0) {
            limbs.store(count++, carry);
        }
    }
    std::string out(count * hex_digits_per_limb, '0');
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::uint64_t limb = limbs.load(i / hex_digits_per_limb);
        out[out.size() - 1 - i] = digit_characters[(limb >> (4 * (i % hex_digits_per_limb))) & 15];
    }
    if (out.empty()) {
        return "0";
    }
    out.erase(0, out.find_first_not_of('0'));
    return out;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
