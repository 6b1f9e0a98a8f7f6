// SPDX-License-Identifier: MIT
//
// How many CPUs and how much memory may this process use, and what limits them?
//
//     skyutil_example_container_limits
//     systemd-run --scope -p CPUQuota=150% -p MemoryMax=1G skyutil_example_container_limits

#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>

#include <iostream>

int main() {
    const skyutil::cpu_budget cpus = skyutil::get_cpu_budget();
    const skyutil::limit_source cpu_limit = cpus.limiting_factor();
    // A pool of threads is sized by the lower number, a batch job often by the higher one.
    std::cout << cpus.usable() << " CPUs, " << cpus.usable(skyutil::rounding::ceil)
              << " when rounded up; limited by the " << to_string(cpu_limit.kind) << " ("
              << cpu_limit.file << ")\n";

    const skyutil::memory_budget memory = skyutil::get_memory_budget();
    const skyutil::limit_source memory_limit = memory.limiting_factor();
    std::cout << skyutil::format_compact(static_cast<double>(memory.usable())) << " bytes, "
              << skyutil::format_compact(static_cast<double>(memory.available()))
              << " available now; limited by the " << to_string(memory_limit.kind) << " ("
              << memory_limit.file << ")\n";

    const skyutil::fd_limits descriptors = skyutil::raise_fd_limit(65536);
    std::cout << (descriptors.soft ? skyutil::format_float(*descriptors.soft) : "unlimited")
              << " descriptors, " << skyutil::open_fd_count() << " open\n";
}
