// SPDX-License-Identifier: MIT
//
// skyutil/follow.hpp: the lines that are appended to files, as they come, whatever becomes of the
// files: what tail -F does.
//
//     skyutil::follow_file("/var/log/service.log", [](std::string_view line) {
//         std::cout << line << '\n';
//     });
//
// Functions and constructors without a std::error_code throw std::filesystem::filesystem_error.
// Those with one set it to the error, and clear it on success. Everything may be called from
// several threads at once, on different objects.
//
// **Guarantees**
// - Every line comes once, whole and in order: also while the file is renamed and made again,
//   deleted and made again, or a link to it is pointed elsewhere. The rest of the old file is read
//   before the new one, and until the new one has its first byte.
// - A file that is truncated, as logrotate's copytruncate does, is told as follow_kind::truncated:
//   what was written right before and had not been read is lost, but no line joins bytes from
//   before and after it.
//
// **Limits**
// - A file that has its name for so short a time that it is gone again before it is looked at is
//   not noticed: that is a matter of the poll_interval where files are polled, else of how fast
//   next() is called.
// - A file that is truncated and at once filled with the same bytes again cannot be told from one
//   that was not. Nor is a file that gets another end than it had: only appended bytes are noticed.
// - Linux tells of no bytes that are written through memory maps: they are noticed with the next
//   ones that are written, or by polling.
//
// **Source**: inotify(7), tail(1) of GNU coreutils, logrotate(8).

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/base/path_error.hpp>
#include <skyutil/detail/follow/forward.hpp>
#include <skyutil/files.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// -------------------------------------------------------------------------------------------------
// what is asked for

/// Where the following of a file begins.
enum class follow_start {
    end,         ///< with the lines that end from now on
    beginning,   ///< with the first line
    last_lines,  ///< with the last lines, as many as options.last_lines says
    position,    ///< at options.position
};

/// How a follower notices that something happened.
enum class follow_wake {
    automatic,  ///< by events, and by polling where not all changes make events
    events,     ///< by events alone; where there are none, an error
    polling,    ///< by looking at each file every options.poll_interval
};

/// Where in which file the following has come to: text and a number to be kept, for a follower that
/// goes on there.
struct follow_position {
    /// How many bytes of the file have been given.
    std::uint64_t offset = 0;

    /// What tells the file, and what it has before the offset, from others; to be kept as it is.
    /// Empty for any file: with an offset of file_tail::end_offset().
    std::string file{};

    friend bool operator==(const follow_position&, const follow_position&) = default;
};

/// What follow_file(), file_follower and file_follower_set do.
struct follow_options {
    /// It applies to files that are there at first. What appears later is read from its beginning.
    follow_start start = follow_start::end;
    std::size_t last_lines = 10;  ///< for follow_start::last_lines

    /// For follow_start::position. If the name leads to another file than this is of, that is told
    /// as follow_kind::rotated, and if the file has other bytes before the offset, as
    /// follow_kind::truncated; the file is then read from its beginning.
    follow_position position{};

    /// Follows the name, as tail -F does: whatever file the name leads to, also if it is not there
    /// yet. Else the file itself, which has to be there, wherever it is moved, as tail -f does.
    bool by_name = true;

    skyutil::line_end line_end = skyutil::line_end::strip_lf;
    skyutil::invalid_utf8 invalid_utf8 = skyutil::invalid_utf8::keep;

    /// How many bytes of a line are held in memory; at least 16. A longer line comes in pieces:
    /// follow_kind::partial.
    std::size_t max_line = std::size_t{1} << 20;

    /// How long the rest of an unfinished line is waited for before what there is of it comes as
    /// follow_kind::partial. Unless set, for ever.
    std::optional<std::chrono::milliseconds> partial_after{};

    follow_wake wake = follow_wake::automatic;

    /// How often files are looked at that are polled, and a file that could not be read is tried
    /// again; at least a millisecond.
    std::chrono::milliseconds poll_interval = std::chrono::seconds(1);

    /// Ends all waiting at once, without an error.
    stop_token stop = {};
};

/// What has happened to a file that is followed.
enum class follow_kind {
    line,  ///< text has a line, or what is left of one after follow_kind::partial

    /// text has a part of a line; what follows up to the next follow_kind::line belongs to it. Only
    /// for lines of more than max_line bytes, or with partial_after.
    partial,

    rotated,  ///< the name leads to another file, which has begun, and whose lines follow

    /// The file was truncated and is read from its beginning: lines may be missing, and an
    /// unfinished one is dropped. NULs at the beginning are skipped: a writer that does not append
    /// leaves them there.
    truncated,

    /// The name leads to no file that can be opened, as error says, and has for a moment. What is
    /// written to the old one is still read.
    vanished,

    appeared,  ///< the name leads to a file again, or at last
    failed,    ///< the file could not be read, as error says; reading it is tried again
};

/// An event of a file.
struct follow_event {
    follow_kind kind{};
    std::string_view text{};  ///< valid until the next call of the follower, and as long as that
    std::error_code error{};  ///< for vanished and failed
    std::size_t file = 0;     ///< which file of a file_follower_set

    friend bool operator==(const follow_event&, const follow_event&) = default;
};

// -------------------------------------------------------------------------------------------------
// many files

/// Follows many files with one thread. Move-only; after a move only to be assigned to or destroyed.
///
///     skyutil::file_follower_set logs;
///     for (const auto& path : paths) {
///         logs.add(path);
///     }
///     while (const auto event = logs.next(std::chrono::minutes(1))) { ... }
///
/// **Limits**
/// - Each file that is there takes one descriptor: see raise_fd_limit() of skyutil/system.hpp. The
///   set itself takes three, among them one of inotify(7), of which a user may have 128 at a time;
///   with follow_wake::automatic files are polled when none is left. Each file takes one watch of
///   inotify(7), and so does each directory on the way to it.
/// - Polled are, with follow_wake::automatic, files of network file systems, FUSE and overlayfs, of
///   /proc and /sys, of file systems unknown to this library, whatever is not a regular file, and
///   files in directories that may not be read.
///
/// **Cost**
/// - While nothing happens: nothing, or one or two system calls for each polled file and interval.
class [[nodiscard]] file_follower_set {
public:
    /// Has no files. options.start and options.position apply to each file that is added.
    explicit file_follower_set(const follow_options& options, std::error_code& error);
    explicit file_follower_set(const follow_options& options = {});
    file_follower_set(file_follower_set&&) noexcept;
    file_follower_set& operator=(file_follower_set&&) noexcept;
    file_follower_set(const file_follower_set&) = delete;
    file_follower_set& operator=(const file_follower_set&) = delete;
    ~file_follower_set();

    /// Follows one more file and returns its number: 0 for the first one, then 1 and so on.
    ///
    /// **Errors**
    /// - A file that may not be read; one that is not there, unless followed by name.
    /// - A directory: errc::is_a_directory. A device that never ends: errc::file_too_large.
    /// - With follow_wake::events, whatever keeps from watching the file.
    /// - A NUL in the path: errc::invalid_argument. After an error the file is not in the set.
    std::size_t add(const std::filesystem::path& path, std::error_code& error);
    std::size_t add(const std::filesystem::path& path) {
        return detail::or_throw([&](std::error_code& error) { return add(path, error); },
                                "skyutil::file_follower_set: cannot follow the file", path);
    }

    /// The same, beginning at a position.
    std::size_t add(const std::filesystem::path& path, const follow_position& position,
                    std::error_code& error);
    std::size_t add(const std::filesystem::path& path, const follow_position& position) {
        return detail::or_throw([&](std::error_code& error) { return add(path, position, error); },
                                "skyutil::file_follower_set: cannot follow the file", path);
    }

    /// Follows a file no longer. Its number stays its own; one that is not in the set is ignored.
    void remove(std::size_t file) noexcept;

    /// Waits for the next event of any file, and returns it: nullopt when the time is over, a stop
    /// was requested, or after an error. A time of 0 does not wait.
    ///
    /// The events of a file come in order. Files that have much to tell take turns.
    ///
    /// **Errors**
    /// - Of the waiting alone: what is wrong with a file is an event of it.
    template <class Rep, class Period>
    [[nodiscard]] std::optional<follow_event> next(std::chrono::duration<Rep, Period> timeout,
                                                   std::error_code& error) {
        return next_until(detail::deadline_after(timeout), error);
    }
    template <class Rep, class Period>
    [[nodiscard]] std::optional<follow_event> next(std::chrono::duration<Rep, Period> timeout) {
        return detail::or_throw([&](std::error_code& error) { return next(timeout, error); },
                                "skyutil::file_follower_set: cannot wait");
    }

    /// Returns where in a file the events that next() has returned end.
    [[nodiscard]] follow_position position(std::size_t file) const;

    /// Returns a handle that is readable (poll(2), epoll(7), Asio's wait_read) once it is time to
    /// call next() with a timeout of 0, until it returns nullopt: to wait in a loop of one's own.
    /// It is nothing to read from, and stays the follower's. Call next() first.
    ///
    /// **Limits**
    /// - On systems without such a handle it is none: call next() every poll_interval.
    [[nodiscard]] unique_fd::handle native_handle() const noexcept;

private:
    friend struct detail::follow_access;

    std::optional<follow_event> next_until(detail::time_point deadline, std::error_code& error);

    std::unique_ptr<detail::follow_engine> engine_;
};

// -------------------------------------------------------------------------------------------------
// one file

/// Follows a file. Move-only; after a move only to be assigned to or destroyed.
///
///     skyutil::file_follower log("service.log", {.start = skyutil::follow_start::last_lines});
///     while (const auto event = log.next(std::chrono::seconds(30))) {
///         if (event->kind == skyutil::follow_kind::line) {
///             use(event->text);
///         }
///     }
///
/// Its errors, limits and cost are those of file_follower_set.
class [[nodiscard]] file_follower {
public:
    file_follower(const std::filesystem::path& path, const follow_options& options,
                  std::error_code& error)
        : set_(options, error) {
        if (!error) {
            set_.add(path, error);
        }
    }
    explicit file_follower(const std::filesystem::path& path, const follow_options& options = {})
        : set_(options) {
        set_.add(path);
    }

    /// See file_follower_set::next().
    template <class Rep, class Period>
    [[nodiscard]] std::optional<follow_event> next(std::chrono::duration<Rep, Period> timeout,
                                                   std::error_code& error) {
        return set_.next(timeout, error);
    }
    template <class Rep, class Period>
    [[nodiscard]] std::optional<follow_event> next(std::chrono::duration<Rep, Period> timeout) {
        return set_.next(timeout);
    }

    /// Returns where in the file the events that next() has returned end: a follower that begins
    /// there, with follow_start::position, repeats and misses nothing.
    [[nodiscard]] follow_position position() const { return set_.position(0); }

    /// See file_follower_set::native_handle().
    [[nodiscard]] unique_fd::handle native_handle() const noexcept { return set_.native_handle(); }

private:
    friend struct detail::follow_access;

    file_follower_set set_;
};

/// What follow_file() calls with a line: it may return whether it wants another one.
template <class Function>
concept line_consumer =
    std::invocable<Function&, std::string_view> &&
    (std::is_void_v<std::invoke_result_t<Function&, std::string_view>> ||
     std::convertible_to<std::invoke_result_t<Function&, std::string_view>, bool>);

/// Calls `on_line` with each line of a file, those of follow_options::start first and then what is
/// appended, until options.stop is requested or `on_line` returns false.
///
///     skyutil::follow_file("build.log", [&](std::string_view line) { return line != "done"; },
///                          {.start = skyutil::follow_start::beginning});
///
/// A part of a line (follow_kind::partial) comes as if it were one. The view is valid during the
/// call.
///
/// **Errors**
/// - Those of file_follower; and when a file that is open can no longer be read.
template <line_consumer Function>
void follow_file(const std::filesystem::path& path, Function&& on_line,
                 const follow_options& options, std::error_code& error) {
    file_follower follower(path, options, error);
    while (!error) {
        const std::optional<follow_event> event = follower.next(detail::hundred_years, error);
        if (error || (!event && options.stop.stop_requested())) {
            return;
        }
        if (!event) {
            continue;
        }
        if (event->kind == follow_kind::failed) {
            error = event->error;
        } else if (event->kind == follow_kind::line || event->kind == follow_kind::partial) {
            if constexpr (std::is_void_v<std::invoke_result_t<Function&, std::string_view>>) {
                on_line(event->text);
            } else if (!on_line(event->text)) {
                return;
            }
        }
    }
}

template <line_consumer Function>
void follow_file(const std::filesystem::path& path, Function&& on_line,
                 const follow_options& options = {}) {
    std::error_code error;
    follow_file(path, on_line, options, error);
    detail::throw_if(error, "skyutil::follow_file: cannot follow the file", path);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/follow/impl.hpp>  // IWYU pragma: keep
