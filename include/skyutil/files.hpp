// SPDX-License-Identifier: MIT
//
// skyutil/files.hpp: the last lines of a file of any size, files as memory, temporary files and
// directories, files replaced all at once, the entries of a directory, owned descriptors.
//
//     for (const std::string& line : skyutil::read_last_n_lines("/var/log/syslog", 10)) {
//         std::cout << line << '\n';
//     }
//
// Functions and constructors without a std::error_code throw std::filesystem::filesystem_error.
// Those with one set it to the error, and clear it on success. Everything may be called from
// several threads at once, on different objects.

#pragma once

#include <skyutil/detail/base/path_error.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/files/temporary.hpp>
#include <skyutil/detail/files/text_buffer.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// -------------------------------------------------------------------------------------------------
// descriptors

/// Owns a file descriptor and closes it. Move-only; empty after a move and after release().
///
///     handle                                the type of a descriptor: int
///     explicit unique_fd(int fd = -1)       takes over `fd`; empty if that is negative
///     int get() const                       the descriptor, or -1; the object still owns it
///     explicit operator bool() const        whether there is a descriptor
///     int release()                         gives the descriptor away: the caller closes it
///     void reset(int fd = -1)               closes the descriptor and takes over `fd`
///     swap(), ==                            == compares the numbers; as each descriptor has one
///                                           owner, two objects are equal only if both are empty
using unique_fd = detail::unique_fd;

// -------------------------------------------------------------------------------------------------
// the last lines

/// What ends a line, and what of it is returned.
enum class line_end {
    strip_lf,    ///< the line without its "\n"
    strip_crlf,  ///< the line without its "\n" or "\r\n"; a "\r" elsewhere stays
    keep,        ///< the line as it is in the file; the last one may have no line end

    /// The line without its "\n", "\r\n" or "\r". A "\r" alone ends a line too, which suits
    /// programs that print their progress.
    any,

    /// What a terminal would show of the line, which ends with "\n": what comes after a "\r" is
    /// written over what came before it. "  9%\r 10%\r" is returned as " 10%", and "12345\rab" as
    /// "ab345".
    ///
    /// - Every code point takes one column.
    /// - Control sequences (ESC "[", as for colours) take none. Those that erase the rest of the
    ///   line or all of it (ESC "[K", ESC "[2K") do that.
    /// - The width of the terminal, tabs, backspaces and characters of two columns are not
    ///   considered.
    terminal,
};

/// What is returned for bytes that are not UTF-8.
enum class invalid_utf8 {
    keep,     ///< the bytes as they are in the file, whatever their encoding
    replace,  ///< U+FFFD for each maximal subpart of an ill-formed sequence, line by line
};

/// What read_last_n_lines() and file_tail do.
struct tail_options {
    /// Ends the reading with errc::operation_canceled. While another process is waited for (the
    /// writer of a FIFO or pipe, or the holder of a lease on the file), a stop takes effect within
    /// 20 milliseconds.
    stop_token stop = {};

    skyutil::line_end line_end = skyutil::line_end::strip_lf;
    skyutil::invalid_utf8 invalid_utf8 = skyutil::invalid_utf8::keep;

    /// How many bytes of text, line ends included, may be held in memory: 1 GiB unless set. Longer
    /// lines are errc::file_too_large. The bytes are those of the file: text in which U+FFFD is
    /// written for ill-formed bytes may become three times as long.
    std::size_t max_bytes = std::size_t{1} << 30;
};

/// Returns the last `n` lines of a file, in order, or all lines if there are fewer.
///
///     const auto lines = skyutil::read_last_n_lines("build.log", 20,
///                                                   {.line_end = skyutil::line_end::terminal});
///
/// Lines end with "\n", unless the options say otherwise. A last line without a line end counts; an
/// empty piece after the last line end does not. Files without a size (as in /proc), pipes and
/// FIFOs are read forward to their end.
///
/// **Errors**
/// - A directory: errc::is_a_directory.
/// - A device that never ends, such as /dev/zero: errc::file_too_large.
/// - Lines of more than options.max_bytes: errc::file_too_large.
/// - A FIFO that no process opens for writing within 10 seconds: errc::timed_out.
/// - A file that is written over again and again while it is read:
///   errc::resource_unavailable_try_again.
/// - A stop: errc::operation_canceled.
/// - A NUL in the path: errc::invalid_argument.
///
/// **Guarantees**
/// - The end is the size that the file had when it was opened: lines written later are not seen.
/// - A file that is truncated meanwhile, as logrotate's copytruncate does, gives the lines that it
///   has then, which may be fewer. No line joins bytes from before and after the truncation.
///
/// **Cost**
/// - Depends on the lines returned, not on the size of the file, which is read backwards from its
///   end.
[[nodiscard]] std::vector<std::string> read_last_n_lines(const std::filesystem::path& path,
                                                         std::size_t n, const tail_options& options,
                                                         std::error_code& error);

[[nodiscard]] inline std::vector<std::string> read_last_n_lines(const std::filesystem::path& path,
                                                                std::size_t n,
                                                                std::error_code& error) {
    return read_last_n_lines(path, n, tail_options{}, error);
}

[[nodiscard]] inline std::vector<std::string> read_last_n_lines(const std::filesystem::path& path,
                                                                std::size_t n,
                                                                const tail_options& options = {}) {
    return detail::or_throw(
        [&](std::error_code& error) { return read_last_n_lines(path, n, options, error); },
        "skyutil::read_last_n_lines: cannot read the last lines", path);
}

/// The last `n` lines of a file, as read_last_n_lines() returns them, without a string for each:
/// they are views of one buffer. Move-only.
///
///     const skyutil::file_tail tail("build.log", 1000);
///     for (const std::string_view line : tail.lines()) { ... }
///
/// The lines are read by the constructor. Options, errors, guarantees and cost are those of
/// read_last_n_lines().
class [[nodiscard]] file_tail {
public:
    /// Has no lines.
    file_tail() noexcept = default;

    /// Reads the last `n` lines; there are none after an error.
    file_tail(const std::filesystem::path& path, std::size_t n, const tail_options& options,
              std::error_code& error);
    file_tail(const std::filesystem::path& path, std::size_t n, std::error_code& error)
        : file_tail(path, n, tail_options{}, error) {}
    file_tail(const std::filesystem::path& path, std::size_t n, const tail_options& options = {}) {
        std::error_code error;
        *this = file_tail(path, n, options, error);
        detail::throw_if(error, "skyutil::file_tail: cannot read the last lines", path);
    }

    /// Returns the lines in order. They are valid as long as this object, or the one that it was
    /// moved to.
    [[nodiscard]] std::span<const std::string_view> lines() const& noexcept { return lines_; }
    std::span<const std::string_view> lines() const&& = delete;  // they would dangle at once

    /// Returns the offset in the file at which the reading ended: a reader that goes on from there
    /// misses nothing and repeats nothing.
    ///
    /// - For a file with a size it is the size when the file was opened, also for 0 lines.
    /// - For a file without one (a pipe, /proc) it is the number of bytes read.
    /// - After an error it is 0.
    ///
    /// The last line may be unfinished: then the bytes from this offset on continue it. With
    /// line_end::any, a "\n" right at this offset belongs to a "\r" that was the last byte.
    [[nodiscard]] std::uint64_t end_offset() const noexcept { return end_; }

private:
    detail::text_buffer text_;
    std::vector<std::string_view> lines_;
    std::uint64_t end_ = 0;
};

// -------------------------------------------------------------------------------------------------
// files as memory

/// A regular file as read-only memory, without copying it. Move-only.
///
///     const skyutil::mapped_file file("model.bin");
///     consume(file.bytes());
///
/// The bytes are those of the file: changes that are made to it later show in them. An empty file
/// is not an error; it has no bytes. The descriptor is closed at once.
///
/// **Errors**
/// - A directory: errc::is_a_directory.
/// - Anything else that has no bytes to map (a FIFO, pipe or device, most files of /proc and /sys):
///   errc::operation_not_supported. Nothing is read from it.
///
/// **Limits**
/// - **When the file is truncated by any process, reading bytes that it no longer has raises
///   SIGBUS**, which ends the program; no check can tell in time. So map only files that are
///   replaced as a whole, as write_file_atomic() does: their old bytes stay as long as they are
///   mapped. Read others with file_tail or a std::ifstream, which copy.
///
/// **Source**: mmap(2).
class [[nodiscard]] mapped_file {
public:
    /// Has no bytes.
    mapped_file() noexcept = default;

    /// Maps a file. After an error there are no bytes.
    mapped_file(const std::filesystem::path& path, std::error_code& error) noexcept;
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
            detail::os::unmap(text_);
        }
    }

    /// Returns the bytes as text. They are valid as long as this object, or the one that it was
    /// moved to.
    [[nodiscard]] std::string_view text() const& noexcept { return text_; }
    std::string_view text() const&& = delete;  // it would dangle at once

    /// Returns the bytes. They are valid as long as those of text().
    [[nodiscard]] std::span<const std::byte> bytes() const& noexcept {
        return std::as_bytes(std::span(text_));
    }
    std::span<const std::byte> bytes() const&& = delete;  // they would dangle at once

    [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

    friend void swap(mapped_file& a, mapped_file& b) noexcept { std::swap(a.text_, b.text_); }

private:
    std::string_view text_;
};

// -------------------------------------------------------------------------------------------------
// temporary files and directories

/// A new, empty file, open for reading and writing, that the destructor removes unless release()
/// was called. Move-only.
///
///     skyutil::temporary_file file;
///     write_all(file.native_handle(), text);
///     run("editor", file.path());
///
/// **Guarantees**
/// - The name cannot be guessed, and the mode is 0600 less the umask.
/// - The file is new: nothing had its name before (O_EXCL), and a link of that name is not
///   followed.
/// - In a child process after fork(2) nothing is removed: the file belongs to the process that
///   made it.
///
/// **Limits**
/// - Removing goes by the path: another file that has taken the path meanwhile is removed in its
///   place. A link there is removed itself, not the file that it points to.
class [[nodiscard]] temporary_file {
public:
    /// Makes a file in the directory that the environment variable TMPDIR names, or in /tmp. A
    /// set-user-ID program ignores TMPDIR.
    temporary_file() = default;
    explicit temporary_file(std::error_code& error) : made_(error) {}

    /// Makes a file in an existing directory.
    explicit temporary_file(const std::filesystem::path& directory) : made_(directory) {}
    temporary_file(const std::filesystem::path& directory, std::error_code& error)
        : made_(directory, error) {}

    /// Returns the absolute path, also after release(). It is empty after a move, after remove()
    /// and when the file could not be made.
    [[nodiscard]] const std::filesystem::path& path() const& noexcept { return made_.path(); }
    const std::filesystem::path& path() const&& = delete;  // it would dangle at once

    /// Returns the open descriptor, or -1 if there is none. The object still owns it.
    [[nodiscard]] unique_fd::handle native_handle() const noexcept { return made_.native_handle(); }

    /// Keeps the file, closes the descriptor and returns the path, which may be ignored.
    std::filesystem::path release() { return made_.release(); }

    /// Removes the file now, even when no memory is left. After an error the destructor tries
    /// again.
    void remove(std::error_code& error) noexcept { made_.remove(error); }
    void remove() { made_.remove(); }

private:
    detail::temporary<detail::file_maker> made_;
};

/// A new, empty directory that the destructor removes, with everything in it, unless release() was
/// called. Move-only.
///
///     const skyutil::temporary_directory directory;
///     std::ofstream(directory.path() / "input.txt") << text;
///
/// **Guarantees**
/// - The name cannot be guessed, and the mode is 0700 less the umask.
/// - Directories inside may have any depth. Those whose permissions forbid it are removed too, if
///   they belong to the caller.
/// - No link is followed, not even one that takes a directory's place during the removal.
/// - A directory that was renamed is not removed, nor is what has taken its place.
/// - In a child process after fork(2) nothing is removed: the directory belongs to the process that
///   made it.
///
/// **Limits**
/// - A file system that is mounted inside is left alone: errc::device_or_resource_busy.
/// - remove() reports the first error and the destructor none.
class [[nodiscard]] temporary_directory {
public:
    /// Makes a directory in the one that the environment variable TMPDIR names, or in /tmp. A
    /// set-user-ID program ignores TMPDIR.
    temporary_directory() = default;
    explicit temporary_directory(std::error_code& error) : made_(error) {}

    /// Makes a directory in an existing one.
    explicit temporary_directory(const std::filesystem::path& directory) : made_(directory) {}
    temporary_directory(const std::filesystem::path& directory, std::error_code& error)
        : made_(directory, error) {}

    /// Returns the absolute path, also after release(). It is empty after a move, after remove()
    /// and when the directory could not be made.
    [[nodiscard]] const std::filesystem::path& path() const& noexcept { return made_.path(); }
    const std::filesystem::path& path() const&& = delete;  // it would dangle at once

    /// Returns an open descriptor of the directory, or -1 if there is none. The object still owns
    /// it.
    [[nodiscard]] unique_fd::handle native_handle() const noexcept { return made_.native_handle(); }

    /// Keeps the directory, closes the descriptor and returns the path, which may be ignored.
    std::filesystem::path release() { return made_.release(); }

    /// Removes the directory now, even when no memory is left. After an error the destructor tries
    /// again.
    void remove(std::error_code& error) noexcept { made_.remove(error); }
    void remove() { made_.remove(); }

private:
    detail::temporary<detail::directory_maker> made_;
};

// -------------------------------------------------------------------------------------------------
// files replaced all at once

/// How write_file_atomic() gave a file its content.
enum class write_method {
    renamed,   ///< all at once: a new file has taken the place of the old one
    in_place,  ///< piece by piece: the content was written into the old file
};

/// What write_file_atomic() may do.
struct write_options {
    /// Allows writing into the old file where a new one cannot take its place: because something is
    /// mounted on it (as Docker does with single files), or because the directory is read-only or
    /// the caller may not write to it. The caller must be allowed to write to the file.
    ///
    /// **There are no guarantees then**: other processes can read a part of the content, and an
    /// error or a crash leaves a part.
    bool in_place_if_needed = false;
};

/// Gives a file new content, or makes the file, all at once.
///
///     skyutil::write_file_atomic("/etc/service.conf", text);
///
/// At the end of a symbolic link, the file that it points to is replaced or made, not the link. The
/// caller must be allowed to read and write the directory, not the file.
///
/// **Errors**
/// - A directory: errc::is_a_directory.
/// - Anything else that is not a regular file: errc::operation_not_supported.
/// - A path that leads to an open file instead of naming one: errc::operation_not_supported. Such
///   are the links in /proc/PID/fd (to which /dev/fd and /dev/stdout lead) and /proc/PID/exe:
///   replacing a file would change nothing there.
/// - A file on which something is mounted, as Docker does with single files:
///   errc::device_or_resource_busy. See write_options.
/// - Symbolic links in a circle: errc::too_many_symbolic_link_levels.
/// - An access control list that cannot be kept is an error too.
///
/// **Guarantees**
/// - Other processes, and this machine after a crash, find the old content or the new content,
///   never a part.
/// - When the function returns, the new file is on the disk.
/// - After an error the old file is unchanged, and nothing else is left behind. Only after an error
///   in the very last step, the fsync(2) of the directory, is the new content in place, but a crash
///   may bring back the old.
/// - Owner, group, permission bits, access control list and extended attributes (such as an SELinux
///   label, or the user's own) are kept, as far as the caller may set them. A new file has mode
///   0666 less the umask, or the default that its directory defines.
/// - Only the caller can gain rights. If the owner cannot be kept, the caller becomes the owner and
///   the set-user-ID and set-group-ID bits are removed. If the group cannot be kept, the group and
///   others get only the permissions that both had.
///
/// **Limits**
/// - A process that is killed meanwhile may leave a file ".skyutil-..." in the directory.
/// - Other hard links to the file keep the old content.
/// - Attributes that apply to the old content alone (security.ima, security.evm) are removed, and
///   those that cannot be read or set are lost.
///
/// **Source**: fsync(2), rename(2), POSIX rename(), acl(5), xattr(7).
void write_file_atomic(const std::filesystem::path& path, std::string_view text,
                       std::error_code& error);

inline void write_file_atomic(const std::filesystem::path& path, std::string_view text) {
    std::error_code error;
    write_file_atomic(path, text, error);
    detail::throw_if(error, "skyutil::write_file_atomic: cannot replace the file", path);
}

/// The same with options. Returns how the content was written, or after an error, how it would have
/// been.
write_method write_file_atomic(const std::filesystem::path& path, std::string_view text,
                               const write_options& options, std::error_code& error);

inline write_method write_file_atomic(const std::filesystem::path& path, std::string_view text,
                                      const write_options& options) {
    return detail::or_throw(
        [&](std::error_code& error) { return write_file_atomic(path, text, options, error); },
        "skyutil::write_file_atomic: cannot replace the file", path);
}

// -------------------------------------------------------------------------------------------------
// directories

/// Returns how many direct entries a directory has, without "." and "..".
///
/// **Errors**
/// - Anything but a directory: errc::not_a_directory.
///
/// **Limits**
/// - Entries that are made or removed meanwhile may or may not be counted.
[[nodiscard]] std::size_t count_directory_entries(const std::filesystem::path& path,
                                                  std::error_code& error) noexcept;

[[nodiscard]] inline std::size_t count_directory_entries(const std::filesystem::path& path) {
    return detail::or_throw(
        [&](std::error_code& error) { return count_directory_entries(path, error); },
        "skyutil::count_directory_entries: cannot read the directory", path);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/files/impl.hpp>  // IWYU pragma: keep
