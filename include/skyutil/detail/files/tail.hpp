// SPDX-License-Identifier: MIT
//
// detail/files/tail.hpp: the bytes of the last lines of a file.

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/files/input.hpp>
#include <skyutil/detail/files/lines.hpp>
#include <skyutil/detail/files/text_buffer.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/stop_token.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

struct tail_request {
    std::size_t lines;
    std::size_t max_bytes;  ///< of the text
    line_ends ends = line_ends::lf;
    stop_token stop{};
};

/// Bytes of a file, from an offset on.
struct file_part {
    std::uint64_t offset = 0;
    text_buffer bytes{};
    std::size_t before = 0;  ///< 1 when the first byte is the line end before the lines
    bool at_once = false;    ///< read by one call, from one page
};

/// Whether a text of so many bytes is more than may be held in memory, which is an error.
inline bool is_too_large(std::uint64_t bytes, const tail_request& request,
                         std::error_code& error) noexcept {
    if (bytes > request.max_bytes) {
        error = os::make_error(std::errc::file_too_large);
    }
    return bytes > request.max_bytes;
}

/// Returns the offset at which the last lines start, which is below `offset`: searches the file
/// from there backwards, in blocks of `block` bytes and then larger ones. nullopt on an error, and
/// when the file has fewer bytes than its size.
inline std::optional<std::uint64_t> find_start(const input_file& file, std::uint64_t offset,
                                               line_finder& finder, std::size_t block,
                                               const tail_request& request,
                                               std::error_code& error) {
    constexpr std::size_t largest_block = 65536;
    text_buffer scratch(largest_block);
    std::optional<std::size_t> start;
    while (!start && offset != 0) {
        if (request.stop.stop_requested()) {
            error = os::make_error(std::errc::operation_canceled);
            return std::nullopt;
        }
        const auto length = static_cast<std::size_t>((std::min)(offset, std::uint64_t{block}));
        offset -= length;
        if (file.read_at(scratch.bytes().first(length), offset, error) != length || error) {
            return std::nullopt;
        }
        start = finder.search({scratch.bytes().data(), length});
        if (is_too_large(file.size() - offset - start.value_or(0), request, error)) {
            return std::nullopt;
        }
        block = (std::min)(2 * block, largest_block);
    }
    return offset + start.value_or(0);
}

/// Reads the last lines, which start at an offset. nullopt on an error, when the file has fewer
/// bytes than its size, and when no line starts there any more.
inline std::optional<file_part> read_from(const input_file& file, std::uint64_t start,
                                          const tail_request& request, std::error_code& error) {
    const std::size_t before = start == 0 ? 0 : 1;
    file_part result{start - before,
                     text_buffer(cast_to<std::size_t>(file.size() - start) + before), before};
    const std::span<char> bytes = result.bytes.bytes();
    if (!file.read_at(bytes, result.offset, request.stop, error) || error) {
        return std::nullopt;
    }
    const bool starts_a_line =
        before == 0 || bytes[0] == '\n' ||
        (request.ends == line_ends::any && bytes[0] == '\r' && bytes[1] != '\n');
    return starts_a_line ? std::optional(std::move(result)) : std::nullopt;
}

/// Reads the last lines backwards from the size that the file had when it was last asked for.
/// nullopt on an error, when the file has fewer bytes than that, and when they have changed since
/// they were searched.
inline std::optional<file_part> read_tail_backward(const input_file& file,
                                                   const tail_request& request,
                                                   std::error_code& error) {
    constexpr std::size_t first_block = 8192;
    const std::uint64_t size = file.size();

    std::array<char, first_block> last;  // NOLINT(*-member-init)
    const auto length = static_cast<std::size_t>((std::min)(size, std::uint64_t{first_block}));
    const std::uint64_t offset = size - length;
    if (file.read_at(std::span(last).first(length), offset, error) != length || error) {
        return std::nullopt;
    }
    line_finder finder(request.lines, request.ends, last[length - 1]);
    std::optional<std::size_t> start = finder.search({last.data(), length - 1});
    if (!start && offset == 0) {
        start = 0;
    }
    if (!start) {
        const std::optional<std::uint64_t> found =
            find_start(file, offset, finder, 2 * first_block, request, error);
        return found ? read_from(file, *found, request, error) : std::nullopt;
    }
    if (is_too_large(length - *start, request, error)) {
        return std::nullopt;
    }
    const std::size_t before = *start == 0 ? 0 : 1;
    const std::size_t first = *start - before;
    constexpr std::uint64_t page = 4096;
    return file_part{offset + first, text_buffer({last.data() + first, length - first}), before,
                     (offset + first) / page == (size - 1) / page};
}

/// Whether the file still has these bytes at their offset.
inline bool still_has(const input_file& file, const file_part& part, const stop_token& stop,
                      std::error_code& error) {
    constexpr std::size_t block = 65536;
    std::string_view left = part.bytes.text();
    text_buffer scratch((std::min)(block, left.size()));
    for (std::uint64_t offset = part.offset; !left.empty();) {
        const std::span<char> again =
            scratch.bytes().first((std::min)(left.size(), scratch.bytes().size()));
        if (!file.read_at(again, offset, stop, error) || error ||
            std::memcmp(again.data(), left.data(), again.size()) != 0) {
            return false;
        }
        offset += again.size();
        left.remove_prefix(again.size());
    }
    return true;
}

/// Reads forward to the end and keeps the last lines. What is kept of them on the way is at most
/// one byte more than may be returned: that is an error only if it is still so at the end, as later
/// lines may be shorter.
inline text_buffer read_tail_forward(input_file& file, const tail_request& request,
                                     std::error_code& error) {
    constexpr std::size_t block = 65536;
    text_buffer kept(2 * block);
    std::size_t used = 0;
    bool cut = false;  // what is kept starts inside a line
    for (;;) {
        const std::span<char> free = kept.bytes().subspan(used);
        const std::size_t count =
            file.read(free.first((std::min)(free.size(), block)), error, request.stop);
        if (error) {
            return {};
        }
        used += count;
        if (count != 0 && kept.bytes().size() - used >= block) {
            continue;
        }
        const std::optional<std::size_t> found =
            find_last_lines({kept.bytes().data(), used}, request.lines, request.ends);
        cut = cut && !found;
        std::size_t start = found.value_or(0);
        if (count == 0 && (cut || used - start > request.max_bytes)) {
            error = os::make_error(std::errc::file_too_large);
            return {};
        }
        if (used - start > request.max_bytes && used - start - request.max_bytes > 1) {
            start = used - request.max_bytes - 1;
            cut = true;
        }
        const std::span<const char> rest = kept.bytes().subspan(start, used - start);
        text_buffer next(count == 0 ? rest.size() : 2 * (rest.size() + block));
        std::copy(rest.begin(), rest.end(), next.bytes().begin());
        kept = std::move(next);
        used = rest.size();
        if (count == 0) {
            return kept;
        }
    }
}

/// Reads the last lines backwards, again and again until what was read is what the file contained
/// at one moment.
///
/// A file that is truncated and written to between two reads can give old bytes to the first and
/// new ones to the second. Its size and times show that. They also change when another process only
/// appends to the file, so then the bytes are read a second time: only a truncation changes them.
///
/// After a truncation the file is read again, from its present end. If that goes on, fewer lines
/// are asked for, which takes less time. A few lines come from a single page, and that page is
/// either the old or the new one: a truncation takes pages away and does not change them.
///
/// Returns nullopt when the file has fewer bytes than its size without having changed, as files in
/// /sys do.
inline std::optional<text_buffer> read_stable_tail(input_file& file, tail_request request,
                                                   std::error_code& error) {
    constexpr int patient_attempts = 16;
    constexpr int most_attempts = 200;
    for (int i = 1; file.has_size(); ++i) {
        const bool shows_changes = file.shows_changes();
        std::optional<file_part> part = read_tail_backward(file, request, error);
        if (error) {
            return text_buffer();
        }
        const bool at_once = part && part->at_once;
        const bool same = at_once || file.is_same(error);
        if (error) {
            return text_buffer();
        }
        if (part &&
            (at_once || (same && shows_changes) || still_has(file, *part, request.stop, error))) {
            part->bytes.remove_prefix(part->before);
            return std::move(part->bytes);
        }
        if (!part && same) {
            return std::nullopt;
        }
        if (!error) {
            file.refresh(error);
        }
        if (!error && i == most_attempts) {
            error = os::make_error(std::errc::resource_unavailable_try_again);
        }
        if (error) {
            return text_buffer();
        }
        if (i >= patient_attempts) {
            request.lines = (std::max)(request.lines / 2, std::size_t{1});
        }
    }
    return std::nullopt;
}

/// The bytes of the last lines, and the offset in the file at which the reading ended.
struct tail_text {
    text_buffer bytes{};
    std::uint64_t end = 0;
};

/// Reads the last lines of a file. Nothing is returned after an error.
inline tail_text read_tail(const std::filesystem::path& path, const tail_request& request,
                           std::error_code& error) {
    error.clear();
    input_file file(path, error, fifo_patience, request.stop);
    if (error || request.lines == 0) {
        return {{}, error ? 0 : file.size()};
    }
    constexpr int attempts = 16;
    for (int i = 0;; ++i) {
        if (std::optional<text_buffer> text = read_stable_tail(file, request, error)) {
            return {std::move(*text), error ? 0 : file.size()};
        }
        text_buffer text = read_tail_forward(file, request, error);
        // A file that has a size by now is not one of those without: it was empty at first, or for
        // a moment, and is read again from its end.
        if (!error && (!file.is_regular() || file.position() == 0 || file.is_same(error))) {
            return {std::move(text), file.position()};
        }
        if (!error && i == attempts) {
            error = os::make_error(std::errc::resource_unavailable_try_again);
        }
        if (!error) {
            file.rewind(error);
        }
        if (error) {
            return {};
        }
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
