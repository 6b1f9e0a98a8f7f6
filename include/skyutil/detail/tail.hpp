// SPDX-License-Identifier: MIT
//
// detail/tail.hpp: the bytes of the last lines of a file.

#pragma once

#include <skyutil/detail/cast.hpp>
#include <skyutil/detail/input.hpp>
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
#include <string_view>
#include <system_error>

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

/// Searches backwards for the line end before the last `lines` lines, of which there must be one at
/// least.
class line_finder {
public:
    explicit line_finder(std::size_t lines) noexcept : wanted_(lines) {}

    /// Looks at the block before the ones seen so far: where the lines start in it, nullopt if
    /// before it.
    std::optional<std::size_t> search(std::string_view block) noexcept {
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

private:
    std::size_t wanted_;
};

/// Where the last `lines` lines of a text start, nullopt when it has no more lines than these. The
/// last byte ends the last line, whether it is a line end or not.
inline std::optional<std::size_t> find_last_lines(std::string_view text,
                                                  std::size_t lines) noexcept {
    return text.empty() ? std::nullopt : line_finder(lines).search(text.substr(0, text.size() - 1));
}

struct tail_request {
    std::size_t lines;
    std::size_t max_bytes;
};

/// Reads backwards from the size the file had when it was opened. nullopt when the file has fewer
/// bytes than its size said, or changed between the search and the reading; the next attempt may do
/// better.
inline std::optional<text_buffer> read_tail_backward(const input_file& file, tail_request request,
                                                     std::error_code& error) {
    constexpr std::size_t first_block = 8192;
    constexpr std::size_t largest_block = 65536;
    const std::uint64_t size = file.size();
    line_finder finder(request.lines);

    std::array<char, first_block> last;  // NOLINT(*-member-init)
    auto length = static_cast<std::size_t>((std::min)(size, std::uint64_t{first_block}));
    std::uint64_t offset = size - length;
    if (file.read_at(std::span(last).first(length), offset, error) != length || error) {
        return std::nullopt;
    }
    std::optional<std::size_t> start = finder.search({last.data(), length - 1});
    if (!start && offset == 0) {
        start = 0;
    }
    if (start) {
        if (length - *start > request.max_bytes) {
            error = os::make_error(std::errc::file_too_large);
            return std::nullopt;
        }
        text_buffer result(length - *start);
        std::memcpy(result.bytes().data(), last.data() + *start, length - *start);
        return result;
    }

    {
        text_buffer scratch(largest_block);
        std::size_t block = 2 * first_block;
        while (!start && offset != 0) {
            length = static_cast<std::size_t>((std::min)(offset, std::uint64_t{block}));
            offset -= length;
            if (file.read_at(scratch.bytes().first(length), offset, error) != length || error) {
                return std::nullopt;
            }
            start = finder.search({scratch.bytes().data(), length});
            if (size - offset - start.value_or(0) > request.max_bytes) {
                error = os::make_error(std::errc::file_too_large);
                return std::nullopt;
            }
            block = (std::min)(2 * block, largest_block);
        }
    }
    offset += start.value_or(0);
    const std::size_t before =
        offset == 0 ? 0 : 1;  // the line end before the first line, to see it again
    text_buffer result(cast_to<std::size_t>(size - offset) + before);
    const std::size_t count = file.read_at(result.bytes(), offset - before, error);
    if (error || count != result.bytes().size() ||
        (before != 0 && result.bytes().front() != '\n')) {
        return std::nullopt;
    }
    result.remove_prefix(before);
    return result;
}

/// Reads forward to the end and keeps the last lines, and no more of them than one byte above the
/// most that may be returned: the lines at the end may be shorter again.
inline text_buffer read_tail_forward(input_file& file, tail_request request,
                                     std::error_code& error) {
    constexpr std::size_t block = 65536;
    text_buffer kept(2 * block);
    std::size_t used = 0;
    bool cut = false;  // what is kept starts inside a line
    for (;;) {
        const std::span<char> free = kept.bytes().subspan(used);
        const std::size_t count = file.read(free.first((std::min)(free.size(), block)), error);
        if (error) {
            return {};
        }
        used += count;
        if (count != 0 && kept.bytes().size() - used >= block) {
            continue;
        }
        const std::optional<std::size_t> found =
            find_last_lines({kept.bytes().data(), used}, request.lines);
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

/// The bytes of the last lines, from the start of the first to the end of the file.
inline text_buffer read_tail(const std::filesystem::path& path, tail_request request,
                             std::error_code& error) {
    error.clear();
    input_file file(path, error);
    if (error || request.lines == 0) {
        return {};
    }
    constexpr int attempts = 8;
    for (int i = 0; i < attempts && file.has_size(); ++i) {
        std::optional<text_buffer> result = read_tail_backward(file, request, error);
        if (result || error) {
            return result ? std::move(*result) : text_buffer();
        }
        const std::uint64_t size = file.size();
        file.refresh(error);
        if (error) {
            return {};
        }
        if (file.size() >= size) {
            break;  // it has not shrunk: the size is not that of the content, as in /sys
        }
    }
    return read_tail_forward(file, request, error);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
