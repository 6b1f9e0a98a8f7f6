// SPDX-License-Identifier: MIT
//
// detail/os/output_loop.hpp: many pipes and processes waited for at once, by what has been done for
// them: a system that cannot say what is ready reads and writes beforehand.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/posix/output_loop_types.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/output_loop_types.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/output_loop_types.hpp>  // IWYU pragma: export
#endif

#include <cstddef>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

enum class loop_source : int { none, writer, process, reader };

/// Reads from pipes, writes to pipes and waits for processes. The pipes are made for
/// pipe_use::loop. All handles stay the caller's, who closes none before the loop has told its end,
/// has forgotten it or is gone itself. For one thread, but for wake().
class output_loop {
public:
    /// What has happened. `none` comes when the time is over, after wake(), now and then without a
    /// reason, and with an error of the loop itself.
    struct completion {
        loop_source from = loop_source::none;
        std::size_t index = 0;    ///< among the sources of its kind, in the order of their addition
        std::string_view text{};  ///< what was read; valid until the next call
        bool end = false;         ///< nothing more comes from this source
        bool held_open = false;   ///< at the end: another process may still write to the pipe
        std::error_code error{};
    };

    /// Makes room for that many sources. May throw std::bad_alloc.
    inline explicit output_loop(std::size_t sources);
    output_loop(const output_loop&) = delete;
    output_loop& operator=(const output_loop&) = delete;
    inline ~output_loop();

    /// From now on wake() has next() return. Where no handle is left for that, next() returns by
    /// itself every few milliseconds.
    inline void allow_wake() noexcept;

    /// May be called by any thread, also while next() waits.
    inline void wake() noexcept;

    /// Adds a pipe and the text to write to it, which is not copied. The end is told when all is
    /// written, or nothing more can be: errc::broken_pipe, and no signal, if no process can read.
    inline void add_writer(native_handle pipe, std::string_view text) noexcept;

    /// Has a writer whose end was told without an error go on with another text.
    inline void write_more(std::size_t writer, native_handle pipe, std::string_view text) noexcept;

    /// Adds a process by the handle to wait for it. Its end is told until it is forgotten; for
    /// no_handle, every few milliseconds, that it may have ended.
    inline void add_process(native_handle process) noexcept;

    /// Adds a pipe to read from.
    inline void add_reader(native_handle pipe) noexcept;

    /// Ends what is done for a source; nothing is told of it any more.
    inline void forget(loop_source kind, std::size_t index) noexcept;

    /// Waits until something has happened, or until a point in time; its maximum is for ever. A
    /// source that always has something to tell does not keep the others waiting. May throw
    /// std::bad_alloc.
    inline completion next(time_point deadline);

    /// Returns what a pipe holds when this is called first, piece by piece and without waiting, and
    /// then its end: what another process goes on to write can be endless. May throw
    /// std::bad_alloc.
    inline completion next_left(std::size_t reader);

private:
    sys::loop_state state_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/output_loop.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/output_loop.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/output_loop.hpp>  // IWYU pragma: export
#endif
