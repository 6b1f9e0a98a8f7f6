// SPDX-License-Identifier: MIT

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"

#include <skyutil/process.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace program {

namespace {

/// Negative ones, which no process has, are no error: they are not alive.
std::int64_t to_pid(const argument& pid) { return to_number<std::int64_t>(pid); }

/// Waits until all have ended, at most for as long as the time.
void wait_for(const std::vector<std::int64_t>& pids, seconds time) {
    using clock = std::chrono::steady_clock;
    std::vector<skyutil::process_handle> handles;
    for (const std::int64_t pid : pids) {
        std::error_code error;
        skyutil::process_handle handle = skyutil::process_handle::open(pid, error);
        if (!error) {
            handles.push_back(std::move(handle));
        } else if (error != std::errc::no_such_process) {
            throw std::system_error(error, "cannot wait for process " + std::to_string(pid));
        }
    }
    const auto begin = clock::now();
    for (const skyutil::process_handle& handle : handles) {
        static_cast<void>(handle.wait(time - (clock::now() - begin)));
    }
}

int alive(const std::vector<std::int64_t>& pids, std::optional<seconds> wait, bool as_json) {
    if (wait) {
        wait_for(pids, *wait);
    }
    json list = json::array();
    bool all = true;
    for (const std::int64_t pid : pids) {
        const bool running = skyutil::is_process_alive(pid);
        const bool exists = skyutil::pid_exists(pid);
        all = all && running;
        if (as_json) {
            list.push_back({{"pid", pid}, {"alive", running}, {"exists", exists}});
        } else {
            std::cout << pid
                      << (running  ? " is alive\n"
                          : exists ? " is a zombie\n"
                                   : " does not exist\n");
        }
    }
    if (as_json) {
        print(list);
    }
    return all ? yes : no;
}

struct kill_tree_arguments {
    std::int64_t pid = 0;
    seconds grace{10};
    bool force = false;
    bool children = false;
};

int kill_tree(const kill_tree_arguments& arguments, bool as_json) {
    skyutil::kill_tree_options options;
    options.grace = std::chrono::ceil<std::chrono::milliseconds>(arguments.grace);
    options.force = arguments.force;
    options.include_root = !arguments.children;
    const skyutil::kill_report report = skyutil::kill_process_tree(arguments.pid, options);
    if (as_json) {
        json left = json::array();
        for (const auto& [pid, error] : report.left) {
            left.push_back({{"pid", pid}, {"error", error.message()}});
        }
        print({{"signalled", report.signalled},
               {"killed", report.killed},
               {"left", std::move(left)}});
        return report.left.empty() ? yes : no;
    }
    for (const std::int64_t pid : report.signalled) {
        const bool killed =
            std::find(report.killed.begin(), report.killed.end(), pid) != report.killed.end();
        const bool left = std::any_of(report.left.begin(), report.left.end(),
                                      [&](const auto& each) { return each.pid == pid; });
        if (!left) {
            std::cout << pid << (killed ? " was killed\n" : " ended\n");
        }
    }
    for (const auto& [pid, error] : report.left) {
        std::cout << pid << " is left: " << error.message() << '\n';
    }
    return report.left.empty() ? yes : no;
}

int ps(std::int64_t root, bool as_json) {
    const std::vector<skyutil::process_info> tree = skyutil::process_tree(root);
    if (as_json) {
        json list = json::array();
        for (const auto& [pid, parent, name, alive] : tree) {
            json info{{"pid", pid}, {"parent", parent}};
            set_text(info, "name", name);
            info["alive"] = alive;
            list.push_back(std::move(info));
        }
        print(list);
        return yes;
    }
    std::map<std::int64_t, std::vector<const skyutil::process_info*>> children;
    for (auto info = tree.begin() + 1; info < tree.end(); ++info) {
        children[info->parent].push_back(&*info);
    }
    // Depth first, without a call for each level: trees can be deep.
    std::vector<std::pair<const skyutil::process_info*, std::size_t>> left{{&tree.front(), 0}};
    while (!left.empty()) {
        const auto [info, depth] = left.back();
        left.pop_back();
        std::cout << std::string(2 * depth, ' ') << info->pid << ' ' << printable(info->name)
                  << (info->alive ? "\n" : " (zombie)\n");
        for (const auto* const child : std::views::reverse(children[info->pid])) {
            left.emplace_back(child, depth + 1);
        }
    }
    return yes;
}

}  // namespace

command alive_command() {
    const auto pids = std::make_shared<std::vector<std::int64_t>>();
    const auto wait = std::make_shared<std::optional<seconds>>();
    return {.name = "alive",
            .summary = "Tell whether processes are alive: exit code 0 when all are",
            .options = {{.names = "--wait",
                         .help = "Wait until all have ended first, at most so long",
                         .value = "TIME",
                         .set = [=](const argument& time) { *wait = to_time(time); }}},
            .operands = {.name = "pid",
                         .help = "Process ids",
                         .least = 1,
                         .kind = kind::process,
                         .add = [=](const argument& pid) { pids->push_back(to_pid(pid)); }},
            .run = [=](bool as_json) { return alive(*pids, *wait, as_json); }};
}

command kill_tree_command() {
    const auto with = std::make_shared<kill_tree_arguments>();
    return {.name = "kill-tree",
            .summary = "End a process and all it started: exit code 0 when none of them is left",
            .options = {{.names = "--grace",
                         .help = "From SIGTERM to SIGKILL",
                         .value = "TIME",
                         .by_default = "10",
                         .set = [=](const argument& time) { with->grace = to_time(time); }},
                        {.names = "--force", .help = "SIGKILL at once", .set = call([=] {
                                                                            with->force = true;
                                                                        })},
                        {.names = "--children",
                         .help = "Spare the process itself",
                         .set = call([=] { with->children = true; })}},
            .operands = {.name = "pid",
                         .help = "A process id",
                         .least = 1,
                         .most = 1,
                         .kind = kind::process,
                         .add = [=](const argument& pid) { with->pid = to_pid(pid); }},
            .run = [=](bool as_json) { return kill_tree(*with, as_json); }};
}

command ps_command() {
    const auto root = std::make_shared<std::int64_t>();
    return {.name = "ps",
            .summary = "Show a process and all it started",
            .operands = {.name = "pid",
                         .help = "A process id",
                         .least = 1,
                         .most = 1,
                         .kind = kind::process,
                         .add = [=](const argument& pid) { *root = to_pid(pid); }},
            .run = [=](bool as_json) { return ps(*root, as_json); }};
}

}  // namespace program
