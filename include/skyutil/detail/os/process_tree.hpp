// SPDX-License-Identifier: MIT
//
// detail/os/process_tree.hpp: how the processes of a tree are held while it is listed, so that none
// of them starts another one unseen: they stand still, or the system keeps what they start together
// with them.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/process_list.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cstdint>
#include <system_error>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// How a process is that was told to hold still.
enum class stillness {
    still,     ///< the next list shows all that it has started, or has yet: it stopped, or is gone
    settling,  ///< not yet: it finishes what it does in the system, such as to start another one
    stuck,     ///< not yet, and not soon: it is in the system, where no signal reaches it
    restless,  ///< it goes on, as a traced process may; not to be waited for
};

class tree_guard {
public:
    /// The list is that in which the tree is found. It has to outlive the guard.
    explicit tree_guard(const process_list& list) noexcept;

    tree_guard(const tree_guard&) = delete;
    tree_guard& operator=(const tree_guard&) = delete;
    ~tree_guard() = default;

    /// Whether a process that is held stands still. Else it runs on, and starts others.
    [[nodiscard]] static bool stops() noexcept;

    /// Tells a process to hold still until it is released, or keeps what it starts from now on
    /// together with it, as far as the system can. Fails as what sends a signal does.
    void hold(const process_ref& process, std::error_code& error) const noexcept;

    /// How still a process is that was told to hold still so long ago.
    [[nodiscard]] stillness look(const process_entry& entry,
                                 std::chrono::steady_clock::duration held) const noexcept;

    /// Lets a process go on that was told to hold still.
    void release(const process_ref& process) const noexcept;

    /// The ids of those that are kept together now: that were held, and what they have started
    /// since.
    [[nodiscard]] std::vector<std::int64_t> kept() const;

    /// Ends all that are kept together.
    void end_kept() const noexcept;

private:
    [[maybe_unused]] const process_list& list_;
    unique_fd keeper_;  ///< where the system has something that keeps processes together
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/process_tree.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/process_tree.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/process_tree.hpp>  // IWYU pragma: export
#endif
