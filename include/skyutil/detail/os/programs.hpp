// SPDX-License-Identifier: MIT
//
// detail/os/programs.hpp: the start of programs. A request says what is wanted; each system puts it
// into its own form, such as a block of words or a command line.

#pragma once

#include <skyutil/detail/base/interruption.hpp>  // IWYU pragma: keep
#include <skyutil/detail/base/throw.hpp>         // IWYU pragma: keep
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/children.hpp>
#include <skyutil/detail/os/files.hpp>      // IWYU pragma: keep
#include <skyutil/detail/os/machine.hpp>    // IWYU pragma: keep
#include <skyutil/detail/os/pipes.hpp>      // IWYU pragma: keep
#include <skyutil/detail/os/processes.hpp>  // IWYU pragma: keep
#include <skyutil/detail/os/waiting.hpp>    // IWYU pragma: keep
#include <skyutil/version.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

enum class start_group { session, group, same };

/// What ends a program apart from itself.
enum class start_lifetime {
    own,         ///< nothing
    of_process,  ///< the end of this process, whatever ends that
    of_thread,   ///< the same, and on some systems the end of the calling thread
};

struct start_limit {
    int resource;  ///< as the system numbers them
    std::uint64_t soft;
    std::uint64_t hard;
};

/// A further handle for a program, and the number that it has there.
struct passed_handle {
    native_handle handle;
    int number;
};

/// Who a program is, by number. What is not set is as in this process.
struct start_identity {
    std::optional<std::uint32_t> user{};
    std::optional<std::uint32_t> group{};
    std::optional<std::span<const std::uint32_t>> groups{};  ///< the supplementary ones
    std::optional<unsigned> umask{};
    bool no_new_privileges = false;
};

/// What the start of a program has failed at, in the order of the steps.
enum class start_failure {
    none,
    arguments,  ///< a word, variable or signal that no program can be given
    process,    ///< making a process, or a thread that starts it
    lifetime,
    session,  ///< making a session or group
    nice,
    cpus,
    directory,
    handles,
    limits,
    identity,
    program,  ///< the program is missing, not executable, or of an unknown format
};

/// A program to start. All text is UTF-8. What is referred to has to be there until it is started.
struct program_request {
    /// The program, which is searched for as the system does it, and its arguments.
    std::span<const std::string> words;

    const std::filesystem::path& directory;  ///< empty: that of this process

    /// Changes to the variables; std::nullopt removes one.
    const std::map<std::string, std::optional<std::string>>& variables;
    bool inherits_variables = true;  ///< else the variables are those of the changes

    /// Standard input, output and error; no_handle: that of this process, else none that is a
    /// standard one of this process.
    std::array<native_handle, 3> standard{no_handle, no_handle, no_handle};
    bool merges_errors = false;  ///< standard error is what standard output is

    start_group group = start_group::session;
    start_lifetime lifetime = start_lifetime::own;
    std::optional<int> nice{};               ///< from -20 (first) to 19 (last)
    std::span<const unsigned> cpus{};        ///< by number; empty: those of the calling thread
    std::vector<start_limit> limits{};       ///< set late, so that they close no handle
    std::vector<passed_handle> passed{};     ///< beside the standard ones
    start_identity identity{};               ///< set last, as it takes rights away
    std::span<const int> blocked_signals{};  ///< all others are not blocked
    bool keeps_ignored_signals = false;      ///< else all have their default action
    bool keeps_handles = false;              ///< those that this process lets programs inherit
    bool has_shell_fallback = false;         ///< a shell runs a file of an unknown format
};

struct started_program {
    os::child child;

    /// A thread that ends when the program has, where a program's life depends on a thread.
    std::thread keeper;
};

/// Starts a program and returns once it runs. On failure there is no child, nothing of the program
/// has run, and nothing is left. May throw std::bad_alloc.
///
/// A program that is being written is tried again for a second: the handle it is written through is
/// soon closed where it was copied by the start of another program. The memory of this process is
/// not copied, where the system can do without.
inline started_program start_program(const program_request& request, start_failure& failed,
                                     std::error_code& error);

/// The same for a program that is no child of this process; it has a session of its own. Returns
/// its id, 0 on failure.
inline std::int64_t start_detached(const program_request& request, start_failure& failed,
                                   std::error_code& error);

/// The words of a program that has the shell of the system run a text.
inline std::vector<std::string> shell_words(std::string text);

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/programs.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/programs.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/programs.hpp>  // IWYU pragma: export
#endif
