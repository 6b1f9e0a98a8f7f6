// SPDX-License-Identifier: MIT
//
// skyutil/files.hpp: the last lines of a file of any size, the entries of a directory, owned
// descriptors.
//
//     for (const std::string& line : skyutil::read_last_n_lines("/var/log/syslog", 10)) {
//         std::cout << line << '\n';
//     }
//
// The throwing forms throw std::filesystem::filesystem_error, the others set their std::error_code
// and clear it on success. Everything is safe to call from several threads at once.

#pragma once

#include <skyutil/detail/error.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/tail.hpp>
#include <skyutil/detail/unique_fd.hpp>
#include <skyutil/detail/utf8.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace skyutil::inline v0 {

enum class line_end {
    strip_lf,    ///< without its "\n"
    strip_crlf,  ///< without its "\n" or "\r\n"; a "\r" elsewhere stays
    keep,        ///< as in the file; the last line may have none
};

enum class invalid_utf8 {
    keep,     ///< bytes as in the file, whatever their encoding
    replace,  ///< U+FFFD for each maximal subpart of an ill-formed sequence, line by line
};

struct tail_options {
    skyutil::line_end line_end = skyutil::line_end::strip_lf;
    skyutil::invalid_utf8 invalid_utf8 = skyutil::invalid_utf8::keep;

    /// The most bytes of text, line ends included, to hold in memory; when the lines are longer the
    /// call fails with errc::file_too_large. 1 GiB unless set.
    std::size_t max_bytes = std::size_t{1} << 30;
};

/// Returns the last `n` lines of a file, in order; fewer when it has fewer.
///
/// Lines end with "\n"; a last line without one counts, nothing after a last "\n" does not. The
/// file is read backwards from its end, so the cost depends on the lines returned, not on the file.
/// Its size when it was opened is the end: lines written later are not seen. A file truncated
/// meanwhile gives the lines of what is left. Files without a size (/proc), pipes and FIFOs are
/// read forward to their end; a FIFO that no process opens for writing within 10 seconds is
/// errc::timed_out. A directory is errc::is_a_directory, a device that never ends (/dev/zero)
/// errc::file_too_large, a NUL in the path errc::invalid_argument.
[[nodiscard]] inline std::vector<std::string> read_last_n_lines(const std::filesystem::path& path,
                                                                std::size_t n,
                                                                const tail_options& options,
                                                                std::error_code& error) {
    const detail::text_buffer buffer = detail::read_tail(path, {n, options.max_bytes}, error);
    std::string_view rest = buffer.text();
    std::vector<std::string> lines;
    lines.reserve((std::min)(n, std::size_t{1024}));
    while (!rest.empty()) {
        const std::size_t found = rest.find('\n');
        const std::size_t size = found == std::string_view::npos ? rest.size() : found + 1;
        std::string_view line = rest.substr(0, size);
        rest.remove_prefix(size);
        if (options.line_end != line_end::keep && found != std::string_view::npos) {
            line.remove_suffix(1);
            if (options.line_end == line_end::strip_crlf && line.ends_with('\r')) {
                line.remove_suffix(1);
            }
        }
        if (options.invalid_utf8 == invalid_utf8::replace) {
            detail::append_replacing_invalid(lines.emplace_back(), line);
        } else {
            lines.emplace_back(line);
        }
    }
    if (lines.size() >
        n) {  // the file was written over between the search for them and the reading
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(n));
    }
    return lines;
}

[[nodiscard]] inline std::vector<std::string> read_last_n_lines(const std::filesystem::path& path,
                                                                std::size_t n,
                                                                std::error_code& error) {
    return read_last_n_lines(path, n, tail_options{}, error);
}

[[nodiscard]] inline std::vector<std::string> read_last_n_lines(const std::filesystem::path& path,
                                                                std::size_t n,
                                                                const tail_options& options = {}) {
    std::error_code error;
    std::vector<std::string> lines = read_last_n_lines(path, n, options, error);
    detail::throw_if(error, "skyutil::read_last_n_lines: cannot read the last lines", path);
    return lines;
}

/// Returns how many direct entries a directory has, without "." and "..". Anything but a directory:
/// errc::not_a_directory. Entries made or removed meanwhile may or may not be counted.
[[nodiscard]] inline std::size_t count_directory_entries(const std::filesystem::path& path,
                                                         std::error_code& error) noexcept {
    error.clear();
    const unique_fd directory(detail::os::open_directory(path.native(), error));
    return directory ? detail::os::count_entries(directory.get(), error) : 0;
}

[[nodiscard]] inline std::size_t count_directory_entries(const std::filesystem::path& path) {
    std::error_code error;
    const std::size_t entries = count_directory_entries(path, error);
    detail::throw_if(error, "skyutil::count_directory_entries: cannot read the directory", path);
    return entries;
}

}  // namespace skyutil::inline v0
