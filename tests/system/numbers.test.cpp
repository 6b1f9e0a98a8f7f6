// SPDX-License-Identifier: MIT
//
// What is no number is no limit, wherever it stands, for every number of system.hpp.

#include <skyutil/system.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "support.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using skyutil::sysroot;

namespace {

void put(const temporary_directory& root, const std::string& name, std::string_view text) {
    const std::filesystem::path path = place_in(root, name);
    std::filesystem::create_directories(path.parent_path());
    write_file(path, text);
}

/// A number in a file, and what is made of it.
struct number_row {
    std::string file;
    std::string before;  // the text around the number
    std::string number;
    std::string after;
    std::function<std::optional<double>(const sysroot&)> read;
    double expected;
    enum { alone, in_a_line, in_a_column } place = alone;  // of a file of many lines
};

template <class T>
std::optional<double> to_double(const std::optional<T>& number) {
    return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
}

template <class Member>
auto of_cpus(Member member) {
    return [member](const sysroot& root) {
        std::error_code error;
        return to_double(skyutil::get_cpu_budget(root, error).*member);
    };
}

template <class Member>
auto of_memory(Member member) {
    return [member](const sysroot& root) {
        std::error_code error;
        return to_double(skyutil::get_memory_budget(root, error).*member);
    };
}

std::optional<double> pressure_of_cpus(const sysroot& root) {
    const auto pressure = skyutil::get_pressure(root).cpu;
    return pressure && pressure->some ? std::optional(pressure->some->avg10) : std::nullopt;
}

std::optional<double> total_pressure_of_cpus(const sysroot& root) {
    const auto pressure = skyutil::get_pressure(root).cpu;
    return pressure && pressure->some
               ? std::optional(static_cast<double>(pressure->some->total.count()))
               : std::nullopt;
}

std::optional<double> bytes_that_can_be_taken_back(const sysroot& root) {
    std::error_code error;
    const auto bytes = skyutil::get_memory_budget(root, error).reclaimable;
    return bytes && *bytes != 0 ? to_double(bytes) : std::nullopt;
}

using cpus = skyutil::cpu_budget;
using memory = skyutil::memory_budget;

const std::string limits_head = "Limit                     Soft Limit           Hard Limit\n";

std::vector<number_row> numbers_of_version_2() {
    const std::string group = "/sys/fs/cgroup";
    return {
        {group + "/cpu.max", "", "250000", " 100000\n", of_cpus(&cpus::quota), 2.5},
        {group + "/cpu.max", "250000 ", "100000", "\n", of_cpus(&cpus::quota), 2.5},
        {group + "/cpu.weight", "", "4", "\n", of_cpus(&cpus::request),
         (2 + 3 * 262142.0 / 9999) / 1024},
        {group + "/cpuset.cpus.effective", "0-", "3", "\n", of_cpus(&cpus::cpuset), 4},
        {group + "/cpuset.cpus.effective", "0-3,", "7", "\n", of_cpus(&cpus::cpuset), 5},
        {group + "/memory.max", "", "4096", "\n", of_memory(&memory::limit), 4096},
        {group + "/memory.high", "", "4096", "\n", of_memory(&memory::soft_limit), 4096},
        {group + "/memory.swap.max", "", "4096", "\n", of_memory(&memory::swap_limit), 4096},
        {group + "/memory.current", "", "4096", "\n", of_memory(&memory::usage), 4096},
        {group + "/memory.stat", "anon 1\nactive_file ", "64", "\nfile 1\n",
         bytes_that_can_be_taken_back, 64, number_row::in_a_line},
        {group + "/cpu.pressure", "some avg10=", "12.34", " avg60=1.00 avg300=0.00 total=7\n",
         pressure_of_cpus, 12.34, number_row::in_a_line},
        {group + "/cpu.pressure", "some avg10=0.00 avg60=1.00 avg300=0.00 total=", "7", "\n",
         total_pressure_of_cpus, 7, number_row::in_a_line},
        {"/sys/devices/system/cpu/online", "0-", "3", "\n", of_cpus(&cpus::online), 4},
        {"/proc/meminfo", "MemTotal:       ", "16", " kB\n", of_memory(&memory::physical), 16384,
         number_row::in_a_column},
        {"/proc/meminfo", "MemTotal: 1 kB\nMemAvailable:   ", "16", " kB\n",
         of_memory(&memory::machine_available), 16384, number_row::in_a_column},
        {"/proc/self/status", "Cpus_allowed_list:\t", "7", "\n", of_cpus(&cpus::affinity), 1,
         number_row::in_a_column},
        {"/proc/self/limits", limits_head + "Max address space         ", "4096",
         "                 unlimited            bytes     \n",
         of_memory(&memory::address_space_limit), 4096, number_row::in_a_column},
        {"/proc/self/limits", limits_head + "Max data size             ", "4096",
         "                 4096                 bytes     \n", of_memory(&memory::data_limit), 4096,
         number_row::in_a_column},
    };
}

std::vector<number_row> numbers_of_version_1() {
    const std::string cpu = "/sys/fs/cgroup/cpu";
    const std::string all = "/sys/fs/cgroup/memory";
    return {
        {cpu + "/cpu.cfs_quota_us", "", "250000", "\n", of_cpus(&cpus::quota), 2.5},
        {cpu + "/cpu.cfs_period_us", "", "100000", "\n", of_cpus(&cpus::quota), 2.5},
        {cpu + "/cpu.shares", "", "512", "\n", of_cpus(&cpus::request), 0.5},
        {all + "/memory.limit_in_bytes", "", "4096", "\n", of_memory(&memory::limit), 4096},
        {all + "/memory.soft_limit_in_bytes", "", "4096", "\n", of_memory(&memory::soft_limit),
         4096},
        {all + "/memory.usage_in_bytes", "", "4096", "\n", of_memory(&memory::usage), 4096},
        {all + "/memory.stat", "cache 1\nhierarchical_memory_limit ", "4096", "\n",
         of_memory(&memory::limit), 4096, number_row::in_a_line},
    };
}

/// What is no such number, but looks like one to strtoull, stoi or a trim.
std::vector<std::string> garbled(const number_row& row) {
    const std::string& n = row.number;
    std::vector<std::string> texts{n + "\t",       n + "\r",
                                   n + "\v",       n + "x",
                                   n + ",",        n + ".",
                                   "+" + n,        "-" + n,
                                   "0" + n,        "0x" + n,
                                   n + " 1",       n + "_0",
                                   n + "e0",       "",
                                   "\r\r" + n,     "\v" + n,
                                   "\f" + n,       n + std::string(1, '\0'),
                                   "\xc2\xa0" + n, "99999999999999999999"};
    if (row.place != number_row::in_a_column) {
        texts.insert(texts.end(), {" " + n, "\t" + n, n + " "});
    }
    if (row.place == number_row::alone) {
        texts.push_back(n + "\n" + n);
    }
    return texts;
}

void check_numbers(const std::vector<number_row>& rows,
                   const std::vector<std::pair<std::string, std::string>>& files) {
    std::size_t tried = 0;
    for (const number_row& row : rows) {
        const temporary_directory root;
        for (const auto& [name, text] : files) {
            put(root, name, text);
        }
        const auto read_with = [&](const std::string& number) {
            put(root, row.file, row.before + number + row.after);
            return row.read(sysroot{root.path()});
        };
        INFO(row.file << ": " << row.before << row.number << row.after);
        const std::optional<double> found = read_with(row.number);
        REQUIRE(found);
        CHECK(*found == Catch::Detail::Approx(row.expected));
        const std::vector<std::string> texts = garbled(row);
        for (std::size_t i = tried++ % each_of_many; i < texts.size(); i += each_of_many) {
            INFO("instead: " << Catch::Detail::stringify(texts[i]));
            CHECK_FALSE(read_with(texts[i]));
        }
        if (row.after == "\n") {
            put(root, row.file, row.before + row.number);
            CHECK(row.read(sysroot{root.path()}));  // the end of the file will do
            put(root, row.file, row.before + row.number + "\r\n");
            CHECK_FALSE(row.read(sysroot{root.path()}));
        }
    }
}

}  // namespace

TEST_CASE("what the kernel does not write is no number of version 2 and of the machine") {
    const no_overrides clean;
    check_numbers(
        numbers_of_version_2(),
        {{"/proc/self/cgroup", "0::/\n"},
         {"/proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"},
         {"/sys/fs/cgroup/memory.current", "100000\n"}});
}

TEST_CASE("what the kernel does not write is no number of version 1") {
    const no_overrides clean;
    check_numbers(numbers_of_version_1(),
                  {{"/proc/self/cgroup", "2:memory:/\n1:cpu:/\n"},
                   {"/proc/self/mountinfo",
                    "31 30 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                    "32 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"},
                   {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000\n"},
                   {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}});
}

TEST_CASE("texts for cpu.max that the kernel never writes are no quota") {
    const no_overrides clean;
    const temporary_directory root;
    put(root, "/proc/self/cgroup", "0::/\n");
    put(root, "/proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    put(root, "/sys/devices/system/cpu/online", "0-63\n");
    for (const char* const text :
         {"\r\r 18", "123 \r\r", "500000\n", "500000", "500000 \n", " 500000", "max\n", "max",
          "max max\n", "max 100000 1\n", "MAX 100000\n", "maximum 100000\n", "200000,100000\n",
          "200000  100000\n", "200000\n100000\n", "200000 100000\n200000 100000\n"}) {
        INFO(Catch::Detail::stringify(std::string(text)));
        put(root, "/sys/fs/cgroup/cpu.max", text);
        CHECK_FALSE(skyutil::get_cpu_budget(sysroot{root.path()}).quota);
        CHECK(skyutil::get_cpu_budget(sysroot{root.path()}).usable() == 64);
        CHECK(skyutil::resource_monitor(sysroot{root.path()}).cpu_count() == 64);
    }
}
