// SPDX-License-Identifier: MIT
//
// detail/os/windows/process_snapshot.hpp: all processes that run, as the system lists them at one
// moment. It takes no right to any of them.
//
// Source: Microsoft's reference of NtQuerySystemInformation, SystemProcessInformation; the fields
// that it calls reserved are those of the headers for drivers.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/windows/api/processes.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// SYSTEM_PROCESS_INFORMATION, up to what is asked for.
struct process_record {
    std::uint32_t next;  // in bytes from this one; 0: none
    std::uint32_t threads;
    std::int64_t unused[3];
    std::uint64_t created;  // in units of 100 ns since 1601
    std::int64_t times[2];
    counted_text name;
    std::int32_t priority;
    std::uintptr_t pid;
    std::uintptr_t parent;  // the one that started it, even if another process has that id now

    [[nodiscard]] std::wstring_view image() const noexcept {
        return {name.text, name.text == nullptr ? 0 : name.length / sizeof(wchar_t)};
    }
};

class process_snapshot {
public:
    explicit process_snapshot(std::error_code& error) noexcept {
        constexpr nt_status too_small = statuses::value(0xc0000004);  // _INFO_LENGTH_MISMATCH
        constexpr int processes = 5;                                  // SystemProcessInformation
        constexpr unsigned long most = 1UL << 28;
        for (unsigned long size = 1UL << 17; size <= most; size *= 2) {
            records_.reset(new (std::nothrow) std::byte[size]);
            if (!records_) {
                break;
            }
            unsigned long used = 0;
            const nt_status returned =
                ZwQuerySystemInformation(processes, records_.get(), size, &used);
            if (returned != too_small) {
                size_ = succeeded(returned, error) ? (std::min)(used, size) : 0;
                return;
            }
        }
        error = make_error(std::errc::not_enough_memory);
    }

    /// Calls the function with each record, until it returns false.
    template <class Function>
    void for_each(Function function) const {
        for (std::size_t at = 0; size_ - at >= sizeof(process_record);) {
            const auto& record = *reinterpret_cast<const process_record*>(records_.get() + at);
            if (!function(record) || record.next == 0 || record.next > size_ - at) {
                return;
            }
            at += record.next;
        }
    }

    /// The record of a process, null when it has none: it has ended, or is none.
    [[nodiscard]] const process_record* find(std::int64_t pid) const noexcept {
        const process_record* found = nullptr;
        for_each([&](const process_record& each) {
            found = static_cast<std::int64_t>(each.pid) == pid ? &each : nullptr;
            return found == nullptr;
        });
        return pid == 0 ? nullptr : found;
    }

private:
    std::unique_ptr<std::byte[]> records_;
    std::size_t size_ = 0;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
