// SPDX-License-Identifier: MIT
//
// detail/os/file_events.hpp: the seam to the operating system: being told when files are written to
// and when names lead elsewhere, instead of looking again and again.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/version.hpp>

#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// Tells a watch from the others of its file_events. What is watched twice is one watch.
using watch_id = int;
inline constexpr watch_id no_watch = -1;

enum class file_change {
    written,  ///< bytes of a watched file were written, or it was truncated
    entry,    ///< something about a name in a watched directory; about any of them without a name
    ended,    ///< what was watched is gone, and so is the watch
    lost,     ///< there was more to tell than could be kept, of any watch
};

struct file_event {
    file_change what{};
    watch_id watch = no_watch;
    std::basic_string_view<path_char> name{};
};

/// Waits for what happens to files, and for an alarm. For one thread, but for set_alarm().
class file_events {
public:
    /// Has an alarm, where the system has one that can be waited for with a handle.
    inline explicit file_events(std::error_code& error) noexcept;
    file_events(const file_events&) = delete;
    file_events& operator=(const file_events&) = delete;
    inline ~file_events();

    /// Readable once there is something to take, or the alarm is due; no_handle where there is no
    /// alarm. It stays readable until the alarm is set again.
    [[nodiscard]] native_handle handle() const noexcept { return ready_; }

    /// Sets when the alarm is due; the maximum is never. May be called by any thread.
    inline void set_alarm(time_point due) const noexcept;

    /// Makes it possible to watch. errc::function_not_supported where the system has no such thing.
    inline void start_watching(std::error_code& error) noexcept;

    /// Watches the bytes of an open file, whatever becomes of its name.
    inline watch_id watch_file(native_handle file, std::error_code& error) noexcept;

    /// Watches the names in a directory. errc::not_a_directory for anything else.
    inline watch_id watch_directory(const path_text& directory, std::error_code& error) noexcept;

    inline void unwatch(watch_id watch) noexcept;

    /// Calls `visit` with file events that have happened, without waiting, and returns whether
    /// there were any. The names are valid during the call.
    template <class Visit>
    bool take(Visit visit, std::error_code& error);

private:
    native_handle ready_ = no_handle;
    native_handle alarm_ = no_handle;
    native_handle changes_ = no_handle;
};

/// Whether the file system of an open file, or of a directory, is known to tell of all changes:
/// those made by other machines, or by the system itself, as in /proc, often are not told.
inline bool tells_of_changes(native_handle file) noexcept;
inline bool tells_of_changes(const path_text& directory) noexcept;

/// What tells the file that a name leads to, through links, from every other one there is.
inline file_id identify_target(const path_text& name, std::error_code& error) noexcept;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/file_events.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/file_events.hpp>  // IWYU pragma: export
#endif
