// SPDX-License-Identifier: MIT
//
// detail/files/tail.hpp: the bytes of the last lines of a file.

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/files/input.hpp>
#include <skyutil/detail/os.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Owns text without setting it to zero first.
class text_buffer {
public:
    text_buffer() noexcept = default;
    explicit text_buffer(std::size_t size)
        : data_(std::make_unique_for_overwrite<char[]>(size)), size_(size) {
        os::advise_large_pages(bytes().data(), bytes().size());
    }
    explicit text_buffer(std::string_view text) : text_buffer(text.size()) {
        std::copy(text.begin(), text.end(), data_.get());
    }

    std::span<char> bytes() noexcept { return {data_.get(), size_}; }
    [[nodiscard]] std::string_view text() const noexcept {
        return {data_.get() + first_, size_ - first_};
    }

    void remove_prefix(std::size_t count) noexcept { first_ += count; }

private:
    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
    std::size_t first_ = 0;
};

/// What ends a line: "\n", or also "\r", where both together are one end.
enum class line_ends { lf, any };

/// Searches backwards for the line end before the last `lines` lines, of which there must be one at
/// least.
class line_finder {
public:
    /// `last` is the byte after the first block, which ends the last line.
    line_finder(std::size_t lines, line_ends ends, char last) noexcept
        : wanted_(lines), ends_(ends), next_(last) {}

    /// Looks at the block before the ones seen so far: where the lines start in it, nullopt if
    /// before it.
    std::optional<std::size_t> search(std::string_view block) noexcept {
        return ends_ == line_ends::lf ? search_lf(block) : search_any(block);
    }

private:
    std::optional<std::size_t> search_lf(std::string_view block) noexcept {
        for (;;) {
            const char* const found = os::find_last(block, '\n');
            if (found == nullptr) {
                return std::nullopt;
            }
            const auto position = static_cast<std::size_t>(found - block.data());
            if (--wanted_ == 0) {
                return position + 1;
            }
            block = block.substr(0, position);
        }
    }

    std::optional<std::size_t> search_any(std::string_view block) noexcept {
        for (std::size_t i = block.size(); i-- != 0;) {
            const bool ends = block[i] == '\n' || (block[i] == '\r' && next_ != '\n');
            next_ = block[i];
            if (ends && --wanted_ == 0) {
                return i + 1;
            }
        }
        return std::nullopt;
    }

    std::size_t wanted_;
    line_ends ends_;
    char next_;
};

struct tail_request {
    std::size_t lines;
    std::size_t max_bytes;
    line_ends ends = line_ends::lf;
    std::stop_token stop{};
};

/// Where the last lines of a text start, nullopt when it has no more lines than these. The last
/// byte ends the last line, whether it is a line end or not.
inline std::optional<std::size_t> find_last_lines(std::string_view text,
                                                  const tail_request& request) noexcept {
    return text.empty() ? std::nullopt
                        : line_finder(request.lines, request.ends, text.back())
                              .search(text.substr(0, text.size() - 1));
}

/// Some bytes of a file, from an offset on.
struct file_part {
    std::uint64_t offset = 0;
    text_buffer bytes{};
    std::size_t before = 0;  ///< 1 when the first byte is the line end before the lines
    bool at_once = false;    ///< read by one call, from one page
};

/// Reads the last lines backwards from the size the file had when that was last asked for. nullopt
/// when it has fewer bytes, or other ones than a moment ago.
inline std::optional<file_part> read_tail_backward(const input_file& file,
                                                   const tail_request& request,
                                                   std::error_code& error) {
    constexpr std::size_t first_block = 8192;
    constexpr std::size_t largest_block = 65536;
    const std::uint64_t size = file.size();

    std::array<char, first_block> last;  // NOLINT(*-member-init)
    auto length = static_cast<std::size_t>((std::min)(size, std::uint64_t{first_block}));
    std::uint64_t offset = size - length;
    if (file.read_at(std::span(last).first(length), offset, error) != length || error) {
        return std::nullopt;
    }
    line_finder finder(request.lines, request.ends, last[length - 1]);
    std::optional<std::size_t> start = finder.search({last.data(), length - 1});
    if (!start && offset == 0) {
        start = 0;
    }
    const auto too_large = [&](std::uint64_t bytes) {
        if (bytes > request.max_bytes) {
            error = os::make_error(std::errc::file_too_large);
        }
        return bytes > request.max_bytes;
    };
    if (start) {
        if (too_large(length - *start)) {
            return std::nullopt;
        }
        const std::size_t before = *start == 0 ? 0 : 1;
        const std::size_t first = *start - before;
        constexpr std::uint64_t page = 4096;
        return file_part{offset + first, text_buffer({last.data() + first, length - first}), before,
                         (offset + first) / page == (size - 1) / page};
    }

    {
        text_buffer scratch(largest_block);
        std::size_t block = 2 * first_block;
        while (!start && offset != 0) {
            if (request.stop.stop_requested()) {
                error = os::make_error(std::errc::operation_canceled);
                return std::nullopt;
            }
            length = static_cast<std::size_t>((std::min)(offset, std::uint64_t{block}));
            offset -= length;
            if (file.read_at(scratch.bytes().first(length), offset, error) != length || error) {
                return std::nullopt;
            }
            start = finder.search({scratch.bytes().data(), length});
            if (too_large(size - offset - start.value_or(0))) {
                return std::nullopt;
            }
            block = (std::min)(2 * block, largest_block);
        }
    }
    offset += start.value_or(0);
    const std::size_t before = offset == 0 ? 0 : 1;
    file_part result{offset - before, text_buffer(cast_to<std::size_t>(size - offset) + before),
                     before};
    const std::span<char> bytes = result.bytes.bytes();
    if (!file.read_at(bytes, result.offset, request.stop, error) || error) {
        return std::nullopt;
    }
    const bool starts_a_line =
        before == 0 || bytes[0] == '\n' ||
        (request.ends == line_ends::any && bytes[0] == '\r' && bytes[1] != '\n');
    return starts_a_line ? std::optional(std::move(result)) : std::nullopt;
}

/// Whether the file still has those bytes there.
inline bool still_has(const input_file& file, const file_part& part, const std::stop_token& stop,
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

/// Reads forward to the end and keeps the last lines, and no more of them than one byte above the
/// most that may be returned: the lines at the end may be shorter again.
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
            find_last_lines({kept.bytes().data(), used}, request);
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

/// Reads the last lines backwards until what was read is what the file had at one time.
///
/// A file that is truncated and written to meanwhile can have new bytes where the next read looks
/// and old ones where the last one did. Size and times tell of that; those of a file that others
/// write to tell of any writing, so its bytes are read a second time: only a truncation makes them
/// others. Each time that happens the file is read again, from its present end, and when it goes on
/// happening for fewer lines, which takes less time. Few lines come from one page, which is the old
/// one or the new: a truncation takes pages away, it does not change them. nullopt when the file
/// has fewer bytes than its size without having changed, as in /sys.
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

/// The bytes of the last lines, from the start of the first to where the reading ended.
struct tail_text {
    text_buffer bytes{};
    std::uint64_t end = 0;
};

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
        // What has a size by now is no file without one, but was empty at first, or for a moment.
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
