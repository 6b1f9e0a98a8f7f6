// SPDX-License-Identifier: MIT
//
// detail/text/utf8.hpp: walks UTF-8 text by code points; ill-formed bytes are walked one by one.
//
// Well-formed sequences are those of table 3-7 of the Unicode Standard (no surrogates, no overlong
// forms). A lead byte never stands inside a sequence, so walking forwards and backwards finds the
// same boundaries.

#pragma once

#include <skyutil/detail/base/bytes.hpp>
#include <skyutil/detail/base/cast.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

constexpr bool is_continuation(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Whether a well-formed sequence of two bytes or more may begin with these two.
constexpr bool may_begin(unsigned lead, unsigned second) noexcept {
    if ((second & 0xc0) != 0x80) {
        return false;
    }
    const unsigned bits = ((lead & 0x0f) << 6) | (second & 0x3f);  // the highest of the code point
    if (lead < 0xe0) {
        return lead >= 0xc2;
    }
    if (lead < 0xf0) {
        return bits >= 0x0800 >> 6 && bits >> 5 != 0xd800 >> 11;
    }
    return bits >= 0x10000 >> 12 && bits <= 0x10ffff >> 12;
}

/// Returns how many bytes the well-formed sequence at `text` has, which is before `end`; 0 when the
/// sequence there is ill-formed.
constexpr unsigned well_formed_size(const char* text, const char* end) noexcept {
    const unsigned lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) {
        return 1;
    }
    const auto available = end - text;
    if (available < 2 || !may_begin(lead, static_cast<unsigned char>(text[1]))) {
        return 0;
    }
    if (lead < 0xe0) {
        return 2;
    }
    if (available < 3 || !is_continuation(text[2])) {
        return 0;
    }
    if (lead < 0xf0) {
        return 3;
    }
    return available < 4 || !is_continuation(text[3]) ? 0 : 4;
}

/// Returns how many bytes the code point at `text` has. An ill-formed byte counts as one.
constexpr unsigned code_point_size(const char* text, const char* end) noexcept {
    return (std::max)(well_formed_size(text, end), 1U);
}

struct walk_result {
    std::size_t offset;   // after the last code point walked over
    std::size_t missing;  // how many of the wanted code points the text did not have
};

// Compilers make vector instructions of a loop over the bytes of a block that fills an array. The
// loops do not add bytes up: g++ 12 with -O3 negates a sum of comparisons in an unsigned char.
inline constexpr int block_size = 16;
using block_bytes = std::array<char, block_size>;

/// Returns the sum of both halves of a block whose bytes are 0 and 1.
constexpr std::uint64_t sum_halves(const block_bytes& bytes) noexcept {
    return load_little_endian(bytes.data()) + load_little_endian(bytes.data() + 8);
}

SKYUTIL_WRAPS constexpr unsigned sum(const block_bytes& bytes) noexcept {
    return static_cast<unsigned>((sum_halves(bytes) * every_byte) >> 56);
}

/// Whether the three bytes before `text` do not ask for a continuation byte there.
constexpr bool may_start(const char* text) noexcept {
    return (static_cast<unsigned char>(text[-1]) < 0xc0) &
           (static_cast<unsigned char>(text[-2]) < 0xe0) &
           (static_cast<unsigned char>(text[-3]) < 0xf0);
}

struct utf8_block {
    unsigned starts;  // bytes that are not continuation bytes
    bool well_formed;
};

/// Looks at the block at `text` and the three bytes before it: every byte is judged by what
/// precedes it.
constexpr utf8_block classify(const char* text) noexcept {
    block_bytes starts{};
    block_bytes wrong{};
    for (int i = 0; i < block_size; ++i) {
        const auto byte = static_cast<signed char>(text[i]);
        const auto last = static_cast<unsigned char>(text[i - 1]);
        const bool start = byte >= -0x40;  // not 10xxxxxx
        // Second bytes; as signed characters 0x80 is the least.
        const bool overlong = ((last == 0xe0) & (byte < -0x60)) | ((last == 0xf0) & (byte < -0x70));
        const bool beyond = ((last == 0xed) & (byte >= -0x60)) | ((last == 0xf4) & (byte >= -0x70));
        const bool never =
            (byte == -0x40) | (byte == -0x3f) | (static_cast<unsigned char>(byte) > 0xf4);
        starts.data()[i] = start;
        wrong.data()[i] = (start != may_start(text + i)) | overlong | beyond | never;
    }
    return {sum(starts), sum_halves(wrong) == 0};
}

constexpr bool is_ascii(std::uint64_t bytes) noexcept { return (bytes & (every_byte * 0x80)) == 0; }

/// Returns 1 for every byte that is not a space, of bytes that are ASCII.
SKYUTIL_WRAPS constexpr std::uint64_t ascii_other_than_space(std::uint64_t bytes) noexcept {
    return (((bytes ^ (every_byte * ' ')) + every_byte * 0x7f) >> 7) & every_byte;
}

/// Returns 1 for every byte that is not a continuation byte.
SKYUTIL_WRAPS constexpr std::uint64_t starts_of(std::uint64_t bytes) noexcept {
    return (~(bytes >> 7) | (bytes >> 6)) & every_byte;
}

/// Returns the byte that starts a code point and has `wanted` such bytes before it. There must be
/// one.
SKYUTIL_WRAPS constexpr const char* skip_starts(const char* at, std::uint64_t wanted) noexcept {
    for (;; at += 8) {
        // In each byte: how many starts there are up to it.
        const std::uint64_t counts = starts_of(load_little_endian(at)) * every_byte;
        if (const std::uint64_t total = counts >> 56; total <= wanted) {
            wanted -= total;
            continue;
        }
        const std::uint64_t behind =
            ((counts + every_byte * (127 - wanted)) >> 7) & every_byte;  // counts > wanted
        return at + 8 - ((behind * every_byte) >> 56);
    }
}

/// Walks over blocks as long as they are well-formed and code points are wanted. `at` is not a
/// continuation byte, and has three bytes before it.
constexpr const char* walk_blocks(const char* at, const char* end, std::size_t& wanted) noexcept {
    const char* const first = at;
    for (; end - at >= block_size; at += block_size) {
        const auto [starts, well_formed] = classify(at);
        if (!well_formed) {
            break;
        }
        if (starts > wanted) {
            return skip_starts(at, std::exchange(wanted, 0));
        }
        wanted -= starts;
    }
    if (at != first) {
        const char* lead = at - 1;
        while (is_continuation(*lead)) {
            --lead;
        }
        if (well_formed_size(lead, at) == 0) {  // the last block cut it
            ++wanted;
            return lead;
        }
    }
    return at;
}

/// Walks over `wanted` code points from text[offset] on.
constexpr walk_result walk_forward(std::string_view text, std::size_t offset,
                                   std::size_t wanted) noexcept {
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const char* at = begin + offset;
    while (wanted != 0 && at != end) {
        for (; end - at >= 8 && is_ascii(load_little_endian(at)); at += 8) {
            if (wanted <= 8) {
                return {static_cast<std::size_t>(at - begin) + wanted, 0};
            }
            wanted -= 8;
        }
        if (end - at >= block_size && at - begin >= 3 && !is_continuation(*at)) {
            const char* const stop = walk_blocks(at, end, wanted);
            if (stop != at) {
                at = stop;
                continue;
            }
        }
        for (; wanted != 0 && at != end && static_cast<unsigned char>(*at) < 0x80; ++at) {
            --wanted;
        }
        if (wanted != 0 && at != end) {
            --wanted;
            at += code_point_size(at, end);
        }
    }
    return {static_cast<std::size_t>(at - begin), wanted};
}

/// Returns how many spaces are among the first `size` bytes of the block at `text`.
constexpr std::size_t count_spaces(const char* text, signed char size = block_size) noexcept {
    block_bytes spaces{};
    SKYUTIL_NOT_UNROLLED
    for (signed char i = 0; i < block_size; ++i) {
        spaces.data()[i] = (text[i] == ' ') & (i < size);
    }
    return sum(spaces);
}

struct spaces_walk {
    std::size_t offset;
    std::size_t spaces;  // before it
};

/// Walks over `wanted` code points from the start and counts the spaces among them.
constexpr spaces_walk walk_counting_spaces(std::string_view text, std::size_t wanted) noexcept {
    const char* at = text.data();
    const char* const stop = at + (std::min)(wanted, text.size()) / block_size * block_size;
    std::size_t spaces = 0;
    for (; at != stop && is_ascii(load_little_endian(at) | load_little_endian(at + 8));
         at += block_size) {
        spaces += count_spaces(at);
    }
    const auto done = static_cast<std::size_t>(at - text.data());
    if (done == wanted) {
        return {done, spaces};
    }
    const std::size_t offset = walk_forward(text, done, wanted - done).offset;
    const char* const end = text.data() + offset;
    for (; end - at >= block_size; at += block_size) {
        spaces += count_spaces(at);
    }
    if (text.data() + text.size() - at >= block_size) {
        return {offset, spaces + count_spaces(at, static_cast<signed char>(end - at))};
    }
    for (; at != end; ++at) {
        spaces += *at == ' ' ? 1 : 0;
    }
    return {offset, spaces};
}

/// Returns the offset of the last space that has fewer than `wanted` code points other than spaces
/// between `offset` and it; `offset` when there is no such space.
SKYUTIL_WRAPS constexpr std::size_t last_space(std::string_view text, std::size_t offset,
                                               std::size_t wanted) noexcept {
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const char* at = begin + offset;
    const char* last = at;
    for (; end - at >= 8 && is_ascii(load_little_endian(at)); at += 8) {
        const std::uint64_t others = ascii_other_than_space(load_little_endian(at));
        const std::uint64_t counts = others * every_byte;
        std::uint64_t spaces = others ^ every_byte;  // 1 in every byte that is a space
        const bool enough = counts >> 56 >= wanted;
        if (enough) {
            spaces &= (every_byte * (127 + wanted) - counts) >> 7;  // counts < wanted
        }
        last = spaces != 0 ? at + 7 - std::countl_zero(spaces) / 8 : last;
        if (enough) {
            return static_cast<std::size_t>(last - begin);
        }
        wanted -= cast_to<std::size_t>(counts >> 56);
    }
    while (wanted != 0 && at != end) {
        const bool space = *at == ' ';
        last = space ? at : last;
        wanted -= space ? 0 : 1;
        at += code_point_size(at, end);
    }
    return static_cast<std::size_t>(last - begin);
}

/// Returns the offset of the last `wanted` code points of the text; at least one is wanted.
constexpr std::size_t walk_backward(std::string_view text, std::size_t wanted) noexcept {
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const char* at = end;
    for (; at - begin >= 8 && is_ascii(load_little_endian(at - 8)); at -= 8) {
        if (wanted <= 8) {
            return static_cast<std::size_t>(at - begin) - wanted;
        }
        wanted -= 8;
    }
    if (at - begin >= block_size + 3 && may_start(at)) {
        for (; at - begin >= block_size + 3; at -= block_size) {
            const auto [starts, well_formed] = classify(at - block_size);
            if (!well_formed) {
                break;
            }
            if (starts >= wanted) {
                return static_cast<std::size_t>(skip_starts(at - block_size, starts - wanted) -
                                                begin);
            }
            wanted -= starts;
        }
        while (at != end && is_continuation(*at)) {  // their first byte has not been passed yet
            ++at;
        }
    }
    for (; wanted != 0 && at != begin; --wanted) {
        const char* lead = at - 1;
        while (lead != begin && at - lead < 4 && is_continuation(*lead)) {
            --lead;
        }
        at = at - lead == static_cast<std::ptrdiff_t>(code_point_size(lead, at)) ? lead : at - 1;
    }
    return static_cast<std::size_t>(at - begin);
}

/// Returns a copy of a text. Clang rejects std::string(std::string_view) at compile time
/// (llvm/llvm-project#161071), but not this.
constexpr std::string to_string(std::string_view text) {
    return std::string(text.begin(), text.end());
}

/// Returns text[0, first), `replacement` and text[last, size) in one string, which is allocated
/// once unless it is longer than the text.
constexpr std::string replace_middle(std::string_view text, std::size_t first,
                                     std::string_view replacement, std::size_t last) {
    const std::size_t size = first + replacement.size() + (text.size() - last);
    std::string out(text.begin(), text.begin() + (std::min)(size, text.size()));
    out.resize(size);
    char* at = out.data() + first;
    for (const char c : replacement) {  // usually a few characters: not worth a call
        *at++ = c;
    }
    std::copy(text.begin() + last, text.end(), at);
    return out;
}

/// Appends `text` with each maximal subpart of an ill-formed sequence replaced by U+FFFD, as the
/// Unicode Standard (section 3.9) recommends and Python's errors="replace" does.
constexpr void append_replacing_invalid(std::string& out, std::string_view text) {
    const char* at = text.data();
    const char* const end = at + text.size();
    const char* copied = at;
    while (at != end) {
        if (end - at >= 8 && is_ascii(load_little_endian(at))) {
            at += 8;
            continue;
        }
        const unsigned size = well_formed_size(at, end);
        if (size == 0) {
            out.append(copied, at);
            out.append("\xef\xbf\xbd");
            // The longest part that begins a well-formed sequence, or a single byte.
            const bool begins = end - at >= 2 && may_begin(static_cast<unsigned char>(at[0]),
                                                           static_cast<unsigned char>(at[1]));
            copied = at += !begins ? 1 : end - at >= 3 && is_continuation(at[2]) ? 3 : 2;
            continue;
        }
        at += size;
    }
    out.append(copied, end);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
