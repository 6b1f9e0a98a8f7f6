// SPDX-License-Identifier: MIT

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"
#include "system.hpp"

#include <skyutil/files.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/workers.hpp>
#if defined(SKYUTIL_PROGRAM_WITH_HASH)
#include <skyutil/hash.hpp>
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace program {

namespace {

/// Makes a file in a directory and returns its path.
std::filesystem::path write(const skyutil::temporary_directory& directory, const std::string& name,
                            std::string_view text) {
    std::filesystem::path file = directory.path() / name;
    skyutil::write_file_atomic(file, text);
    return file;
}

struct check_result {
    std::string function;
    std::string shown;
    bool works;
};

/// Calls every function on something real whose answer is known from elsewhere.
std::vector<check_result> run_checks() {
    std::vector<check_result> results;
    const auto check = [&](std::string function,
                           const std::function<std::pair<std::string, bool>()>& call) {
        try {
            auto [shown, works] = call();
            results.push_back({std::move(function), std::move(shown), works});
        } catch (const std::exception& e) {
            results.push_back({std::move(function), explain(e), false});
        }
    };
    const std::int64_t self = own_process_id();

    check("get_cpu_count", [] {
        const int cpus = skyutil::get_cpu_count();
        return std::pair(std::to_string(cpus) + " CPUs",
                         cpus == skyutil::get_cpu_budget().usable());
    });
    check("get_mem_size_gb", [] {
        const double size = skyutil::get_mem_size_gb();
        return std::pair(skyutil::format_float(size, 2) + " GiB", size > 0);
    });
    check("get_parallel_threads", [] {
        const int threads = skyutil::get_parallel_threads();
        return std::pair(
            std::to_string(threads) + " threads",
            threads >= 4 && skyutil::get_parallel_threads("Kubernetes") == 4 * threads);
    });
    check("is_process_alive", [&] {
        return std::pair("process " + std::to_string(self) + ", which is this one",
                         skyutil::is_process_alive(self) && skyutil::pid_exists(self) &&
                             !skyutil::is_process_alive(0) && !skyutil::is_process_alive(-1));
    });
    check("process_handle", [&] {
        const auto handle = skyutil::process_handle::open(self);
        return std::pair("process " + std::to_string(handle.pid()) + ", and nobody else",
                         handle.alive() && !handle.wait(std::chrono::seconds(0)));
    });
    check("child_processes", [&] {
        const auto children = skyutil::child_processes(self);
        const auto tree = skyutil::process_tree(self);
        return std::pair(std::to_string(children.size()) + " of process " + std::to_string(self),
                         tree.size() == children.size() + 1 && tree.front().pid == self);
    });
    check("kill_process_tree", [] {
        std::error_code error;
        static_cast<void>(skyutil::kill_process_tree(-1, error));
        return std::pair(std::string("refuses process -1"), error == std::errc::no_such_process);
    });
    check("find_free_port", [] {
        std::uint16_t port = skyutil::find_free_port(20000);
        for (int taken = 0; taken != 20 && !skyutil::is_port_available(port); ++taken) {
            port = skyutil::find_free_port(20000);  // another program was faster
        }
        return std::pair("port " + std::to_string(port),
                         port >= 20000 && skyutil::is_port_available(port));
    });
    check("read_last_n_lines", [] {
        const skyutil::temporary_directory scratch;
        const auto file = write(scratch, "log", "first\nsecond\nthird");
        return std::pair(
            std::string("the last 2 lines of a file of 3"),
            skyutil::read_last_n_lines(file, 2) == std::vector<std::string>{"second", "third"});
    });
#if defined(SKYUTIL_PROGRAM_WITH_HASH)
    check("hash_file", [] {
        const skyutil::temporary_directory scratch;
        const std::string hex = skyutil::hash_file(write(scratch, "abc", "abc"), "sha256").hex();
        return std::pair(
            "SHA-256 " + skyutil::truncate_long_string(hex, 19, skyutil::truncate_mode::exact),
            hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    });
#endif
    check("estimate_fd_for_directory", [] {
        const skyutil::temporary_directory scratch;
        static_cast<void>(write(scratch, "a", ""));
        static_cast<void>(write(scratch, "b", ""));
        const std::size_t descriptors = skyutil::estimate_fd_for_directory(scratch.path());
        return std::pair(std::to_string(descriptors) + " descriptors for 2 files",
                         descriptors == 10);
    });
    check("get_max_workers_for_file_mounts", [] {
        const skyutil::temporary_directory scratch;
        const int workers = skyutil::get_max_workers_for_file_mounts({scratch.path()});
        return std::pair(std::to_string(workers) + " workers",
                         workers >= 1 && workers <= skyutil::get_parallel_threads());
    });
    check("base36_encode", [] {
        const std::string text = skyutil::base36_encode("deadbeef");
        return std::pair("deadbeef is " + text,
                         text == "1ps9wxb" && skyutil::base36_decode(text) == "deadbeef");
    });
    check("format_float", [] {
        const std::string text = skyutil::format_float(1234567.89, 1);
        return std::pair("1234567.89 is " + text,
                         text == "1234567.9" && skyutil::format_float(2.0) == "2");
    });
    check("truncate_long_string", [] {
        const std::string text =
            skyutil::truncate_long_string("a caf\u00e9 in Z\u00fcrich and one in K\u00f6ln", 17);
        return std::pair(text, text == "a caf\u00e9 in Z\u00fcrich and...");
    });
    return results;
}

/// Returns a sentence about what the quota has cost between two looks; empty where it has not.
std::string throttled_between(const std::optional<skyutil::cpu_throttling>& before,
                              const std::optional<skyutil::cpu_throttling>& now) {
    if (!before || !now || now->throttled_periods <= before->throttled_periods) {
        return {};  // fewer: the process is in another group now
    }
    const auto waited = now->throttled_time - before->throttled_time;
    return "The CPU quota was used up in " +
           std::to_string(now->throttled_periods - before->throttled_periods) + " of " +
           std::to_string(now->periods - before->periods) +
           " periods since the last page, and threads waited for " +
           skyutil::format_float(std::chrono::duration<double>(waited).count(), 2) +
           " s: there are more of them at work than it has CPUs.";
}

/// Prints a page again and again, until the program is ended or the output cannot be written. A
/// terminal is cleared first.
int watch(seconds interval, bool as_json) {
    std::optional<skyutil::cpu_throttling> before;
    const bool is_terminal = output_is_terminal();
    auto next = std::chrono::steady_clock::now();
    for (bool first = true; std::cout; first = false) {
        const auto now = skyutil::get_cpu_budget().throttled;
        const std::string held_back = throttled_between(std::exchange(before, now), now);
        if (as_json) {
            std::cout << skyutil::describe_resources(skyutil::description_form::json) << '\n';
        } else {
            std::cout << (is_terminal ? "\x1b[H\x1b[2J"
                          : first     ? ""
                                      : "\n")
                      << skyutil::describe_resources()
                      << (held_back.empty() ? "" : "\n" + held_back + "\n");
        }
        std::cout.flush();
        next += std::chrono::duration_cast<std::chrono::steady_clock::duration>(interval);
        std::this_thread::sleep_until(next);
    }
    return yes;
}

struct inspect_arguments {
    seconds interval{0};
    bool as_metrics = false;
};

int inspect(const inspect_arguments& arguments, bool as_json) {
    if (arguments.as_metrics && (as_json || arguments.interval.count() != 0)) {
        throw std::invalid_argument("--openmetrics cannot be given with --json or --watch");
    }
    if (arguments.as_metrics) {
        std::cout << skyutil::describe_resources(skyutil::description_form::openmetrics);
        return yes;
    }
    if (arguments.interval.count() != 0) {
        return watch(arguments.interval, as_json);
    }
    const std::vector<check_result> checks = run_checks();
    std::size_t working = 0;
    for (const check_result& check : checks) {
        working += check.works ? 1 : 0;
    }
    if (as_json) {
        json list = json::array();
        for (const auto& [function, shown, works] : checks) {
            json entry{{"function", function}, {"works", works}};
            set_text(entry, "shown", shown);
            list.push_back(std::move(entry));
        }
        json page = json::parse(skyutil::describe_resources(skyutil::description_form::json));
        page["parallel_threads"] = skyutil::get_parallel_threads();
        page["checks"] = std::move(list);
        print(page);
        return working == checks.size() ? yes : no;
    }

    std::cout << skyutil::describe_resources() << "\nThreads                 "
              << skyutil::get_parallel_threads() << " to work in parallel\n";
    std::cout << "\nEvery function, called here:\n";
    for (const auto& [function, shown, works] : checks) {
        std::string line = (works ? "  ok      " : "  FAILED  ") + function;
        line.resize(44, ' ');
        std::cout << line << printable(shown) << '\n';
    }
    std::cout << working << " of " << checks.size() << " work\n";
    return working == checks.size() ? yes : no;
}

}  // namespace

command inspect_command() {
    const auto with = std::make_shared<inspect_arguments>();
    return {
        .name = "inspect",
        .summary = "Show what this process may use and why, and try every function here",
        .options = {{.names = "--watch",
                     .help = "Show what may be used again and again; tries no function",
                     .value = "SECONDS",
                     .set =
                         [=](const argument& time) {
                             with->interval = to_time(time);
                             if (with->interval < std::chrono::milliseconds(10)) {
                                 throw std::invalid_argument(
                                     "--watch: '" + time.text +
                                     "' is less than the shortest time allowed, 10 milliseconds");
                             }
                         }},
                    {.names = "--openmetrics",
                     .help = "Show what may be used as metrics; tries no function",
                     .set = call([=] { with->as_metrics = true; })}},
        .run = [=](bool as_json) { return inspect(*with, as_json); },
        .details =
            "The metrics are OpenMetrics and the text format of Prometheus at once, such "
            "as the textfile collector of its node exporter reads. With --watch, --json "
            "prints one line each time."};
}

}  // namespace program
