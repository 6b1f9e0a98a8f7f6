// SPDX-License-Identifier: MIT
//
// Runs in a machine and tells, as JSON with one member a line, what the library says there.
//
//     probe                       what it says now
//     probe after FILE VALUE      asks, writes the value, waits 20 ms, tells what it says then
//     probe after_command COMMAND the same with a command in place of a writing
//     probe thread FILE           tells what it says in a second thread that wrote 0 to the file
//     probe under CHANGE COMMAND  changes this process, then becomes the command; the changes:
//                                 cgroup_namespace, fifo, user=ID
//
// What a situation shall be able to expect is a line in tell().

#include <skyutil/system.hpp>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

[[noreturn]] void fail(const std::string& what) {
    std::cerr << "probe: " << what << ": " << std::strerror(errno) << '\n';
    std::exit(1);
}

class members {
public:
    void add(std::string_view name, std::string_view text) {
        std::string quoted = "\"";
        for (const char c : text) {
            if (c == '"' || c == '\\') {
                quoted += '\\';
            }
            if (static_cast<unsigned char>(c) < ' ') {
                std::array<char, 8> escape{};
                std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
                quoted += escape.data();
            } else {
                quoted += c;
            }
        }
        add_raw(name, quoted + '"');
    }

    void add(std::string_view name, double value) {
        std::array<char, 400> digits{};
        const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                                std::chars_format::fixed);
        add_raw(name, std::string(digits.data(), end));
    }

    void add(std::string_view name, int value) { add_raw(name, std::to_string(value)); }
    void add(std::string_view name, std::uint64_t value) { add_raw(name, std::to_string(value)); }

    template <class Value>
    void add(std::string_view name, const std::optional<Value>& value) {
        value ? add(name, *value) : add_raw(name, "null");
    }

    [[nodiscard]] std::string text() const { return "{\n" + lines_ + "\n}\n"; }

private:
    void add_raw(std::string_view name, const std::string& value) {
        lines_ += (lines_.empty() ? "  \"" : ",\n  \"") + std::string(name) + "\": " + value;
    }

    std::string lines_;
};

/// How the kernel takes a mask of 1024 CPUs, the size of cpu_set_t.
std::string ask_with_small_mask() {
    std::array<unsigned long, 1024 / (8 * sizeof(unsigned long))> mask{};
    const long size = ::syscall(SYS_sched_getaffinity, 0, sizeof mask, mask.data());
    return size >= 0 ? "enough" : errno == EINVAL ? "EINVAL" : std::strerror(errno);
}

std::string tell() {
    // First, as it may still know an answer of before.
    const int count = skyutil::get_cpu_count();
    const auto size = static_cast<std::uint64_t>(skyutil::get_mem_size_gb() * 1024 * 1024 * 1024);
    const skyutil::cpu_budget cpu = skyutil::get_cpu_budget();
    const skyutil::memory_budget memory = skyutil::get_memory_budget();
    const skyutil::limit_source cpu_factor = cpu.limiting_factor();
    const skyutil::limit_source memory_factor = memory.limiting_factor();

    members out;
    out.add("count", count);
    out.add("usable", cpu.usable());
    out.add("usable_rounded_up", cpu.usable(skyutil::rounding::ceil));
    out.add("online", cpu.online);
    out.add("affinity", cpu.affinity);
    out.add("cpuset", cpu.cpuset);
    out.add("cpuset_file", cpu.cpuset_file);
    out.add("quota", cpu.quota);
    out.add("quota_file", cpu.quota_file);
    out.add("request", cpu.request);
    out.add("cpu_factor", skyutil::to_string(cpu_factor.kind));
    out.add("cpu_factor_file", cpu_factor.file);
    out.add("size", size);
    out.add("usable_memory", memory.usable());
    out.add("physical", memory.physical);
    out.add("limit", memory.limit);
    out.add("limit_file", memory.limit_file);
    out.add("soft_limit", memory.soft_limit);
    out.add("soft_limit_file", memory.soft_limit_file);
    out.add("swap_limit", memory.swap_limit);
    out.add("swap_limit_file", memory.swap_limit_file);
    out.add("usage_file", memory.usage_file);
    out.add("group_available_file", memory.group_available_file);
    out.add("memory_factor", skyutil::to_string(memory_factor.kind));
    out.add("memory_factor_file", memory_factor.file);
    out.add("mask_of_1024_cpus", ask_with_small_mask());
    return out.text();
}

// With a line break: a write of nothing does not reach the kernel.
void write_file(const char* name, const std::string& text) {
    const std::string value = text + '\n';
    const int fd = ::open(name, O_WRONLY | O_CLOEXEC);
    if (fd == -1 || ::write(fd, value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
        fail("writing " + text + " to " + name);
    }
    ::close(fd);
}

void run(char** command) {
    pid_t child = 0;
    int status = 0;
    errno = ::posix_spawnp(&child, command[0], nullptr, nullptr, command, environ);
    if (errno != 0 || ::waitpid(child, &status, 0) == -1 || status != 0) {
        fail(command[0]);
    }
}

/// Where the machine gets too little time, the clock that its ticks drive falls behind by more than
/// the ten milliseconds that the library reckons with.
void wait_for_coarse_clock() {
    const auto read = [](clockid_t clock) {
        timespec time{};
        ::clock_gettime(clock, &time);
        return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    };
    while (read(CLOCK_MONOTONIC) - read(CLOCK_MONOTONIC_COARSE) > std::chrono::milliseconds(10)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

void change(std::string_view what) {
    if (what == "cgroup_namespace") {
        if (::unshare(CLONE_NEWCGROUP) == -1) {
            fail("unshare");
        }
    } else if (what == "fifo") {
        sched_param priority{};
        priority.sched_priority = 1;
        if (::sched_setscheduler(0, SCHED_FIFO, &priority) == -1) {
            fail("sched_setscheduler");
        }
    } else if (what.starts_with("user=")) {
        const auto id = static_cast<uid_t>(std::atoi(std::string(what.substr(5)).c_str()));
        if (::setgroups(0, nullptr) == -1 || ::setresgid(id, id, id) == -1 ||
            ::setresuid(id, id, id) == -1) {
            fail("setresuid");
        }
    } else {
        errno = EINVAL;
        fail(std::string(what));
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view mode = argc > 1 ? argv[1] : "";
    std::string said;
    if (mode.empty()) {
        said = tell();
    } else if ((mode == "after" && argc == 4) || (mode == "after_command" && argc > 2)) {
        static_cast<void>(skyutil::get_cpu_count());
        static_cast<void>(skyutil::get_mem_size_gb());
        mode == "after" ? write_file(argv[2], argv[3]) : run(argv + 2);
        // Commands change mounts, which may be looked up a second ago.
        std::this_thread::sleep_for(std::chrono::milliseconds(mode == "after" ? 20 : 1020));
        wait_for_coarse_clock();
        said = tell();
    } else if (mode == "thread" && argc == 3) {
        std::thread([&] {
            write_file(argv[2], "0");
            said = tell();
        }).join();
    } else if (mode == "under" && argc > 3) {
        change(argv[2]);
        ::execvp(argv[3], argv + 3);
        fail(argv[3]);
    } else {
        errno = EINVAL;
        fail("arguments");
    }
    std::cout << said << std::flush;
    return std::cout ? 0 : 1;
}
