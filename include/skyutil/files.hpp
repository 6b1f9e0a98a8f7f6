// SPDX-License-Identifier: MIT
//
// skyutil/files.hpp: the last lines of a file of any size, files as memory, temporary files and
// directories, files replaced all at once, the entries of a directory, owned descriptors.
//
//     for (const std::string& line : skyutil::read_last_n_lines("/var/log/syslog", 10)) {
//         std::cout << line << '\n';
//     }
//
// The throwing forms throw std::filesystem::filesystem_error, the others set their std::error_code
// and clear it on success. Everything is safe to call from several threads at once, on different
// objects.

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/files/directory_entries.hpp>  // IWYU pragma: export
#include <skyutil/detail/files/replace_file.hpp>
#include <skyutil/detail/files/tail.hpp>
#include <skyutil/detail/files/temporary.hpp>
#include <skyutil/detail/files/terminal_line.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/text/utf8.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// Owns a file descriptor and closes it. Move-only; empty after a move and after release().
///
///     explicit unique_fd(int fd = -1)       takes over `fd`; a negative one is none
///     int get() const                       the descriptor, or -1; it stays owned
///     explicit operator bool() const        whether there is one
///     int release()                         gives the descriptor away: the caller closes it
///     void reset(int fd = -1)               closes the descriptor and takes over another
///     swap(), ==                            of the numbers; two owners can only both have -1
using unique_fd = detail::unique_fd;

enum class line_end {
    strip_lf,    ///< without its "\n"
    strip_crlf,  ///< without its "\n" or "\r\n"; a "\r" elsewhere stays
    keep,        ///< as in the file; the last line may have none

    /// Without its "\n", "\r\n" or "\r": a "\r" alone ends a line too, as where progress is
    /// printed.
    any,

    /// Without its "\n", and of each line only what a terminal would show of it: what stands after
    /// a "\r" is written over what stood before it. "  9%\r 10%\r" is " 10%", and "12345\rab" is
    /// "ab345". A code point takes a column and a control sequence (ESC "[", as of a colour) none;
    /// those that erase the rest of the line or all of it (ESC "[K", ESC "[2K") do. The width of
    /// the terminal, tabs, backspaces and characters of two columns do not count.
    terminal,
};

enum class invalid_utf8 {
    keep,     ///< bytes as in the file, whatever their encoding
    replace,  ///< U+FFFD for each maximal subpart of an ill-formed sequence, line by line
};

struct tail_options {
    /// Ends the reading with errc::operation_canceled, within 20 milliseconds of a wait: for the
    /// writer of a FIFO or pipe, or for another process to give up its lease on the file.
    std::stop_token stop = {};

    skyutil::line_end line_end = skyutil::line_end::strip_lf;
    skyutil::invalid_utf8 invalid_utf8 = skyutil::invalid_utf8::keep;

    /// The most bytes of text, line ends included, to hold in memory; when the lines are longer the
    /// call fails with errc::file_too_large. 1 GiB unless set. As in the file: what is replaced by
    /// U+FFFD may become three times as long.
    std::size_t max_bytes = std::size_t{1} << 30;
};

// -------------------------------------------------------------------------------------------------
// the last lines

namespace detail {

inline tail_request make_request(std::size_t lines, const tail_options& options) {
    return {lines, options.max_bytes,
            options.line_end == line_end::any ? line_ends::any : line_ends::lf, options.stop};
}

/// Calls `use` with each line of a text.
template <class Use>
void for_each_line(std::string_view text, line_end line_end, Use use) {
    while (!text.empty()) {
        const std::size_t found =
            line_end == line_end::any ? text.find_first_of("\r\n") : text.find('\n');
        const bool ended = found != std::string_view::npos;
        std::size_t size = ended ? found + 1 : text.size();
        if (line_end == line_end::any && text.substr(0, size).ends_with('\r') &&
            text.substr(size).starts_with('\n')) {
            ++size;
        }
        std::string_view line =
            line_end == line_end::keep ? text.substr(0, size) : text.substr(0, found);
        text.remove_prefix(size);
        if (line_end == line_end::strip_crlf && ended && line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        use(line);
    }
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

/// A file written over between the search for its last lines and the reading may have more of them.
template <class Lines>
void keep_last(Lines& lines, std::size_t n) {
    if (lines.size() > n) {
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(n));
    }
}

}  // namespace detail

/// Returns the last `n` lines of a file, in order; fewer when it has fewer.
///
/// Lines end with "\n"; a last line without one counts, nothing after a last "\n" does not. The
/// file is read backwards from its end, so the cost depends on the lines returned, not on the file.
/// Its size when it was opened is the end: lines written later are not seen. A file truncated
/// meanwhile, as logrotate's copytruncate does, gives the lines of what is there then, fewer if
/// need be, and no line joins bytes from before and after; one that is written over for as long as
/// that is tried is errc::resource_unavailable_try_again. Files without a size (/proc), pipes and
/// FIFOs are read forward to their end; a FIFO that no process opens for writing within 10 seconds
/// is errc::timed_out. A directory is errc::is_a_directory, a device that never ends (/dev/zero)
/// errc::file_too_large, a NUL in the path errc::invalid_argument.
[[nodiscard]] inline std::vector<std::string> read_last_n_lines(const std::filesystem::path& path,
                                                                std::size_t n,
                                                                const tail_options& options,
                                                                std::error_code& error) {
    const detail::tail_text found =
        detail::read_tail(path, detail::make_request(n, options), error);
    std::vector<std::string> lines;
    lines.reserve((std::min)(n, std::size_t{1024}));
    const bool as_it_is =
        options.invalid_utf8 == invalid_utf8::keep && options.line_end != line_end::terminal;
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

/// The last `n` lines of a file as read_last_n_lines returns them, with the same options and errors
/// but without a string for each: they are views of one buffer, read when the object is made.
class [[nodiscard]] file_tail {
public:
    /// No lines.
    file_tail() noexcept = default;

    file_tail(const std::filesystem::path& path, std::size_t n, const tail_options& options,
              std::error_code& error)
        : file_tail(detail::read_tail(path, detail::make_request(n, options), error), n, options) {}
    file_tail(const std::filesystem::path& path, std::size_t n, std::error_code& error)
        : file_tail(path, n, tail_options{}, error) {}
    file_tail(const std::filesystem::path& path, std::size_t n, const tail_options& options = {}) {
        std::error_code error;
        *this = file_tail(path, n, options, error);
        detail::throw_if(error, "skyutil::file_tail: cannot read the last lines", path);
    }

    /// In order. Valid for as long as this object or the one it was moved to.
    [[nodiscard]] std::span<const std::string_view> lines() const& noexcept { return lines_; }
    std::span<const std::string_view> lines() const&& = delete;  // they would be gone at once

    /// How many bytes stand before the end of what was read: the offset in the file from which a
    /// reader goes on without a gap or a repeat. Of a file that grows it is the size when it was
    /// opened, also for 0 lines; of what has no size (a pipe, /proc) the number of bytes read. The
    /// last line may be unfinished: what stands from the offset on then goes on with it. 0 after an
    /// error. With line_end::any, a "\n" right there belongs to a "\r" that was last.
    [[nodiscard]] std::uint64_t end_offset() const noexcept { return end_; }

private:
    file_tail(detail::tail_text found, std::size_t n, const tail_options& options)
        : text_(std::move(found.bytes)), end_(found.end) {
        line_end line_end = options.line_end;
        if (options.invalid_utf8 == invalid_utf8::replace || line_end == line_end::terminal) {
            std::string changed;
            const auto append = [&](std::string_view line) {
                detail::append_line(changed, line, options);
            };
            if (line_end == line_end::terminal) {
                detail::for_each_line(text_.text(), line_end, [&](std::string_view line) {
                    append(line);
                    changed += '\n';
                });
                line_end = line_end::strip_lf;
            } else {
                append(text_.text());  // no line end is part of a longer sequence
            }
            text_ = detail::text_buffer(std::string_view(changed));
        }
        lines_.reserve((std::min)(n, std::size_t{1024}));
        detail::for_each_line(text_.text(), line_end,
                              [&](std::string_view line) { lines_.push_back(line); });
        detail::keep_last(lines_, n);
    }

    detail::text_buffer text_;
    std::vector<std::string_view> lines_;
    std::uint64_t end_ = 0;
};

// -------------------------------------------------------------------------------------------------
// files as memory

/// A regular file as memory that can be read, without copying it.
///
/// The bytes are those of the file, also when they change later. **When somebody truncates the
/// file, reading what it no longer has raises SIGBUS**, see mmap(2), which ends the program; no
/// check can tell in time. So map files that are only ever replaced, as write_file_atomic does: the
/// old bytes stay for as long as they are mapped. For others use file_tail or a std::ifstream,
/// which copy.
///
/// An empty file has no bytes and is no error. A directory is errc::is_a_directory; anything else
/// that has no bytes to map (a FIFO, pipe or device, most files of /proc and /sys) is
/// errc::operation_not_supported, and nothing is read from it. The descriptor is closed at once.
class [[nodiscard]] mapped_file {
public:
    /// No bytes.
    mapped_file() noexcept = default;

    mapped_file(const std::filesystem::path& path, std::error_code& error) noexcept {
        error.clear();
        const unique_fd fd(detail::os::open_file(path.native(), error));
        const detail::os::file_status status =
            fd ? detail::os::status(fd.get(), error) : detail::os::file_status{};
        if (error) {
            return;
        }
        using enum detail::os::file_kind;
        if (status.kind != regular) {
            error = detail::os::make_error(status.kind == directory
                                               ? std::errc::is_a_directory
                                               : std::errc::operation_not_supported);
        } else if (status.size >
                   static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)())) {
            error = detail::os::make_error(std::errc::file_too_large);
        } else if (status.size != 0) {
            const auto size = static_cast<std::size_t>(status.size);
            if (const char* const data = detail::os::map(fd.get(), size, error)) {
                text_ = {data, size};
            }
        } else if (const char* const data = detail::os::map(fd.get(), 1, error)) {
            detail::os::unmap(data, 1);  // a file of /proc, which has no size either, has no map
        }
    }
    explicit mapped_file(const std::filesystem::path& path) {
        std::error_code error;
        mapped_file file(path, error);
        detail::throw_if(error, "skyutil::mapped_file: cannot map the file", path);
        swap(*this, file);
    }

    mapped_file(mapped_file&& other) noexcept : text_(std::exchange(other.text_, {})) {}
    mapped_file& operator=(mapped_file&& other) noexcept {
        mapped_file taken(std::move(other));
        swap(*this, taken);
        return *this;
    }
    mapped_file(const mapped_file&) = delete;
    mapped_file& operator=(const mapped_file&) = delete;
    ~mapped_file() {
        if (!text_.empty()) {
            detail::os::unmap(text_.data(), text_.size());
        }
    }

    /// Valid for as long as this object or the one it was moved to.
    [[nodiscard]] std::string_view text() const& noexcept { return text_; }
    std::string_view text() const&& = delete;  // it would be gone at once

    [[nodiscard]] std::span<const std::byte> bytes() const& noexcept {
        return std::as_bytes(std::span(text_));
    }
    std::span<const std::byte> bytes() const&& = delete;

    [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

    friend void swap(mapped_file& a, mapped_file& b) noexcept { std::swap(a.text_, b.text_); }

private:
    std::string_view text_;
};

// -------------------------------------------------------------------------------------------------
// temporary files and directories

/// An empty file with a name that nobody can guess, open for reading and writing with mode 0600
/// less the umask, which is removed when its owner goes unless release() was called.
///
/// Made in a directory given, or the one TMPDIR names, or /tmp; the constructors without a
/// std::error_code throw. It was not there before (O_EXCL), and a link of that name is not
/// followed. What bears the path when the owner goes is removed, also when it is another file by
/// then; a link is removed itself. In a child after fork(2) the owner removes nothing: the file
/// belongs to the process that made it.
class [[nodiscard]] temporary_file : public detail::temporary<detail::file_maker> {
public:
    using temporary::temporary;
};

/// An empty directory with a name that nobody can guess and mode 0700 less the umask, which is
/// removed with all that is in it when its owner goes unless release() was called.
///
/// Made where temporary_file is. Removing takes away directories of any depth, also those whose
/// permissions forbid it, if they belong to the caller. It follows no link, even one put in a
/// directory's place meanwhile, and leaves alone another file system mounted inside, which is
/// errc::device_or_resource_busy. A directory that was renamed is not removed, nor what took its
/// place. remove() reports the first error, the destructor none. In a child after fork(2) the owner
/// removes nothing: the directory belongs to the process that made it.
class [[nodiscard]] temporary_directory : public detail::temporary<detail::directory_maker> {
public:
    using temporary::temporary;
};

/// How write_file_atomic gave a file its content.
enum class write_method {
    renamed,   ///< all at once: a new file has taken the old one's place
    in_place,  ///< into the old file, piece by piece
};

struct write_options {
    /// Where no new file can take the old one's place because something is mounted on it (Docker's
    /// bind mounts of single files), or because the directory is read-only or closed to the caller,
    /// the content is written into the old file, if the caller may write to that. **Then nothing
    /// is promised**: others can read a part, and an error or a crash leaves one.
    bool in_place_if_needed = false;
};

/// Gives a file other content, or makes it: other processes, and this machine after a crash, find
/// the old content or the new, never a part.
///
/// The new file is on the disk when this returns. On failure the old one stays as it was and
/// nothing else is left behind; after an error in the very last step, fsync(2) of the directory,
/// the new content is in place, but a crash may bring back the old. A process killed meanwhile may
/// leave a file ".skyutil-..." in the directory.
///
/// Owner, group, permission bits, access control list and extended attributes (an SELinux label,
/// the user's own) stay as far as the caller may set them; a new file gets 0666 less the umask, or
/// what its directory has as default. Where the owner cannot be kept the caller is it, and the bits
/// that run a file as its owner or group go; where the group cannot, group and others get what both
/// had: nobody but the caller can do more than before. Attributes that hold for the old content
/// alone (security.ima, security.evm) go, those that cannot be read or set are lost, but an access
/// control list that cannot be set is an error. Hard links keep the old content.
///
/// At the end of a link the file it points to is replaced or made, not the link; links in a circle
/// are errc::too_many_symbolic_link_levels. A directory is errc::is_a_directory. What is no regular
/// file is errc::operation_not_supported, and so is a file that its path does not name: behind the
/// links of /proc/PID/fd (which /dev/fd and /dev/stdout lead to) and /proc/PID/exe stands an open
/// file, not a name, and another file in its place would change nothing there. A file on which
/// something is mounted, as Docker does with single files, is errc::device_or_resource_busy: see
/// write_options. The caller must be allowed to read and write the directory, not the file.
/// Sources: fsync(2), rename(2), POSIX rename(), acl(5), xattr(7).
inline void write_file_atomic(const std::filesystem::path& path, std::string_view text,
                              std::error_code& error) {
    detail::replace_file(path, text, false, error);
}

inline void write_file_atomic(const std::filesystem::path& path, std::string_view text) {
    std::error_code error;
    write_file_atomic(path, text, error);
    detail::throw_if(error, "skyutil::write_file_atomic: cannot replace the file", path);
}

/// The same with options; returns how the content was written, or would have been.
inline write_method write_file_atomic(const std::filesystem::path& path, std::string_view text,
                                      const write_options& options, std::error_code& error) {
    return detail::replace_file(path, text, options.in_place_if_needed, error)
               ? write_method::in_place
               : write_method::renamed;
}

inline write_method write_file_atomic(const std::filesystem::path& path, std::string_view text,
                                      const write_options& options) {
    std::error_code error;
    const write_method method = write_file_atomic(path, text, options, error);
    detail::throw_if(error, "skyutil::write_file_atomic: cannot replace the file", path);
    return method;
}

/// Returns how many direct entries a directory has, without "." and "..". Anything but a directory:
/// errc::not_a_directory. Entries made or removed meanwhile may or may not be counted.
[[nodiscard]] inline std::size_t count_directory_entries(const std::filesystem::path& path,
                                                         std::error_code& error) noexcept {
    return detail::count_entries(path, error);
}

[[nodiscard]] inline std::size_t count_directory_entries(const std::filesystem::path& path) {
    std::error_code error;
    const std::size_t entries = count_directory_entries(path, error);
    detail::throw_if(error, "skyutil::count_directory_entries: cannot read the directory", path);
    return entries;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
