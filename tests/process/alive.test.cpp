// SPDX-License-Identifier: MIT

#include <skyutil/process.hpp>
#include <skyutil/workers.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using path = std::filesystem::path;
namespace detail = skyutil::detail;

namespace {

// ----------------------------------------------------------------------------------------
// processes

/// A child that runs a function and waits to be killed, which happens at the end of the scope.
class child_process {
public:
    explicit child_process(const std::function<void()>& function) : pid_(::fork()) {
        if (pid_ == -1) {
            throw_errno("fork");
        }
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM}) {
                ::signal(signal, SIG_DFL);
            }
            function();
            for (;;) {
                ::pause();
            }
        }
    }
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process() { end(); }

    std::int64_t pid() const { return last_pid_; }

    /// Waits until the child is in a state without taking its status away.
    void await(int options) const {
        siginfo_t info{};
        while (::waitid(P_PID, static_cast<id_t>(pid_), &info, options | WNOWAIT) == -1) {
            if (errno != EINTR) {
                throw_errno("waitid");
            }
        }
    }

    /// Kills and reaps the child.
    void end() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            while (::waitpid(pid_, nullptr, 0) == -1 && errno == EINTR) {
            }
            pid_ = 0;
        }
    }

private:
    pid_t pid_;
    std::int64_t last_pid_ = pid_;
};

/// The state of a process in /proc, of its first thread.
char state_in_proc(std::int64_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t end = text.rfind(')');
    return end == std::string::npos || end + 2 >= text.size() ? '?' : text[end + 2];
}

void await_state_in_proc(std::int64_t pid, char state) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (state_in_proc(pid) != state) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error("process " + std::to_string(pid) + " is still in state " +
                                     state_in_proc(pid));
        }
        std::this_thread::yield();
    }
}

[[noreturn]] void wait_for_ever() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        ::pause();
    }
}

/// A process in every state there is.
class zoo {
public:
    zoo() {
        stopped_.await(WSTOPPED);
        zombie_.await(WEXITED);
        odd_zombie_.await(WEXITED);
        reaped_.end();
        await_state_in_proc(without_first_thread_.pid(), 'Z');
        ::close(thread_id_pipe_[1]);
        pid_t thread = 0;
        if (::read(thread_id_pipe_[0], &thread, sizeof thread) != sizeof thread) {
            throw std::runtime_error("no id of the thread");
        }
        ::close(thread_id_pipe_[0]);
        pids_["running"] = running_.pid();
        pids_["stopped"] = stopped_.pid();
        pids_["zombie"] = zombie_.pid();
        pids_["reaped"] = reaped_.pid();
        pids_["without its first thread"] = without_first_thread_.pid();
        pids_["with an odd name"] = odd_.pid();
        pids_["zombie with an odd name"] = odd_zombie_.pid();
        pids_["thread"] = thread;
        pids_["the first"] = 1;
        pids_["the tests"] = ::getpid();
    }

    const std::map<std::string, std::int64_t>& pids() const { return pids_; }

private:
    static constexpr auto set_name = [](const char* name) { ::prctl(PR_SET_NAME, name); };

    std::array<int, 2> thread_id_pipe_ = [] {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) == -1) {
            throw_errno("pipe");
        }
        return ends;
    }();
    child_process running_{[] {}};
    child_process stopped_{[] { ::raise(SIGSTOP); }};
    child_process zombie_{[] { ::_exit(0); }};
    child_process reaped_{[] {}};
    child_process odd_{[] { set_name("a) Z 1\n (b"); }};
    child_process odd_zombie_{[] {
        set_name("a) R 1) S 2");
        ::_exit(0);
    }};
    child_process without_first_thread_{[] {
        std::thread(wait_for_ever).detach();
        ::syscall(SYS_exit, 0);
    }};
    child_process with_threads_{[this] {
        std::thread([this] {
            const auto id = static_cast<pid_t>(::syscall(SYS_gettid));
            static_cast<void>(!::write(thread_id_pipe_[1], &id, sizeof id));
            wait_for_ever();
        }).detach();
    }};
    std::map<std::string, std::int64_t> pids_;
};

/// Name -> [exists, alive].
json answers(const zoo& processes) {
    json result;
    for (const auto& [name, pid] : processes.pids()) {
        result[name] = {skyutil::pid_exists(pid), skyutil::is_process_alive(pid)};
    }
    return result;
}

const json expected_answers = {
    {"running", {true, true}},
    {"stopped", {true, true}},
    {"zombie", {true, false}},
    {"reaped", {false, false}},
    {"without its first thread", {true, true}},
    {"with an odd name", {true, true}},
    {"zombie with an odd name", {true, false}},
    {"thread", {false, false}},
    {"the first", {true, true}},
    {"the tests", {true, true}},
};

/// Makes pidfd_open(2) fail for the calling process, for ever, as on an old kernel or under a
/// strict filter.
void forbid_pidfd(int error) {
    constexpr unsigned pidfd_open = 434;
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    install_filter(program);
    if (::syscall(pidfd_open, ::getpid(), 0) != -1 || errno != error) {
        throw std::runtime_error("the filter does nothing");
    }
}

std::string what_of(const std::exception_ptr& thrown) {
    try {
        if (thrown) {
            std::rethrow_exception(thrown);
        }
    } catch (const std::system_error& exception) {
        return exception.what();
    }
    return {};
}

std::atomic<int> signals_received = 0;

}  // namespace

TEST_CASE("processes in any state exist, and those that run are alive") {
    const zoo processes;
    CHECK(answers(processes) == expected_answers);
}

TEST_CASE("the error_code form gives the same answers and clears the error") {
    const zoo processes;
    for (const auto& [name, pid] : processes.pids()) {
        CAPTURE(name);
        std::error_code error = std::make_error_code(std::errc::io_error);
        CHECK(skyutil::is_process_alive(pid, error) == expected_answers[name][1]);
        CHECK(!error);
    }
}

TEST_CASE("without pidfd_open the answers are the same") {
    const zoo processes;
    for (const int error : {ENOSYS, EPERM, EACCES}) {
        CAPTURE(error);
        const json found = run_in_child([&] {
            forbid_pidfd(error);
            return answers(processes);
        });
        CHECK(found == expected_answers);
    }
}

TEST_CASE("without privileges the answers are the same") {
    const zoo processes;
    const json found = run_in_child([&] {
        drop_privileges();
        return answers(processes);
    });
    CHECK(found == expected_answers);
    const json without_pidfd = run_in_child([&] {
        drop_privileges();
        forbid_pidfd(ENOSYS);
        return answers(processes);
    });
    CHECK(without_pidfd == expected_answers);
}

TEST_CASE("another user's process exists and is alive") {
    const json answer = run_in_child([] {
        drop_privileges();
        if (::kill(1, 0) != -1 || errno != EPERM) {
            throw cannot_run{"process 1 is not another user's"};
        }
        return json{skyutil::pid_exists(1), skyutil::is_process_alive(1)};
    });
    CHECK(answer == json{true, true});
}

TEST_CASE("where /proc does not show processes, one is alive if it exists, or its pidfd says so") {
    const zoo processes;
    const auto hide = [] {
        if (::unshare(CLONE_NEWNS) == -1 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
            ::mount("none", "/proc", "tmpfs", 0, nullptr) == -1) {
            throw cannot_run{"cannot hide /proc"};
        }
        if (std::filesystem::exists("/proc/self")) {
            throw std::runtime_error("/proc is still there");
        }
    };
    const json found = run_in_child([&] {
        hide();
        return answers(processes);
    });
    CHECK(found == expected_answers);

    json expected = expected_answers;
    expected["zombie"] = {true, true};
    expected["zombie with an odd name"] = {true, true};
    const json without_pidfd = run_in_child([&] {
        hide();
        forbid_pidfd(ENOSYS);
        return answers(processes);
    });
    CHECK(without_pidfd == expected);
}

TEST_CASE("a thread of the calling process is no process") {
    std::atomic<pid_t> id = 0;
    std::atomic<bool> asked = false;
    std::thread thread([&] {
        id = static_cast<pid_t>(::syscall(SYS_gettid));
        while (!asked) {
            std::this_thread::yield();
        }
    });
    while (id == 0) {
        std::this_thread::yield();
    }
    const bool exists = skyutil::pid_exists(id);
    const bool alive = skyutil::is_process_alive(id);
    asked = true;
    thread.join();
    CHECK(!exists);
    CHECK(!alive);
}

TEST_CASE("a process is alive from outside until its last thread ends") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    child_process child([&] {
        ::close(ends[1]);
        std::thread([&] {
            char byte = 0;
            static_cast<void>(!::read(ends[0], &byte, 1));  // until the parent closes its end
            ::_exit(0);
        }).detach();
        ::syscall(SYS_exit, 0);
    });
    await_state_in_proc(child.pid(), 'Z');
    CHECK(skyutil::is_process_alive(child.pid()));
    ::close(ends[1]);
    ::close(ends[0]);
    child.await(WEXITED);
    CHECK(!skyutil::is_process_alive(child.pid()));
    CHECK(skyutil::pid_exists(child.pid()));
    child.end();
    CHECK(!skyutil::pid_exists(child.pid()));
}

TEST_CASE("ids that no process can have are none, and nothing is signalled") {
    const std::int64_t own = ::getpid();
    constexpr std::int64_t two_to_32 = std::int64_t{1} << 32;
    const std::vector<std::int64_t> ids{
        0,
        -1,
        -own,
        -::getpgrp(),
        std::numeric_limits<int>::min(),
        std::numeric_limits<int>::max(),
        std::int64_t{std::numeric_limits<int>::max()} + 1,
        std::int64_t{std::numeric_limits<int>::min()} - 1,
        std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::min() + own,
        std::numeric_limits<std::int64_t>::max(),
        two_to_32,
        two_to_32 | own,
        two_to_32 | 1,
        two_to_32 - 1,
        own - two_to_32,
        (std::int64_t{1} << 62) | own,
    };
    const json answer = run_in_child([&] {
        ::setpgid(0, 0);
        for (int signal = 1; signal < NSIG; ++signal) {
            ::signal(signal, [](int) { ++signals_received; });
        }
        json result = json::array();
        for (const std::int64_t id : ids) {
            std::error_code error;
            if (skyutil::pid_exists(id) || skyutil::is_process_alive(id) ||
                skyutil::is_process_alive(id, error) || error) {
                result.push_back(id);
            }
        }
        // The parent's group would be killed by id 0 or -1 in kill(2); the own one is asked about
        // as well.
        if (skyutil::pid_exists(-::getpgrp()) || skyutil::is_process_alive(-::getpgrp())) {
            result.push_back("own group");
        }
        return json{result, signals_received.load()};
    });
    CHECK(answer[0] == json::array());
    CHECK(answer[1] == 0);
}

TEST_CASE("without descriptors left is_process_alive fails instead of guessing") {
    const zoo processes;
    for (const int forbidden : {0, ENOSYS}) {
        CAPTURE(forbidden);
        const json answer = run_in_child([&] {
            if (forbidden != 0) {
                forbid_pidfd(forbidden);
            }
            json result;
            for (const auto& [name, pid] : processes.pids()) {
                bool exists = false;
                std::error_code error;
                std::exception_ptr thrown;
                {
                    const no_descriptors scope;
                    exists = skyutil::pid_exists(pid);
                    static_cast<void>(skyutil::is_process_alive(pid, error));
                    try {
                        static_cast<void>(skyutil::is_process_alive(pid));
                    } catch (...) {
                        thrown = std::current_exception();
                    }
                }
                const std::string message = what_of(thrown);
                const bool named = message.find("skyutil::is_process_alive") != std::string::npos &&
                                   message.find(std::to_string(pid)) != std::string::npos;
                result[name] = {exists, error == std::errc::too_many_files_open, named};
            }
            return result;
        });
        for (const auto& [name, pid] : processes.pids()) {
            CAPTURE(name);
            // The kernel looks for a descriptor before it looks for the process, or after.
            const bool fails =
                name != "reaped" && name != "thread" ? true : answer[name][1].get<bool>();
            CHECK(answer[name] == json{expected_answers[name][0], fails, fails});
        }
    }
}

TEST_CASE("asking about processes leaves no descriptor open") {
    const zoo processes;
    const std::size_t before = count_open_descriptors();
    static_cast<void>(answers(processes));
    CHECK(count_open_descriptors() == before);
}

namespace {

struct stat_case {
    std::string_view text;
    std::optional<char> state;
    std::uint64_t threads = 0;
    bool running = false;
};

constexpr bool holds(const stat_case& c) {
    const auto stat = detail::parse_process_stat(c.text);
    return stat ? c.state == stat->state && stat->threads == c.threads &&
                      stat->running() == c.running
                : !c.state;
}

#define FIELDS_4_TO_19 "1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0"

constexpr std::array stat_cases{
    stat_case{"42 (cat) R " FIELDS_4_TO_19 " 1 0 100\n", 'R', 1, true},
    stat_case{"42 (cat) S " FIELDS_4_TO_19 " 3", 'S', 3, true},
    stat_case{"42 (cat) T " FIELDS_4_TO_19 " 1 0", 'T', 1, true},
    stat_case{"42 (cat) Z " FIELDS_4_TO_19 " 1 0", 'Z', 1, false},
    stat_case{"42 (cat) Z " FIELDS_4_TO_19 " 2 0", 'Z', 2, true},
    stat_case{"42 (cat) X " FIELDS_4_TO_19 " 0 0", 'X', 0, false},
    stat_case{"42 (cat) x " FIELDS_4_TO_19 " 0 0", 'x', 0, false},
    stat_case{"42 (a) Z 1) R " FIELDS_4_TO_19 " 1 0", 'R', 1, true},
    stat_case{"42 (a b) c (d) Z " FIELDS_4_TO_19 " 1 0", 'Z', 1, false},
    stat_case{"42 (\n) S 1\n) Z " FIELDS_4_TO_19 " 1 0", 'Z', 1, false},
    stat_case{"42 () S " FIELDS_4_TO_19 " 1", 'S', 1, true},
    stat_case{"42 (cat) R " FIELDS_4_TO_19, std::nullopt},
    stat_case{"42 (cat) R " FIELDS_4_TO_19 " many", std::nullopt},
    stat_case{"42 (cat) RR " FIELDS_4_TO_19 " 1", std::nullopt},
    stat_case{"42 (cat) ", std::nullopt},
    stat_case{"42 (cat)", std::nullopt},
    stat_case{"42 cat R 1", std::nullopt},
    stat_case{")", std::nullopt},
    stat_case{"", std::nullopt},
};

}  // namespace

TEST_CASE("the state in /proc is what follows the last parenthesis of the name") {
    STATIC_REQUIRE(
        std::all_of(stat_cases.begin(), stat_cases.end(), [](const auto& c) { return holds(c); }));
    for (const stat_case& each : stat_cases) {
        CAPTURE(each.text);
        CHECK(holds(each));
    }
}

// ------------------------------------------------------------------------------------------
// workers

namespace {

/// Rows of the reference answers in which the original is wrong, and why.
const std::map<std::string, std::string> differing_rows{
    {"workers-000103", "the Kelvin sign is no letter K: clouds are compared in ASCII"},
    {"workers-000142", "the Kelvin sign is no letter K: clouds are compared in ASCII"},
    {"workers-000181", "the Kelvin sign is no letter K: clouds are compared in ASCII"},
    {"workers-000226", "a limit of -1 is none"},
    {"workers-000236", "a limit of -1 is none"},
    {"workers-000239", "a limit of -1 is none"},
    {"workers-000243", "a limit of -1 is none"},
    {"workers-000247", "a limit of -1 is none"},
};

std::string cloud_of(const json& row) {
    return row["cloud"].is_null() ? "" : row["cloud"].get<std::string>();
}

/// The original takes a machine that does not know for one CPU.
int cpus_of(const json& row) {
    return row["cpu_count"].is_null() ? 1 : row["cpu_count"].get<int>();
}

std::uint64_t descriptors_of(const json& row) {
    std::uint64_t most = 5;
    for (const auto& [target, source] : row["mounts"].items()) {
        const auto found = row["dir_entry_counts"].find(source.get<std::string>());
        if (found != row["dir_entry_counts"].end()) {
            most = (std::max)(most, 5 * found->get<std::uint64_t>());
        }
    }
    return most;
}

/// Sets the soft limit on descriptors of the calling process, with the hard one if need be; false
/// where it may not.
bool set_fd_limit(std::uint64_t soft) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == -1) {
        throw_errno("getrlimit");
    }
    limit.rlim_max = (std::max)(limit.rlim_max, static_cast<rlim_t>(soft));
    limit.rlim_cur = static_cast<rlim_t>(soft);
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void need_fd_limit(std::uint64_t soft) {
    if (!set_fd_limit(soft)) {
        throw cannot_run{"cannot set the limit on descriptors to " + std::to_string(soft)};
    }
}

void set_cpus(int count) { ::setenv("SKYUTIL_CPU_COUNT", std::to_string(count).c_str(), 1); }

path make_directory(const temporary_directory& parent, const std::string& name, int entries) {
    const path directory = parent / name;
    std::filesystem::create_directory(directory);
    for (int i = 0; i < entries; ++i) {
        write_file(directory / std::to_string(i), "");
    }
    return directory;
}

// With these the number of workers tells how many descriptors a source was taken to need.
constexpr int plenty_of_cpus = 1001;
constexpr std::uint64_t test_fd_limit = 1100;
constexpr int workers_for_files = (test_fd_limit - 100) / 5;
constexpr int workers_for(int entries) {
    return static_cast<int>(test_fd_limit - 100) / (5 * entries);
}

/// What the function returns under those limits.
template <class Function>
json with_test_limits(Function function) {
    return run_in_child([&] {
        set_cpus(plenty_of_cpus);
        need_fd_limit(test_fd_limit);
        return json(function());
    });
}

}  // namespace

TEST_CASE("the policies give the reference answers but for the rows that are wrong") {
    std::set<std::string> differing;
    for (const json& row : read_rows("workers.jsonl")) {
        int workers = detail::parallel_threads(cpus_of(row), cloud_of(row));
        if (row["fn"] == "get_max_workers_for_file_mounts") {
            const auto soft = row["rlimit_soft"].get<std::int64_t>();
            workers = detail::max_workers(
                soft == -1 ? std::nullopt : std::optional(static_cast<std::uint64_t>(soft)),
                descriptors_of(row), workers);
        }
        if (workers != row["out"]) {
            INFO(row << " but it was " << workers);
            CHECK(differing_rows.contains(row["id"]));
            differing.insert(row["id"]);
        }
    }
    for (const auto& [id, reason] : differing_rows) {
        INFO(id << ": " << reason);
        CHECK(differing.contains(id));
    }
}

TEST_CASE("the public functions give the reference answers where the machine can be made to fit") {
    const temporary_directory directory;
    const path file = directory / "plain-file";
    write_file(file, "text");
    std::vector<json> rows;
    for (json& row : read_rows("workers.jsonl")) {
        if (differing_rows.contains(row["id"]) || cpus_of(row) < 1) {
            continue;
        }
        if (row["fn"] == "get_parallel_threads") {
            rows.push_back(std::move(row));
            continue;
        }
        bool fits = row["rlimit_soft"] >= 50;  // fewer are not enough to look at directories
        for (const auto& [name, entries] : row["dir_entry_counts"].items()) {
            fits = fits && entries <= 1000;
            if (fits && !std::filesystem::exists(directory / entries.dump())) {
                make_directory(directory, entries.dump(), entries.get<int>());
            }
        }
        if (fits) {
            rows.push_back(std::move(row));
        }
    }
    const json answers = run_in_child([&] {
        json result = json::array();
        for (const json& row : rows) {
            set_cpus(cpus_of(row));
            if (row["fn"] == "get_parallel_threads") {
                result.push_back(skyutil::get_parallel_threads(cloud_of(row)));
            } else if (!set_fd_limit(row["rlimit_soft"].get<std::uint64_t>())) {
                result.push_back(nullptr);
            } else {
                std::map<std::string, std::string> mounts;
                for (const auto& [target, source] : row["mounts"].items()) {
                    const auto entries = row["dir_entry_counts"].find(source.get<std::string>());
                    mounts[target] = entries != row["dir_entry_counts"].end()
                                         ? (directory / entries->dump()).string()
                                     : source == "/plain-file" ? file.string()
                                                               : source.get<std::string>();
                }
                result.push_back(skyutil::get_max_workers_for_file_mounts(mounts, cloud_of(row)));
            }
        }
        return result;
    });
    REQUIRE(answers.size() == rows.size());
    std::size_t compared = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!answers[i].is_null()) {
            INFO(rows[i]);
            CHECK(answers[i] == rows[i]["out"]);
            ++compared;
        }
    }
    CHECK(compared >= 40);
}

TEST_CASE("there are four threads or one less than CPUs, four times as many for kubernetes") {
    struct row {
        int cpus;
        std::string_view cloud;
        int threads;
    };
    constexpr int most = std::numeric_limits<int>::max();
    constexpr std::array rows{
        row{1, "", 4},
        row{4, "", 4},
        row{5, "", 4},
        row{6, "", 5},
        row{64, "aws", 63},
        row{64, "kubernetes", 252},
        row{64, "KUBERNETES", 252},
        row{64, "KuBeRnEtEs", 252},
        row{64, "kubernetes ", 63},
        row{64, " kubernetes", 63},
        row{64, "kubernete", 63},
        row{64, "kubernetess", 63},
        row{64, "kubernetes\0", 252},
        row{64, std::string_view("kubernetes\0", 11), 63},
        row{64,
            "\xe2\x84\xaa"
            "ubernetes",
            63},
        row{64, "KUBERNETE\x53", 252},
        row{64, "[ubernetes", 63},
        row{64, "k8s", 63},
        row{1, "kubernetes", 16},
        row{most, "", most - 1},
        row{most, "kubernetes", most},
        row{most / 4, "kubernetes", (most / 4 - 1) * 4},
    };
    STATIC_REQUIRE(std::all_of(rows.begin(), rows.end(), [](const row& r) {
        return detail::parallel_threads(r.cpus, r.cloud) == r.threads;
    }));
    for (const row& each : rows) {
        CAPTURE(each.cpus, each.cloud);
        CHECK(detail::parallel_threads(each.cpus, each.cloud) == each.threads);
    }
}

TEST_CASE(
    "there is one worker at least and no more than threads, however few or many descriptors") {
    struct row {
        std::optional<std::uint64_t> limit;
        std::uint64_t each;
        int threads;
        int workers;
    };
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    constexpr std::array rows{
        row{std::nullopt, 5, 7, 7},
        row{std::nullopt, most, 7, 7},
        row{0, 5, 7, 1},
        row{99, 5, 7, 1},
        row{100, 5, 7, 1},
        row{104, 5, 7, 1},
        row{109, 5, 7, 1},
        row{110, 5, 7, 2},
        row{134, 5, 7, 6},
        row{135, 5, 7, 7},
        row{1024, 5, 7, 7},
        row{1024, 500, 7, 1},
        row{1'073'741'816, 5, 7, 7},
        row{most, 5, 7, 7},
        row{most, most, 7, 1},
        row{most - 1, 1, 2147483647, 2147483647},
    };
    STATIC_REQUIRE(std::all_of(rows.begin(), rows.end(), [](const row& r) {
        return detail::max_workers(r.limit, r.each, r.threads) == r.workers;
    }));
    for (const row& each : rows) {
        CAPTURE(each.limit.value_or(0), each.each, each.threads);
        CHECK(detail::max_workers(each.limit, each.each, each.threads) == each.workers);
    }
}

TEST_CASE("get_parallel_threads follows get_cpu_count and its overrides") {
    const json answer = run_in_child([] {
        set_cpus(10);
        std::error_code error = std::make_error_code(std::errc::io_error);
        json result{skyutil::get_parallel_threads(), skyutil::get_parallel_threads("Kubernetes"),
                    skyutil::get_parallel_threads(error),
                    skyutil::get_parallel_threads("kubernetes", error), static_cast<bool>(error)};
        ::setenv("SKYUTIL_CPU_COUNT", "none", 1);
        result.push_back(skyutil::get_parallel_threads("kubernetes", error) >= 16);
        result.push_back(error == std::errc::invalid_argument);
        try {
            result.push_back(skyutil::get_parallel_threads());
        } catch (const std::invalid_argument&) {
            result.push_back("invalid_argument");
        }
        return result;
    });
    CHECK(answer == json{9, 36, 9, 36, false, true, true, "invalid_argument"});
}

TEST_CASE("sources are any range of paths or of pairs with one") {
    const temporary_directory directory;
    const path large = make_directory(directory, "large", 40);
    const path small = make_directory(directory, "small", 10);
    const std::string large_name = large.string();
    const std::string small_name = small.string();
    const json answer = with_test_limits([&] {
        using skyutil::get_max_workers_for_file_mounts;
        const char* const array[] = {small_name.c_str(), large_name.c_str()};
        const std::map<std::string, std::string> map{{"/x", small_name}, {"/y", large_name}};
        const std::unordered_map<std::string, path> hashed{{"/x", small}, {"/y", large}};
        const std::vector<std::pair<int, const char*>> pairs{{1, small_name.c_str()},
                                                             {2, large_name.c_str()}};
        const std::vector<std::string> strings{small_name, large_name};
        const std::vector<path> paths{large, small};
        const std::vector<std::string_view> views{small_name, large_name};
        const std::initializer_list<path> list{small, large};
        std::vector<path> filtered{large, small};
        int calls = 0;
        json result;
        result["vector of strings"] = get_max_workers_for_file_mounts(strings);
        result["vector of paths"] = get_max_workers_for_file_mounts(paths);
        result["temporary vector"] =
            get_max_workers_for_file_mounts(std::vector<path>{small, large});
        result["vector of string views"] = get_max_workers_for_file_mounts(views);
        result["array of C strings"] = get_max_workers_for_file_mounts(array);
        result["array"] = get_max_workers_for_file_mounts(std::array{small, large});
        result["span"] = get_max_workers_for_file_mounts(std::span(paths));
        result["deque"] = get_max_workers_for_file_mounts(std::deque<path>{small, large});
        result["list"] =
            get_max_workers_for_file_mounts(std::list<std::string>{small_name, large_name});
        result["set"] = get_max_workers_for_file_mounts(std::set<path>{small, large});
        result["map"] = get_max_workers_for_file_mounts(map);
        result["unordered_map"] = get_max_workers_for_file_mounts(hashed);
        result["multimap"] =
            get_max_workers_for_file_mounts(std::multimap<int, path>{{1, small}, {1, large}});
        result["vector of pairs"] = get_max_workers_for_file_mounts(pairs);
        result["values of a map"] = get_max_workers_for_file_mounts(map | std::views::values);
        result["transformed view"] = get_max_workers_for_file_mounts(
            strings | std::views::transform([](const std::string& name) { return path(name); }));
        result["view that only a changeable object can be walked through"] =
            get_max_workers_for_file_mounts(
                filtered | std::views::filter([&calls](const path&) { return ++calls != 0; }));
        result["range to be walked through once"] =
            get_max_workers_for_file_mounts(std::filesystem::directory_iterator(directory.path()));
        result["initializer list"] = get_max_workers_for_file_mounts({small, large});
        result["initializer list of C strings"] =
            get_max_workers_for_file_mounts({small_name.c_str(), large_name.c_str()});
        result["initializer list of one"] = get_max_workers_for_file_mounts({large_name});
        result["initializer list object"] = get_max_workers_for_file_mounts(list);
        std::error_code error;
        result["with an error_code"] = get_max_workers_for_file_mounts(strings, error);
        result["with a cloud and an error_code"] =
            get_max_workers_for_file_mounts(map, "kubernetes", error);
        return result;
    });
    CHECK(answer.size() == 24);
    for (const auto& [kind, workers] : answer.items()) {
        CAPTURE(kind);
        CHECK(workers == workers_for(40));
    }
}

TEST_CASE("no sources are the least that a worker needs") {
    const json answer = with_test_limits([] {
        return json{skyutil::get_max_workers_for_file_mounts(std::vector<path>{}),
                    skyutil::get_max_workers_for_file_mounts(std::map<std::string, std::string>{}),
                    skyutil::get_max_workers_for_file_mounts({})};
    });
    CHECK(answer == json{workers_for_files, workers_for_files, workers_for_files});
}

TEST_CASE("five descriptors for each entry, and for whatever is no directory") {
    const temporary_directory directory;
    write_file(directory / "file", "text");
    make_directory(directory, "empty", 0);
    make_directory(directory, "one", 1);
    make_directory(directory, "forty", 40);
    std::filesystem::create_directory(directory / "forty" / "inner");
    make_directory(directory, "forty/inner/deep", 50);
    std::filesystem::create_symlink("nothing", directory / "dangling");
    std::filesystem::create_symlink("loop", directory / "loop");
    std::filesystem::create_symlink("forty", directory / "link");
    REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
    const std::vector<std::pair<path, int>> cases{
        {directory / "file", workers_for_files},
        {directory / "file" / "below", workers_for_files},
        {directory / "empty", workers_for_files},
        {directory / "one", workers_for_files},
        {directory / "forty", workers_for(41)},
        {directory / "forty/", workers_for(41)},
        {directory / "link", workers_for(41)},
        {directory / "dangling", workers_for_files},
        {directory / "loop", workers_for_files},
        {directory / "fifo", workers_for_files},
        {directory / "nothing", workers_for_files},
        {directory / std::string(300, 'x'), workers_for_files},
        {directory.path().string() + std::string("/forty\0/x", 9), workers_for_files},
        {std::string(5000, 'x'), workers_for_files},
        {"s3://bucket/key", workers_for_files},
        {"https://example.com/archive", workers_for_files},
        {"", workers_for_files},
        {"/dev/null", workers_for_files},
    };
    const json answer = with_test_limits([&] {
        json result = json::array();
        for (const auto& [source, workers] : cases) {
            std::error_code error = std::make_error_code(std::errc::io_error);
            const std::vector<path> sources{source};
            const int with_error_code = skyutil::get_max_workers_for_file_mounts(sources, error);
            result.push_back({skyutil::get_max_workers_for_file_mounts(sources), with_error_code,
                              error.value()});
        }
        return result;
    });
    for (std::size_t i = 0; i < cases.size(); ++i) {
        CAPTURE(cases[i].first.string());
        CHECK(answer[i] == json{cases[i].second, cases[i].second, 0});
    }
}

TEST_CASE("a directory that cannot be read is an error that names it") {
    const temporary_directory directory;
    const path closed = make_directory(directory, "closed", 1);
    const path hidden = make_directory(directory, "hidden", 0);
    std::filesystem::create_directory(hidden / "inner");
    ::chmod(closed.c_str(), 0300);
    ::chmod(hidden.c_str(), 0);
    const json answer = run_in_child([&] {
        drop_privileges();
        set_cpus(plenty_of_cpus);
        need_fd_limit(test_fd_limit);
        json result;
        const std::vector<path> sources{"/nowhere", closed};
        try {
            result.push_back(skyutil::get_max_workers_for_file_mounts(sources));
        } catch (const std::filesystem::filesystem_error& exception) {
            result.push_back(
                {exception.what(), exception.path1().string(), exception.code().value()});
        }
        std::error_code error;
        result.push_back({skyutil::get_max_workers_for_file_mounts(sources, error), error.value()});
        // Whether this is a directory cannot be told.
        error.clear();
        result.push_back(
            {skyutil::get_max_workers_for_file_mounts(std::vector{hidden / "inner"}, error),
             error.value()});
        return result;
    });
    ::chmod(hidden.c_str(), 0700);
    ::chmod(closed.c_str(), 0700);
    REQUIRE(answer[0].is_array());
    CHECK_THAT(answer[0][0].get<std::string>(),
               Catch::Matchers::ContainsSubstring("get_max_workers_for_file_mounts"));
    CHECK_THAT(answer[0][0].get<std::string>(),
               Catch::Matchers::ContainsSubstring(closed.string()));
    CHECK(answer[0][1] == closed.string());
    CHECK(answer[0][2] == EACCES);
    CHECK(answer[1] == json{1, EACCES});
    CHECK(answer[2] == json{workers_for_files, 0});
}

TEST_CASE("an override that is no number is an error of the workers too") {
    const json answer = run_in_child([] {
        ::setenv("SKYUTIL_CPU_COUNT", "none", 1);
        json result;
        std::error_code error;
        result.push_back(skyutil::get_max_workers_for_file_mounts(std::vector<path>{}, error) >= 1);
        result.push_back(error == std::errc::invalid_argument);
        error.clear();
        result.push_back(skyutil::get_max_workers_for_file_mounts(1, 1, "", error) >= 1);
        result.push_back(error == std::errc::invalid_argument);
        for (const bool estimate : {false, true}) {
            try {
                result.push_back(
                    estimate ? skyutil::get_max_workers_for_file_mounts(1)
                             : skyutil::get_max_workers_for_file_mounts(std::vector<path>{}));
            } catch (const std::invalid_argument&) {
                result.push_back("invalid_argument");
            }
        }
        return result;
    });
    CHECK(answer == json{true, true, true, true, "invalid_argument", "invalid_argument"});
}

TEST_CASE("no more workers than threads, and four times as many for kubernetes") {
    const json answer = run_in_child([] {
        set_cpus(9);
        need_fd_limit(test_fd_limit);
        std::error_code error;
        return json{skyutil::get_max_workers_for_file_mounts(std::vector<path>{}),
                    skyutil::get_max_workers_for_file_mounts(std::vector<path>{}, "Kubernetes"),
                    skyutil::get_max_workers_for_file_mounts({"/nowhere"}, "kubernetes"),
                    skyutil::get_max_workers_for_file_mounts(1),
                    skyutil::get_max_workers_for_file_mounts(1, 100, "kubernetes")};
    });
    CHECK(answer == json{8, 32, 32, 8, 32});
}

TEST_CASE("the estimate needs 5 descriptors, files / 20 or 5 more, sources / 10 more") {
    struct row {
        std::uint64_t sources;
        std::uint64_t files;
        std::uint64_t descriptors;
    };
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    constexpr std::array rows{
        row{0, 0, 10},
        row{1, 100, 10},
        row{9, 119, 10},
        row{10, 120, 12},
        row{100, 100, 20},
        row{0, 2000, 105},
        row{most, 0, most / 10 + 10},
        row{0, most, most / 20 + 5},
        row{most, most, most / 10 + most / 20 + 5},
    };
    STATIC_REQUIRE(std::all_of(rows.begin(), rows.end(), [](const row& r) {
        return detail::estimate_fds_per_worker(r.sources, r.files) == r.descriptors;
    }));
    const json answer = with_test_limits([&] {
        json result = json::array();
        for (const row& each : rows) {
            std::error_code error = std::make_error_code(std::errc::io_error);
            result.push_back(
                {detail::estimate_fds_per_worker(each.sources, each.files),
                 skyutil::get_max_workers_for_file_mounts(each.sources, each.files),
                 skyutil::get_max_workers_for_file_mounts(each.sources, each.files, "", error),
                 error.value()});
        }
        return result;
    });
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CAPTURE(rows[i].sources, rows[i].files);
        const std::uint64_t workers =
            (std::max)((test_fd_limit - 100) / rows[i].descriptors, std::uint64_t{1});
        CHECK(answer[i] == json{rows[i].descriptors, workers, workers, 0});
    }
}

TEST_CASE("a directory's estimate is five descriptors for each entry") {
    const temporary_directory directory;
    make_directory(directory, "empty", 0);
    make_directory(directory, "some", 7);
    std::filesystem::create_directory(directory / "some" / ".hidden");
    std::filesystem::create_directory_symlink("some", directory / "link");
    CHECK(skyutil::estimate_fd_for_directory(directory / "empty") == 0);
    CHECK(skyutil::estimate_fd_for_directory(directory / "some") == 40);
    CHECK(skyutil::estimate_fd_for_directory(directory / "link") == 40);
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::estimate_fd_for_directory(directory / "some", error) == 40);
    CHECK(!error);
}

TEST_CASE("what is no directory has no estimate") {
    const temporary_directory directory;
    write_file(directory / "file", "text");
    std::filesystem::create_symlink("loop", directory / "loop");
    REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
    const std::vector<std::pair<path, std::errc>> cases{
        {directory / "file", std::errc::not_a_directory},
        {directory / "fifo", std::errc::not_a_directory},
        {directory / "nothing", std::errc::no_such_file_or_directory},
        {"", std::errc::no_such_file_or_directory},
        {directory / "loop", std::errc::too_many_symbolic_link_levels},
        {directory / std::string(300, 'x'), std::errc::filename_too_long},
        {directory.path().string() + std::string("\0/x", 3), std::errc::invalid_argument},
    };
    for (const auto& [name, expected] : cases) {
        CAPTURE(name.string());
        std::error_code error;
        CHECK(skyutil::estimate_fd_for_directory(name, error) == 0);
        CHECK(error == expected);
        try {
            static_cast<void>(skyutil::estimate_fd_for_directory(name));
            FAIL_CHECK("no exception");
        } catch (const std::filesystem::filesystem_error& exception) {
            CHECK(exception.code() == expected);
            CHECK(exception.path1() == name);
            CHECK_THAT(exception.what(),
                       Catch::Matchers::ContainsSubstring("skyutil::estimate_fd_for_directory"));
        }
    }
}
