// SPDX-License-Identifier: MIT
//
// detail/os/windows/api/machine.hpp: what of Windows is called for CPUs, memory and jobs; see
// detail/os/windows/api.hpp.

#pragma once

#include <skyutil/detail/os/windows/api.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <cstdint>

struct _GROUP_AFFINITY;           // NOLINT(*-reserved-identifier,*-identifier-naming)
struct _MEMORYSTATUSEX;           // NOLINT(*-reserved-identifier,*-identifier-naming)
struct _PROCESS_MEMORY_COUNTERS;  // NOLINT(*-reserved-identifier,*-identifier-naming)

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

// GetCurrentProcess() and GetCurrentThread().
inline handle this_process() noexcept { return reinterpret_cast<handle>(std::intptr_t{-1}); }
inline handle this_thread() noexcept { return reinterpret_cast<handle>(std::intptr_t{-2}); }

/// GROUP_AFFINITY.
struct group_affinity {
    size_type mask;
    unsigned short group;
    std::array<unsigned short, 3> reserved;
};

/// MEMORYSTATUSEX.
struct memory_status {
    unsigned long size;
    unsigned long load;
    std::uint64_t physical;
    std::uint64_t available_physical;
    std::uint64_t commit_limit;
    std::uint64_t available_commit;
    std::uint64_t address_space;
    std::uint64_t available_address_space;
    std::uint64_t reserved;
};

/// PROCESS_MEMORY_COUNTERS.
struct process_memory {
    unsigned long size;
    unsigned long page_faults;
    size_type peak_working_set;
    size_type working_set;
    std::array<size_type, 4> pools;
    size_type commit;
    size_type peak_commit;
};

/// JOBOBJECT_EXTENDED_LIMIT_INFORMATION.
struct job_limits {
    std::array<std::int64_t, 2> times;
    std::uint32_t flags;
    size_type least_working_set;
    size_type most_working_set;
    std::uint32_t processes;
    size_type affinity;
    std::array<std::uint32_t, 2> priorities;
    std::array<std::uint64_t, 6> transfers;
    size_type process_memory;
    size_type job_memory;
    size_type peak_process_memory;
    size_type peak_job_memory;
};

/// JOBOBJECT_CPU_RATE_CONTROL_INFORMATION; `rate` is also the least one and, above it, the most.
struct job_cpu_rate {
    std::uint32_t flags;
    std::uint32_t rate;
};

/// JOBOBJECT_LIMIT_VIOLATION_INFORMATION.
struct job_use {
    std::array<std::uint32_t, 2> flags;
    std::array<std::uint64_t, 6> transfers_and_times;
    std::uint64_t memory;
    std::uint64_t memory_limit;
    std::array<std::uint32_t, 2> tolerances;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api {

extern "C" {

// kernel32.dll
__declspec(dllimport) unsigned long __stdcall GetActiveProcessorCount(unsigned short);
__declspec(dllimport) int __stdcall GetProcessGroupAffinity(handle, unsigned short*,
                                                            unsigned short*);
__declspec(dllimport) int __stdcall GetProcessHandleCount(handle, unsigned long*);
__declspec(dllimport) int __stdcall GetThreadGroupAffinity(handle, ::_GROUP_AFFINITY*);
__declspec(dllimport) int __stdcall GlobalMemoryStatusEx(::_MEMORYSTATUSEX*);
__declspec(dllimport) int __stdcall IsProcessInJob(handle, handle, int*);
int __stdcall K32GetProcessMemoryInfo(handle, ::_PROCESS_MEMORY_COUNTERS*, unsigned long);

// ntdll.dll
nt_status __stdcall ZwQueryInformationJobObject(handle, int, void*, unsigned long, unsigned long*);

}  // extern "C"

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api
