// SPDX-License-Identifier: MIT
//
// Programs that are being written, starts that fail and leave nothing, and new processes that do
// not share the memory.

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/subprocess.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"
#include "subprocess/start_programs.hpp"
#include "support_linux.hpp"
#include "system_calls.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::child_process;
using skyutil::command;
using skyutil::completed_process;
using skyutil::run;
using skyutil::shell;
using skyutil::start_step;
using skyutil::stdio_mode;
using skyutil::detail::joining_thread;
using std::chrono::steady_clock;

// ----------------------------------------------------------------------------------------
// what stands between the tests and the system

namespace {

/// How many allocations of the program succeed from now on; negative: all.
std::atomic<long> allocations_left = -1;

/// Whether a new process shares the memory with its parent, as on Linux.
bool sharing = true;

}  // namespace

// NOLINTBEGIN(*-reserved-identifier,*-identifier-naming,*-no-malloc)
void* operator new(std::size_t size) {
    for (long left = allocations_left; left >= 0;) {
        if (left == 0) {
            throw std::bad_alloc();
        }
        if (allocations_left.compare_exchange_weak(left, left - 1)) {
            break;
        }
    }
    void* const memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

// NOLINTEND(*-reserved-identifier,*-identifier-naming,*-no-malloc)

bool skyutil_tests::fails(system_call& call) noexcept {
    if (call.name == "clone" && !sharing) {
        call.arguments[2] &= ~std::uint64_t{CLONE_VM | CLONE_VFORK};
    }
    return false;
}

namespace {

/// Has a function say with which error a system call of this process, a child of run_in_child, and
/// its children fails, 0 to have it made.
void answer_system_call(long number, std::function<int(const seccomp_data&)> answer) {
    std::array<sock_filter, 4> code{
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const auto listener = static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                                     SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    if (listener == -1) {
        throw cannot_run{"no seccomp filter can be listened to here"};
    }
    std::thread([listener, answer = std::move(answer)] {
        for (;;) {
            seccomp_notif call{};
            if (::syscall(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == -1) {
                continue;
            }
            seccomp_notif_resp response{};
            response.id = call.id;
            response.error = -answer(call.data);
            response.flags = response.error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
            ::syscall(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
        }
    }).detach();
}

/// Whether the path of an execve(2) of a process that shares the memory starts so. ThreadSanitizer
/// does not know that the process waits for the answer.
__attribute__((noinline, no_sanitize("thread"))) bool path_starts_with(const seccomp_data& execve,
                                                                       const char* start) {
    const char* path = reinterpret_cast<const char*>(execve.args[0]);
    while (*start != '\0' && *path == *start) {
        ++path;
        ++start;
    }
    return *start == '\0';
}

// ----------------------------------------------------------------------------------------
// PATH, and programs that are being written

TEST_CASE("the search for a program goes on past a directory that cannot be reached") {
    const temporary_directory directory;
    const std::string path = directory.path();
    for (const char* const name : {"first", "second", "third"}) {
        std::filesystem::create_directory(directory / name);
    }
    write_program(directory / "first/tool", "#!/bin/sh\necho first\n");
    write_program(directory / "second/tool", "#!/bin/sh\necho second\n");
    write_file(directory / "third/tool", "not to be executed\n");
    const json found = run_in_child([&] {
        drop_privileges();
        const std::string first = path + "/first/";
        // The thread that answers goes on after these lines.
        const auto reason = std::make_shared<std::atomic<int>>(0);
        answer_system_call(SYS_execve, [first, reason](const seccomp_data& call) {
            return path_starts_with(call, first.c_str()) ? reason->load() : 0;
        });
        json answer;
        for (const int each : {ESTALE, ENODEV, ETIMEDOUT, EIO}) {
            *reason = each;
            const auto look = [&](const std::string& search) {
                ::setenv("PATH", search.c_str(), 1);
                std::error_code error;
                const completed_process result = run({"tool"}, error);
                answer[std::to_string(each)].push_back(error ? json(error.value())
                                                             : json(result.stdout_text));
            };
            look(path + "/first:" + path + "/second");
            look(path + "/first:/no/such");
            look(path + "/third:" + path + "/first:/no/such");
        }
        return answer;
    });
    for (const int each : {ESTALE, ENODEV, ETIMEDOUT}) {
        CHECK(found[std::to_string(each)] == json{"second\n", each, EACCES});
    }
    CHECK(found[std::to_string(EIO)] == json{EIO, EIO, EIO});
}

TEST_CASE("a program that is being written is tried again for a moment") {
    const temporary_directory directory;
    write_program(directory / "tool", "#!/bin/sh\necho tool\n");
    const std::string tool = directory / "tool";
    const json results = run_in_child([&] {
        const auto busy = std::make_shared<std::atomic<int>>(3);
        answer_system_call(SYS_execve, [tool, busy](const seccomp_data& call) {
            return path_starts_with(call, tool.c_str()) && (*busy)-- > 0 ? ETXTBSY : 0;
        });
        json answer{run({tool}).stdout_text};
        *busy = 3;
        answer.push_back(child_process({tool}, {.stdout_to = stdio_mode::null,
                                                .attributes = {.die_with_parent = true}})
                             .wait()
                             .exit_code);
        *busy = 3;
        answer.push_back(skyutil::run_detached({tool}, directory / "log") > 0);
        *busy = 1'000'000;
        std::error_code error;
        const auto start = steady_clock::now();
        static_cast<void>(run({tool}, error));
        answer.push_back(error.value());
        answer.push_back(steady_clock::now() - start >= 1s);
        answer.push_back(*busy > 999'000);
        answer.push_back(::waitpid(-1, nullptr, WNOHANG) == -1);
        return answer;
    });
    CHECK(results == json{"tool\n", 0, true, ETXTBSY, true, true, true});
}

TEST_CASE("threads can write programs and run them at the same time") {
    const temporary_directory directory;
    std::atomic<int> wrong = 0;
    std::vector<joining_thread> threads;
    for (int i = 0; i != 4; ++i) {
        threads.emplace_back([&, i] {
            for (int j = 0; j != 50; ++j) {
                const auto tool = directory / (std::to_string(i) + "-" + std::to_string(j));
                write_program(tool, "#!/bin/sh\nexit 7\n");
                std::error_code error;
                wrong += run({tool}, error).exit_code == 7 ? 0 : 1;
            }
        });
    }
    threads.clear();
    CHECK(wrong == 0);
}

// ----------------------------------------------------------------------------------------
// nothing is left of what failed

/// Ends and counts the children of this process, a subreaper: those it has got from others too.
int end_children() {
    int count = 0;
    for (;;) {
        const auto children = skyutil::child_processes(::getpid(), false);
        if (children.empty()) {
            return count;
        }
        for (const std::int64_t child : children) {
            ::kill(static_cast<pid_t>(child), SIGKILL);
            count += ::waitpid(static_cast<pid_t>(child), nullptr, 0) == child ? 1 : 0;
        }
    }
}

TEST_CASE("a start that fails for want of a descriptor leaves nothing running") {
    const json results = run_in_child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        ::dup2(::open("/dev/null", O_WRONLY), 1);
        static_cast<void>(run({"true"}));
        const std::size_t descriptors = count_open_descriptors();
        const skyutil::child_attributes enough{.limits = {{RLIMIT_NOFILE, 64, 64}}};
        int started = 0;
        for (rounds starts(300); starts.next();) {
            const no_descriptors none;
            std::error_code error;
            const child_process child(actor({"orphan"}),
                                      {.stdin_from = stdio_mode::inherit, .attributes = enough},
                                      error);
            started += error == std::errc::too_many_files_open ? 0 : 1;
        }
        return json{started, end_children(), count_open_descriptors() - descriptors};
    });
    CHECK(results == json{0, 0, 0});
}

TEST_CASE("a program runs only if its start is not reported as failed") {
    const json results = run_in_child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        answer_system_call(434, [](const seccomp_data&) {  // pidfd_open
            std::this_thread::sleep_for(50ms);             // in which a program has forked
            return EMFILE;
        });
        int started = 0;
        for (int i = 0; i != 5; ++i) {
            std::error_code error;
            static_cast<void>(run(actor({"orphan"}), {.drain = 0ms}, error));
            started += error ? 0 : 1;
        }
        return json{started, end_children()};
    });
    CHECK(results[0] == results[1]);  // what a program leaves behind is left alone
}

TEST_CASE("a start that fails leaves nothing running while others take descriptors") {
    const json results = run_in_child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        ::dup2(::open("/dev/null", O_WRONLY), 1);
        meet_error_types();
        static_cast<void>(run({"true"}));
        limit_descriptors(count_open_descriptors() + 6);
        std::atomic<bool> done = false;
        std::thread taker([&] {
            while (!done) {
                std::array<int, 8> taken{};
                for (int& each : taken) {
                    each = ::dup(0);
                }
                for (const int each : taken) {
                    ::close(each);
                }
            }
        });
        int started = 0;
        for (int i = 0; i != 100; ++i) {
            start_step step = start_step::none;
            std::error_code error;
            const auto pid = static_cast<pid_t>(
                skyutil::run_detached(actor({"orphan"}), "/dev/null", {}, step, error));
            started += pid != 0 && ::waitpid(pid, nullptr, 0) == pid ? 1 : 0;
        }
        done = true;
        taker.join();
        return json{started, end_children()};
    });
    CHECK(results[0] == results[1]);  // what the programs have left behind
}

/// Has each allocation fail in turn, and all after it, until the function does without.
template <class Function>
int starve(Function function) {
    for (long count = 0;; ++count) {
        try {
            allocations_left = count;
            function();
            allocations_left = -1;
            return static_cast<int>(count);
        } catch (const std::bad_alloc&) {
            allocations_left = -1;
        }
    }
}

TEST_CASE("a start leaves no zombie where a filter forbids waitid") {
    const temporary_directory directory;
    const json results = run_in_child([&] {
        answer_system_call(SYS_waitid, [](const seccomp_data&) { return EPERM; });
        std::error_code error;
        static_cast<void>(run({"/no/such/program"}, error));
        json answer{error.value(), ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD};
        answer.push_back(skyutil::run_detached({"true"}, directory / "log", error) > 0);
        answer.push_back(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD);
        for (int i = 0; i != 20; ++i) {
            answer.push_back(run({"true"}).ok());
        }
        answer.push_back(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD);
        return answer;
    });
    json expected{ENOENT, true, true, true};
    expected.insert(expected.end(), 20, true);
    expected.push_back(true);
    CHECK(results == expected);
}

TEST_CASE("a start without memory ends with std::bad_alloc and leaves nothing") {
    const json results = run_in_child([] {
        const command what{"true", "a longer word than a std::string has place for in itself"};
        const skyutil::child_options options{.attributes = {.die_with_parent = true}};
        {
            const child_process warm(what, options);
        }
        const std::size_t descriptors = count_open_descriptors();
        std::optional<child_process> child;
        const int child_count = starve([&] {
            child.emplace(what, options);
            allocations_left = -1;
        });
        const int code = child->wait().exit_code;
        child.reset();
        const skyutil::detached_options detached;
        const std::filesystem::path log = "/dev/null";
        const int detached_count =
            starve([&] { static_cast<void>(skyutil::run_detached(what, log, detached)); });
        return json{child_count > 3, code, detached_count > 3,
                    count_open_descriptors() - descriptors, ::waitpid(-1, nullptr, WNOHANG) == -1};
    });
    CHECK(results == json{true, 0, true, 0, true});
}

// ----------------------------------------------------------------------------------------
// new processes that do not share the memory

/// The name of the program that a new process runs. The kernel lets the parent go on a moment
/// before it renames the process.
std::string program_of(std::int64_t pid) {
    const auto name_of = [](const std::string& process) {
        return read_file("/proc/" + process + "/comm");
    };
    const std::string own = name_of("self");
    std::string name;
    static_cast<void>(soon([&] {
        name = name_of(std::to_string(pid));
        return name != own;
    }));
    return name;
}

TEST_CASE("a start is over when the program runs", "[everywhere]") {
    const temporary_directory directory;
    for (int i = 0; i != 5; ++i) {
        child_process child({"sleep", "1000"}, {.grace = 0ms});
        CHECK(program_of(child.pid()) == "sleep\n");
        const std::int64_t pid = skyutil::run_detached({"sleep", "1000"}, directory / "log");
        REQUIRE(pid > 1);
        CHECK(program_of(pid) == "sleep\n");
        ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
}

TEST_CASE("a program gets and gives what it should", "[everywhere]") {
    const completed_process result =
        run(shell("cat; echo err >&2; exit 3"), {.input = "in", .cwd = "/"});
    CHECK(result.exit_code == 3);
    CHECK(result.stdout_text == "in");
    CHECK(result.stderr_text == "err\n");
    CHECK(result.failed_step == start_step::none);
    CHECK(run(actor({"descriptors"})).stdout_text == "0 1 2 \n");
    CHECK(run(shell("kill -9 $$")).signal == SIGKILL);
    child_process child(shell("exit 4"), {.attributes = {.die_with_parent = true}});
    CHECK(child.wait().exit_code == 4);
}

/// What a start says and does, in a child of run_in_child.
json starts() {
    const temporary_directory directory;
    json answer;
    answer["failures"] = {start_failure({"/no/such/program"}, {}),
                          start_failure({"true"}, {.cwd = "/no/such"}),
                          start_failure({"true"}, {.attributes = {.limits = {{999, 1, 1}}}})};
    answer["status"] = run(shell("exit 3")).exit_code;
    answer["signal"] = run(shell("kill -9 $$")).signal;
    answer["descriptors"] = run(actor({"descriptors"}), {.input = "x"}).stdout_text;
    const skyutil::child_attributes keep{.keep_descriptors = true};
    const int kept = ::fcntl(0, F_DUPFD, 100);
    std::string list = run(actor({"descriptors"}), {.attributes = keep}).stdout_text;
    ::close(kept);
    const std::string without = run(actor({"descriptors"}), {.attributes = keep}).stdout_text;
    answer["kept"] = list.erase(list.find("100 "), 4) == without;
    answer["dying"] =
        child_process(shell("exit 4"), {.attributes = {.die_with_parent = true}}).wait().exit_code;
    child_process sleep({"sleep", "1000"}, {.grace = 0ms});
    answer["child"] = program_of(sleep.pid());
    const std::int64_t pid = skyutil::run_detached({"sleep", "1000"}, directory / "log");
    answer["detached"] = program_of(pid);
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    answer["children"] = ::waitpid(-1, nullptr, WNOHANG);
    for (int fd = 0; fd != 3; ++fd) {
        ::close(fd);
    }
    answer["closed"] = run(shell("cat; echo err >&2"), {.input = "in"}).stderr_text;
    forbid_system_call(SYS_close_range, ENOSYS);
    answer["one by one"] = run(actor({"descriptors"})).stdout_text;
    return answer;
}

TEST_CASE("a start says the same where a new process has a copy of the memory") {
    const auto start_with = [](bool shared) {
        return run_in_child([&] {
            sharing = shared;
            skyutil::detail::os::sys::memory_is_shared() = false;
            json answer = starts();
            answer["shared"] = skyutil::detail::os::sys::memory_is_shared().load();
            return answer;
        });
    };
    json with = start_with(true);
    json without = start_with(false);
    CHECK(with["shared"] == true);
    CHECK(without["shared"] == false);
    with.erase("shared");
    without.erase("shared");
    CHECK(with == without);
    CHECK(with["failures"] ==
          json{expected_failure(ENOENT, start_step::program, "/no/such/program"),
               expected_failure(ENOENT, start_step::directory, "/no/such"),
               expected_failure(EINVAL, start_step::limits, "true")});
    CHECK(with["descriptors"] == "0 1 2 \n");
    CHECK(with["kept"] == true);
    CHECK(with["one by one"] == "0 1 2 \n");
}

/// Runs the tests that hold everywhere in this program under another.
void run_everywhere(const command& emulator) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip("a sanitizer does not run under " + emulator.words().front());
#else
    std::vector<std::string> words = emulator.words();
    std::error_code error;
    static_cast<void>(run({words.front(), "--version"}, error));
    if (error) {
        skip("no " + words.front() + " here: " + error.message());
    }
    words.push_back(std::filesystem::read_symlink("/proc/self/exe"));
    words.emplace_back("[everywhere]");
    const completed_process result = run(words, {.timeout = 100s, .merge_stderr = true});
    if (result.stdout_text.find("debuginfo reader: ") != std::string::npos) {
        skip(words.front() + " cannot read what this compiler says for debuggers");
    }
    INFO(result.stdout_text);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.stdout_text, Catch::Matchers::ContainsSubstring("All tests passed"));
#endif
}

TEST_CASE("a start says the same under valgrind") {
    run_everywhere({"valgrind", "-q", "--tool=none", "--vgdb=no"});
}

TEST_CASE("a start says the same under qemu-user") {
#if defined(__x86_64__)
    run_everywhere({"qemu-x86_64-static"});
#elif defined(__aarch64__)
    run_everywhere({"qemu-aarch64-static"});
#else
    skip("no emulator is known for this machine");
#endif
}

}  // namespace
