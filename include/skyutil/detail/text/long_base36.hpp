// SPDX-License-Identifier: MIT
//
// detail/text/long_base36.hpp: converts texts of thousands of digits and more between bases 16 and
// 36, in little more than linear time.
//
// A number of 2 n digits is high * base^n + low: both halves are converted, and multiplied and
// added in the base that is wanted. This begins with pieces that are short enough for the methods
// that take a quadratic time, and goes up to the whole number. Products are convolutions of limbs,
// by number-theoretic transforms modulo the prime 2^64 - 2^32 + 1, which has roots of unity of
// every order up to 2^32 (J. M. Pollard, "The fast Fourier transform in a finite field",
// Mathematics of Computation 25, 1971).

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/text/base36.hpp>
#include <skyutil/detail/text/digits.hpp>
#include <skyutil/detail/text/uint128.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Arithmetic modulo the prime 2^64 - 2^32 + 1, of numbers below it. (subtract() takes any numbers,
/// but then the result may not be below it.)
struct residue {
    static constexpr std::uint64_t wrapped = 0xffff'ffff;  // 2^64 modulo the prime
    static constexpr std::uint64_t prime = 0 - wrapped;

    SKYUTIL_WRAPS static constexpr std::uint64_t subtract(std::uint64_t a,
                                                          std::uint64_t b) noexcept {
        // The borrow without a comparison, which compilers turn into a branch that the processor
        // cannot predict.
        const std::uint64_t difference = a - b;
        const std::uint64_t borrow = ((~a & b) | (~(a ^ b) & difference)) >> 63;
        return difference - ((borrow << 32) - borrow);
    }
    static constexpr std::uint64_t add(std::uint64_t a, std::uint64_t b) noexcept {
        return subtract(a, prime - b);
    }
    static constexpr std::uint64_t multiply(std::uint64_t a, std::uint64_t b) noexcept {
        const uint128 product = detail::multiply(a, b);
        // high * 2^64 + low, where 2^64 is 2^32 - 1 and 2^96 is -1.
        const std::uint64_t top = product.high >> 32;
        const std::uint64_t middle = (product.high & wrapped) * wrapped;
        return add(subtract(product.low, top), middle);
    }
    static constexpr std::uint64_t raise(std::uint64_t a, std::uint64_t exponent) noexcept {
        std::uint64_t result = 1;
        for (; exponent != 0; exponent >>= 1, a = multiply(a, a)) {
            result = (exponent & 1) != 0 ? multiply(result, a) : result;
        }
        return result;
    }
};

/// The transform, and its inverse, of rows of residues whose length is a power of two.
class number_transform {
public:
    explicit number_transform(std::size_t size) : roots_(size) {
        constexpr std::uint64_t generator = 7;
        const std::uint64_t root = residue::raise(generator, (residue::prime - 1) / size);
        std::uint64_t power = 1;
        for (std::size_t i = size / 2; i != size; ++i) {
            roots_[i] = power;
            power = residue::multiply(power, root);
        }
        for (std::size_t i = size / 2; i-- != 1;) {
            roots_[i] = roots_[2 * i];
        }
        inverse_size_ = residue::raise(size, residue::prime - 2);
    }

    [[nodiscard]] std::size_t size() const noexcept { return roots_.size(); }

    /// Transforms a row, whose elements get another order.
    void forward(std::vector<std::uint64_t>& row) const noexcept { forward(row.data(), size()); }

    /// Transforms a row in that order back.
    void backward(std::vector<std::uint64_t>& row) const noexcept {
        backward(row.data(), size());
        for (std::uint64_t& each : row) {
            each = residue::multiply(each, inverse_size_);
        }
    }

private:
    /// When the thread is interrupted, parts of this length are finished; longer ones are left as
    /// they are.
    static constexpr std::size_t uninterrupted = std::size_t{1} << 15;

    // Depth first, so that the parts are in the cache while they are worked on.
    void forward(std::uint64_t* row, std::size_t size) const noexcept {
        if (size > uninterrupted && interruption::requested()) {
            return;
        }
        const std::size_t half = size / 2;
        const std::uint64_t* const roots = roots_.data() + half;
        for (std::size_t i = 0; i != half; ++i) {
            const std::uint64_t a = row[i];
            const std::uint64_t b = row[i + half];
            row[i] = residue::add(a, b);
            row[i + half] = residue::multiply(residue::subtract(a, b), roots[i]);
        }
        if (half != 1) {
            forward(row, half);
            forward(row + half, half);
        }
    }

    void backward(std::uint64_t* row, std::size_t size) const noexcept {
        if (size > uninterrupted && interruption::requested()) {
            return;
        }
        const std::size_t half = size / 2;
        if (half != 1) {
            backward(row, half);
            backward(row + half, half);
        }
        const std::uint64_t first = row[half];
        row[half] = residue::subtract(row[0], first);
        row[0] = residue::add(row[0], first);
        const std::uint64_t* const roots = roots_.data() + size;
        for (std::size_t i = 1; i != half; ++i) {
            // The inverse of a root is minus the root that is as far from -1.
            const std::uint64_t a = row[i];
            const std::uint64_t b = residue::multiply(row[i + half], *(roots - i));
            row[i] = residue::subtract(a, b);
            row[i + half] = residue::add(a, b);
        }
    }

    std::vector<std::uint64_t> roots_;  // [half, 2 half): the powers of the root of order 2 half
    std::uint64_t inverse_size_;
};

/// Numbers in limbs of a few digits of a base each, least significant first.
template <unsigned Base>
class digit_limbs {
public:
    /// `digits` is the length of the longest number. A limb gets as many digits as possible: as
    /// many products of two limbs as such a number has limbs must add up to less than the prime.
    explicit digit_limbs(std::size_t digits) noexcept {
        while (digits / limb_digits_ >= (std::uint64_t{1} << 63) / radix_ / radix_) {
            --limb_digits_;
            radix_ /= Base;
        }
    }

    [[nodiscard]] std::size_t count(std::size_t digits) const noexcept {
        return (digits + limb_digits_ - 1) / limb_digits_;
    }

    /// Reads digits into a row of zeros that has room for them.
    void load(std::string_view digits, std::uint64_t* row) const noexcept {
        for (; !digits.empty(); ++row) {
            const std::size_t taken = (std::min)(digits.size(), limb_digits_);
            for (const char c : digits.substr(digits.size() - taken)) {
                *row = *row * Base + static_cast<std::uint64_t>(digit_value(c));
            }
            digits.remove_suffix(taken);
        }
    }

    [[nodiscard]] std::string to_text(const std::vector<std::uint64_t>& row) const {
        std::string text(row.size() * limb_digits_, '0');
        char* end = text.data() + text.size();
        for (std::uint64_t limb : row) {
            for (std::size_t i = 0; i != limb_digits_; ++i, limb /= Base) {
                *--end = digit_characters[cast_to<std::size_t>(limb % Base)];
            }
        }
        text.erase(0, (std::min)(text.find_first_not_of('0'), text.size() - 1));
        return text;
    }

    /// Adds the sums of a convolution to a row of limbs, in which there is room for the result.
    void add_carrying(const std::vector<std::uint64_t>& sums, std::uint64_t* row,
                      std::size_t size) const noexcept {
        std::uint64_t carry = 0;
        for (std::size_t i = 0; i != size; ++i) {
            carry += sums[i] + row[i];
            row[i] = carry % radix_;
            carry /= radix_;
        }
    }

private:
    static constexpr unsigned most_digits = Base == 16 ? 5 : 4;

    std::size_t limb_digits_ = most_digits;
    std::uint64_t radix_ = power<Base>(most_digits);
};

/// Converts a number of many digits to base `Base`. `convert_piece` does the same for up to
/// `most` + 1 digits, in quadratic time and without leading zeros. When the thread is interrupted,
/// the result is unspecified.
template <unsigned Base, class Convert>
std::string convert_long(std::string_view digits, std::size_t most, Convert convert_piece) {
    const digit_limbs<Base> limbs(2 * digits.size());
    const std::size_t pieces = std::bit_ceil((digits.size() + most - 1) / most);
    const std::size_t piece = (digits.size() + pieces - 1) / pieces;

    std::string power_text(piece + 1, '0');  // the base of the digits to the power `piece`
    power_text.front() = '1';
    power_text = convert_piece(power_text);
    std::size_t size = limbs.count(power_text.size());  // no piece has more
    std::vector<std::uint64_t> factor(size);
    limbs.load(power_text, factor.data());

    std::vector<std::uint64_t> number(size * pieces);
    for (std::size_t i = 0; i != pieces && !digits.empty() && !interruption::requested(); ++i) {
        const std::size_t taken = (std::min)(digits.size(), piece);
        limbs.load(convert_piece(digits.substr(digits.size() - taken)), number.data() + size * i);
        digits.remove_suffix(taken);
    }

    std::vector<std::uint64_t> product;
    for (; size != number.size(); size *= 2) {
        if (interruption::requested()) {
            return {};
        }
        const number_transform transform(std::bit_ceil(2 * size));
        factor.resize(transform.size());
        transform.forward(factor);
        for (std::size_t at = 0; at != number.size() && !interruption::requested();
             at += 2 * size) {
            std::uint64_t* const low = number.data() + at;
            product.assign(low + size, low + 2 * size);
            std::fill_n(low + size, size, 0U);
            product.resize(transform.size());
            transform.forward(product);
            for (std::size_t i = 0; i != product.size(); ++i) {
                product[i] = residue::multiply(product[i], factor[i]);
            }
            transform.backward(product);
            limbs.add_carrying(product, low, 2 * size);
        }
        if (2 * size == number.size()) {
            break;
        }
        for (std::uint64_t& each : factor) {
            each = residue::multiply(each, each);
        }
        transform.backward(factor);
        product.assign(2 * size, 0);
        limbs.add_carrying(factor, product.data(), 2 * size);
        factor.swap(product);
    }
    return limbs.to_text(number);
}

// Up to these lengths the methods that take a quadratic time are faster, or nearly so.
inline constexpr std::size_t long_hex_digits = 60'000;
inline constexpr std::size_t long_base36_digits = 60'000;
inline constexpr std::size_t hex_piece = 3960;
inline constexpr std::size_t base36_piece = 3160;

inline std::string encode_long(const hex_text& hex) {
    std::string plain;
    std::string_view digits = hex.body;
    if (hex.digits != digits.size()) {
        plain.reserve(hex.digits);
        std::copy_if(digits.begin(), digits.end(), std::back_inserter(plain),
                     [](char c) { return c != '_'; });
        digits = plain;
    }
    return convert_long<36>(digits, hex_piece, [](std::string_view piece) {
        const hex_text parsed = parse_hex(piece);
        if (parsed.digits > short_hex_digits) {
            return encode_by_division(parsed);
        }
        hex_number number(piece);
        std::array<char, short_base36_digits> buffer;  // NOLINT(*-member-init)
        char* const end = buffer.data() + buffer.size();
        return std::string(number.write(end), end);
    });
}

inline std::string decode_long(std::string_view digits) {
    return convert_long<16>(digits, base36_piece, decode_by_multiplication);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
