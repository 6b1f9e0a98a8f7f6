// SPDX-License-Identifier: MIT
//
// detail/os/windows/process_tree.hpp: what detail/os/process_tree.hpp declares: with a job, which
// has all that its processes start from then on, whatever becomes of their parents. A process that
// is in a job already is put into this one too if the jobs can be nested; what others start is
// found by its parent.
//
// Sources: Microsoft's reference, "Nested Jobs", AssignProcessToJobObject, TerminateJobObject.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/windows/api/processes.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline tree_guard::tree_guard(const process_list& list) noexcept
    : list_(list), keeper_(sys::CreateJobObjectW(nullptr, nullptr)) {}

inline bool tree_guard::stops() noexcept { return false; }

inline void tree_guard::hold(const process_ref& process, std::error_code& error) const noexcept {
    std::error_code failed;
    const unique_fd open =
        sys::open_again(process.pid_, process.handle_.get(), process.start_,
                        sys::access::process_terminate | sys::access::process_set_quota, failed);
    if (open && sys::is_critical(open.get())) {
        error = make_error(std::errc::operation_not_permitted);
    } else if (open && keeper_) {
        sys::AssignProcessToJobObject(keeper_.get(), open.get());
    } else if (!open) {
        process.signal(0, error);  // it may be ended all the same
    }
}

inline stillness tree_guard::look(const process_entry&,
                                  std::chrono::steady_clock::duration) const noexcept {
    return stillness::still;
}

inline void tree_guard::release(const process_ref&) const noexcept {}

inline std::vector<std::int64_t> tree_guard::kept() const {
    // JOBOBJECT_BASIC_PROCESS_ID_LIST: how many there are, and how many follow, of 32 bits each.
    constexpr int ids_class = 3;  // JobObjectBasicProcessIdList
    constexpr std::size_t first = 2 * sizeof(std::uint32_t) / sizeof(std::uintptr_t);
    constexpr sys::nt_status too_many = sys::statuses::value(0x80000005);  // STATUS_BUFFER_OVERFLOW
    std::vector<std::uintptr_t> list(first + 64);
    const auto read = [&] {
        return sys::ZwQueryInformationJobObject(
            keeper_.get(), ids_class, list.data(),
            static_cast<unsigned long>(list.size() * sizeof(std::uintptr_t)), nullptr);
    };
    sys::nt_status returned = keeper_ ? read() : sys::statuses::invalid_parameter;
    while (returned == too_many) {
        list.resize(2 * list.size());
        returned = read();
    }
    std::uint32_t counts[2]{};
    std::memcpy(counts, list.data(), returned < 0 ? 0 : sizeof counts);
    const auto begin = list.begin() + first;
    return {begin, begin + (std::min)(counts[1], static_cast<std::uint32_t>(list.end() - begin))};
}

inline void tree_guard::end_kept() const noexcept {
    if (keeper_) {
        sys::TerminateJobObject(keeper_.get(), sys::killed_exit_code);
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
