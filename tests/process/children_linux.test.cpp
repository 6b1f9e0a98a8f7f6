// SPDX-License-Identifier: MIT
//
// The children of a process.

#include <skyutil/process.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "process/nursery_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::kill_report;
using skyutil::kill_tree_options;
using skyutil::process_handle;

TEST_CASE("child_processes lists children, and with true or kinship::descendants all below") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            start([] { start(); });
            // One that a thread starts is a child as well.
            std::thread([] { start(); }).join();
        });
        await_processes(4);
        std::vector<std::int64_t> children;
        std::vector<std::int64_t> all;
        for (int i = 1; i < 4; ++i) {
            const pid_t pid = shared->pids.at(static_cast<std::size_t>(i));
            const auto stat = skyutil::detail::os::sys::parse_process_stat(
                read_file("/proc/" + std::to_string(pid) + "/stat"));
            all.push_back(pid);
            if (stat && stat->parent == static_cast<std::uint64_t>(root)) {
                children.push_back(pid);
            }
        }
        using skyutil::child_processes, skyutil::kinship;
        std::error_code error = std::make_error_code(std::errc::io_error);
        const auto found = child_processes(root, true);
        json result = {
            {"children", {children.size(), sorted(child_processes(root)) == sorted(children)}},
            {"all", sorted(found) == sorted(all)},
            {"parents first",
             std::is_permutation(found.begin(), found.begin() + 2, children.begin())},
            {"forms", child_processes(root, false) == child_processes(root) &&
                          child_processes(root, kinship::children) == child_processes(root) &&
                          child_processes(root, kinship::descendants) == found &&
                          child_processes(root, true, error) == found &&
                          child_processes(root, kinship::descendants, error) == found &&
                          child_processes(root, error) == child_processes(root) && !error},
            {"own", child_processes(::getpid()) == std::vector<std::int64_t>{root}}};
        const auto tree = skyutil::process_tree(root);
        result["tree"] = tree.size() == 4 && tree.front().pid == root &&
                         tree.front().parent == ::getpid() && tree.front().alive &&
                         std::equal(found.begin(), found.end(), tree.begin() + 1,
                                    [](auto pid, const auto& info) { return pid == info.pid; });
        return result;
    });
    CHECK(answer == json{{"children", {2, true}},
                         {"all", true},
                         {"parents first", true},
                         {"forms", true},
                         {"own", true},
                         {"tree", true},
                         {"left over", 4}});
}

TEST_CASE("a zombie is a child, and has a name") {
    const json answer = in_nursery([] {
        const pid_t pid = start([] {
            ::prctl(PR_SET_NAME, "a) Z 1\n (b");
            ::_exit(0);
        });
        await_zombie(pid);
        const auto tree = skyutil::process_tree(::getpid());
        return json{{"children", skyutil::child_processes(::getpid())},
                    {"pid", pid},
                    {"tree", {tree.size(), tree.back().name, tree.back().alive}}};
    });
    CHECK(answer["children"] == json::array({answer["pid"]}));
    CHECK(answer["tree"] == json{2, "a) Z 1\n (b", false});
}

TEST_CASE("what is no process has no children, and cannot be ended") {
    const json answer = in_nursery([] {
        ::setpgid(0, 0);
        for (int signal = 1; signal < NSIG; ++signal) {
            ::signal(signal, count_signal);
        }
        ::signal(SIGCHLD, SIG_DFL);
        const pid_t bystander = start();
        await_processes(1);
        std::vector<std::int64_t> ids = impossible_pids;
        ids.push_back(process_that_was());
        ids.push_back(-::getpgrp());
        ids.push_back(-bystander);
        json wrong = json::array();
        for (const std::int64_t pid : ids) {
            std::error_code errors[4];
            static_cast<void>(skyutil::child_processes(pid, true, errors[0]));
            static_cast<void>(skyutil::kill_process_tree(pid, impatient, errors[1]));
            static_cast<void>(skyutil::kill_process_tree(pid, forced, errors[2]));
            static_cast<void>(skyutil::terminate_process(pid, 10ms, errors[3]));
            for (const std::error_code& error : errors) {
                if (error != std::errc::no_such_process) {
                    wrong.push_back({pid, error.value()});
                }
            }
        }
        return json{{"wrong", wrong},
                    {"signals", shared->signals.load()},
                    {"bystander", skyutil::is_process_alive(bystander)}};
    });
    CHECK(answer ==
          json{{"wrong", json::array()}, {"signals", 0}, {"bystander", true}, {"left over", 1}});
}

TEST_CASE("process 1 is never signalled, nor is the calling process") {
    const json answer = in_nursery([] {
        drop_privileges();  // the first process is nobody's to kill, should this fail
        std::error_code error;
        json result = json::array();
        const auto refused = [&](const kill_report& report) {
            result.push_back(error == std::errc::operation_not_permitted &&
                             report.signalled.empty() && report.left.empty());
        };
        for (const kill_tree_options& options :
             {kill_tree_options{.force = true}, kill_tree_options{.include_root = false}}) {
            refused(skyutil::kill_process_tree(1, options, error));
        }
        refused(skyutil::terminate_process(1, 0ms, error));
        refused(skyutil::terminate_process(::getpid(), 0ms, error));
        const process_handle self = process_handle::open(::getpid());
        result.push_back(!self.terminate(0ms, error) &&
                         error == std::errc::operation_not_permitted);
        return json{{"refused", result}};
    });
    CHECK(answer["refused"] == json{true, true, true, true, true});
}
