// SPDX-License-Identifier: MIT
//
// detail/files/impl.hpp: the functions of skyutil/files.hpp, at whose end this is included.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/files/directory_entries.hpp>
#include <skyutil/detail/files/lines.hpp>
#include <skyutil/detail/files/replace_file.hpp>
#include <skyutil/detail/files/tail.hpp>
#include <skyutil/detail/files/terminal_line.hpp>
#include <skyutil/detail/files/text_buffer.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/text/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// -------------------------------------------------------------------------------------------------
// the last lines

namespace detail {

constexpr line_ends ends_for(line_end wanted) noexcept {
    return wanted == line_end::any ? line_ends::any : line_ends::lf;
}

inline tail_text read_tail(const std::filesystem::path& path, std::size_t n,
                           const tail_options& options, std::error_code& error) {
    return read_tail(path, {n, options.max_bytes, ends_for(options.line_end), options.stop}, error);
}

/// Returns a line with as much of its end as is wanted.
inline std::string_view with_wanted_end(std::string_view line, std::size_t end_size,
                                        line_end wanted) noexcept {
    if (wanted == line_end::keep) {
        return {line.data(), line.size() + end_size};
    }
    if (wanted == line_end::strip_crlf && end_size != 0 && line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

/// Calls `use` with each line of a text, with as much of its end as is wanted.
template <class Use>
void for_each_line(std::string_view text, line_end wanted, Use use) {
    for_each_line(text, ends_for(wanted), [&](std::string_view line, std::size_t end_size) {
        use(with_wanted_end(line, end_size, wanted));
    });
}

/// Whether lines are returned as they are in the file, apart from their ends.
inline bool keeps_text(const tail_options& options) noexcept {
    return options.invalid_utf8 == invalid_utf8::keep && options.line_end != line_end::terminal;
}

/// Appends a line as the options want it.
inline void append_line(std::string& out, std::string_view line, const tail_options& options) {
    std::string shown;
    if (options.line_end == line_end::terminal && line.find('\r') != std::string_view::npos) {
        append_shown(shown, line);
        line = shown;
    }
    if (options.invalid_utf8 == invalid_utf8::replace) {
        append_replacing_invalid(out, line);
    } else {
        out += line;
    }
}

/// Changes a text as the options want it. What they say of the ends of lines is still to be done,
/// except for line_end::terminal: those lines end with "\n" alone then.
inline std::string changed_text(std::string_view text, const tail_options& options) {
    std::string changed;
    if (options.line_end == line_end::terminal) {
        for_each_line(text, line_end::terminal, [&](std::string_view line) {
            append_line(changed, line, options);
            changed += '\n';
        });
    } else {
        append_line(changed, text, options);  // no line end is part of a longer sequence
    }
    return changed;
}

/// Drops what is more than `n` lines: a file that is written over between the search for its last
/// lines and the reading may have more of them.
template <class Lines>
void keep_last(Lines& lines, std::size_t n) {
    if (lines.size() > n) {
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(n));
    }
}

}  // namespace detail

inline std::vector<std::string> read_last_n_lines(const std::filesystem::path& path, std::size_t n,
                                                  const tail_options& options,
                                                  std::error_code& error) {
    const detail::tail_text found = detail::read_tail(path, n, options, error);
    std::vector<std::string> lines;
    lines.reserve((std::min)(n, std::size_t{1024}));
    const bool as_it_is = detail::keeps_text(options);
    detail::for_each_line(found.bytes.text(), options.line_end, [&](std::string_view line) {
        if (as_it_is) {
            lines.emplace_back(line);
        } else {
            detail::append_line(lines.emplace_back(), line, options);
        }
    });
    detail::keep_last(lines, n);
    return lines;
}

inline file_tail::file_tail(const std::filesystem::path& path, std::size_t n,
                            const tail_options& options, std::error_code& error) {
    detail::tail_text found = detail::read_tail(path, n, options, error);
    text_ = std::move(found.bytes);
    end_ = found.end;
    if (!detail::keeps_text(options)) {
        const std::string changed = detail::changed_text(text_.text(), options);
        text_ = detail::text_buffer(std::string_view(changed));
    }
    lines_.reserve((std::min)(n, std::size_t{1024}));
    detail::for_each_line(text_.text(), options.line_end,
                          [&](std::string_view line) { lines_.push_back(line); });
    detail::keep_last(lines_, n);
}

// -------------------------------------------------------------------------------------------------
// files as memory

inline mapped_file::mapped_file(const std::filesystem::path& path,
                                std::error_code& error) noexcept {
    error.clear();
    const unique_fd fd(detail::os::open_file(path.native(), error));
    const detail::os::file_status status =
        fd ? detail::os::status(fd.get(), error) : detail::os::file_status{};
    if (error) {
        return;
    }
    using enum detail::os::file_kind;
    if (status.kind != regular) {
        error =
            detail::os::make_error(status.kind == directory ? std::errc::is_a_directory
                                                            : std::errc::operation_not_supported);
    } else if (status.size >
               static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)())) {
        error = detail::os::make_error(std::errc::file_too_large);
    } else {
        text_ = detail::os::map(fd.get(), static_cast<std::size_t>(status.size), error);
    }
}

// -------------------------------------------------------------------------------------------------
// files replaced all at once

inline void write_file_atomic(const std::filesystem::path& path, std::string_view text,
                              std::error_code& error) {
    detail::replace_file(path, text, false, error);
}

inline write_method write_file_atomic(const std::filesystem::path& path, std::string_view text,
                                      const write_options& options, std::error_code& error) {
    return detail::replace_file(path, text, options.in_place_if_needed, error)
               ? write_method::in_place
               : write_method::renamed;
}

// -------------------------------------------------------------------------------------------------
// directories

inline std::size_t count_directory_entries(const std::filesystem::path& path,
                                           std::error_code& error) noexcept {
    return detail::count_entries(path, error);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
