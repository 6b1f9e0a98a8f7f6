// SPDX-License-Identifier: MIT
//
// Looking at the limits again and again.

#include <skyutil/system.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include "support_linux.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::resource_monitor;
using skyutil::resource_sample;
using skyutil::sysroot;

namespace {

std::atomic<std::size_t> allocations = 0;

const std::string slice = "/sys/fs/cgroup/user.slice/user-1000.slice/";

/// A machine whose files a test can change.
class machine {
public:
    explicit machine(const std::string& name = "v2_throttled_by_the_parent") {
        write_files(directory_, find_situation(name));
    }

    void write(const std::string& file, const std::string& text) const {
        write_file(place_in(directory_, file), text);
    }

    [[nodiscard]] sysroot root() const { return {directory_.path()}; }

private:
    no_overrides clean_;
    temporary_directory directory_;
};

}  // namespace

// NOLINTBEGIN(*-no-malloc)
void* operator new(std::size_t size) {
    ++allocations;
    void* const memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND(*-no-malloc)

TEST_CASE("a sample has what the budgets have") {
    const machine of;
    of.write(slice + "memory.current", "123456789\n");
    const resource_sample sample = resource_monitor(of.root()).sample();
    const skyutil::cpu_budget cpus = skyutil::get_cpu_budget(of.root());
    const skyutil::memory_budget memory = skyutil::get_memory_budget(of.root());
    CHECK(sample.cpus == 3);
    CHECK(sample.memory == memory.usable());
    CHECK(sample.memory_usage == 123456789);
    CHECK(sample.memory_usage == memory.usage);
    REQUIRE(sample.throttled);
    CHECK(sample.throttled->periods == cpus.throttled->periods);
    CHECK(sample.throttled->throttled_periods == cpus.throttled->throttled_periods);
    CHECK(sample.throttled->throttled_time == cpus.throttled->throttled_time);
}

TEST_CASE("in every situation a sample agrees with the budgets") {
    const no_overrides clean;
    for (const situation& each : situations()) {
        const temporary_directory root;
        write_files(root, each);
        INFO(each.name);
        const resource_sample sample = resource_monitor(sysroot{root.path()}).sample();
        CHECK(sample.cpus == each.expected["usable"]);
        const skyutil::memory_budget memory = skyutil::get_memory_budget(sysroot{root.path()});
        CHECK(sample.memory == memory.usable());
        CHECK(sample.memory_usage == memory.usage);
        CHECK(sample.throttled.has_value() == each.expected.contains("throttled"));
    }
}

TEST_CASE("samples of this system agree with the functions") {
    const no_overrides clean;
    resource_monitor monitor;
    const resource_sample sample = monitor.sample();
    CHECK(sample.cpus == skyutil::get_cpu_count());
    CHECK(static_cast<double>(sample.memory) / gib == skyutil::get_mem_size_gb());
    CHECK(sample.throttled.has_value() == skyutil::get_cpu_budget().throttled.has_value());
}

TEST_CASE("a sample is read now, whatever the age that is allowed otherwise") {
    const machine of;
    resource_monitor monitor(of.root(), std::chrono::hours(1));
    CHECK(monitor.cpu_count() == 3);
    CHECK(monitor.sample().cpus == 3);
    of.write(slice + "cpu.max", "500000 100000\n");
    CHECK(monitor.cpu_count() == 3);
    CHECK(monitor.sample().cpus == 5);
}

TEST_CASE("a change of the limits is told once, with what was before") {
    const machine of;
    resource_monitor monitor(of.root());
    std::vector<std::pair<resource_sample, resource_sample>> changes;
    monitor.on_change([&](const resource_sample& before, const resource_sample& now) {
        changes.emplace_back(before, now);
    });
    monitor.sample();
    monitor.sample();
    CHECK(changes.empty());

    of.write(slice + "cpu.max", "500000 100000\n");
    monitor.sample();
    monitor.sample();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].first.cpus == 3);
    CHECK(changes[0].second.cpus == 5);

    of.write(slice + "memory.max", "8589934592\n");
    monitor.sample();
    REQUIRE(changes.size() == 2);
    CHECK(changes[1].first.memory == 4294967296);
    CHECK(changes[1].second.memory == 8589934592);

    of.write(slice + "memory.current", "4096\n");  // in use is no limit
    monitor.sample();
    CHECK(changes.size() == 2);
    monitor.on_change({});
    of.write(slice + "cpu.max", "max 100000\n");
    CHECK(monitor.sample().cpus == 8);
    CHECK(changes.size() == 2);
}

TEST_CASE("what is called at a change can throw, and the change counts as told") {
    const machine of;
    resource_monitor monitor(of.root());
    int calls = 0;
    monitor.on_change([&](const auto&, const auto&) {
        ++calls;
        throw std::runtime_error("no");
    });
    monitor.sample();
    of.write(slice + "cpu.max", "100000 100000\n");
    CHECK_THROWS_AS(monitor.sample(), std::runtime_error);
    CHECK(monitor.sample().cpus == 1);
    CHECK(calls == 1);
}

TEST_CASE("an override stands in samples too") {
    const machine of;
    const scoped_variable cpus("SKYUTIL_CPU_COUNT", "2.5");
    const scoped_variable memory("SKYUTIL_MEMORY_BYTES", "1000000.5");
    const resource_sample sample = resource_monitor(of.root()).sample();
    CHECK(sample.cpus == 2);
    CHECK(sample.memory == 1000000);
}

TEST_CASE("a sample that cannot be read is the one before") {
    const json answer = run_in_child([]() -> json {
        const machine of;
        resource_monitor monitor(of.root());
        int changes = 0;
        monitor.on_change([&](const auto&, const auto&) { ++changes; });
        const resource_sample before = monitor.sample();
        of.write(slice + "cpu.max", "100000 100000\n");
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_NOFILE, &none);
        const resource_sample now = monitor.sample();
        return {now.cpus == before.cpus && now.memory == before.memory && now.throttled.has_value(),
                changes};
    });
    CHECK(answer == json{true, 0});
}

TEST_CASE("samples allocate no memory") {
    const no_overrides clean;
    const auto count = [](resource_monitor& monitor) {
        monitor.sample();
        const std::size_t before = allocations;
        for (int i = 0; i < 100; ++i) {
            monitor.sample();
        }
        return allocations - before;
    };
    resource_monitor here;
    CHECK(count(here) == 0);
    for (const char* const name : {"v2_throttled_by_the_parent", "v1_throttled_in_nanoseconds",
                                   "v2_mounted_twice", "v1_co_mounted_controllers"}) {
        INFO(name);
        const temporary_directory directory;
        write_files(directory, find_situation(name));
        resource_monitor monitor(sysroot{directory.path()});
        CHECK(count(monitor) == 0);
    }
}
