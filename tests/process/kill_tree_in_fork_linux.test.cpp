// SPDX-License-Identifier: MIT
//
// Trees that are ended while one of their processes is in fork(2) or vfork(2).

#include <skyutil/process.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/nursery_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;

namespace {

/// Makes fork(2) take long: it copies every one of these mappings.
void make_many_mappings() {
    constexpr std::size_t count = 40000;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const memory =
        ::mmap(nullptr, count * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw_errno("mmap");
    }
    for (std::size_t i = 0; i < count; i += 2) {
        ::mprotect(static_cast<char*>(memory) + i * page, page, PROT_READ);
    }
}

void stay_on_one_processor() {
    cpu_set_t all;
    CPU_ZERO(&all);
    ::sched_getaffinity(0, sizeof all, &all);
    int last = CPU_SETSIZE - 1;
    while (last > 0 && !CPU_ISSET(last, &all)) {
        --last;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    ::sched_setaffinity(0, sizeof one, &one);
}

/// Has the calling thread run only when the processor is idle.
void give_way() {
    stay_on_one_processor();
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_IDLE, &none);
}

void exit_at_sigterm() {
    ::signal(SIGTERM, [](int) { ::_exit(0); });
}

/// Everything was ended, and nothing was born after the last look.
void check_nothing_left(const json& answer) {
    CHECK(answer["left"] == json::array());
    CHECK(answer["alive"] == 0);
    CHECK(answer["left over"] == 0);
}

}  // namespace

TEST_CASE("a child that is born late, as the machine is busy, is ended") {
    for (const bool force : {false, true}) {
        CAPTURE(force);
        check_nothing_left(in_nursery([&] {
            const pid_t root = start([] {
                make_many_mappings();
                give_way();
                shared->go = true;
                start();
            });
            std::thread busy([] {
                stay_on_one_processor();
                await([] { return shared->go.load(); }, "the root");
                for (const auto end = steady_clock::now() + 500ms; steady_clock::now() < end;) {
                }
            });
            await([] { return shared->go.load(); }, "the root");
            sleep_for(20ms);
            json result = summary(skyutil::kill_process_tree(root, {.grace = 20s, .force = force}));
            busy.join();
            return result;
        }));
    }
}

namespace {

/// Opens what tells of each fork(2) of the calling process.
int open_fork_events() {
    const auto fd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC));
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_EVENT_FORK;
    if (fd == -1 || ::ioctl(fd, UFFDIO_API, &api) == -1) {
        throw cannot_run{"userfaultfd(2) does not tell this user of fork(2)"};
    }
    return fd;
}

/// Has each fork(2) of the calling process wait until the result is read: so long its parent is in
/// the kernel, where no signal wakes it.
int hold_up_forks() {
    const int fd = open_fork_events();
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const memory =
        ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uffdio_register range{};
    range.range.start = reinterpret_cast<std::uintptr_t>(memory);
    range.range.len = page;
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (memory == MAP_FAILED || ::ioctl(fd, UFFDIO_REGISTER, &range) == -1) {
        throw_errno("userfaultfd");
    }
    return fd;
}

/// Ends a tree whose root has the descriptor of hold_up_forks(), once that thread of it is in
/// fork(2); lets it go on after a while.
json end_tree_in_fork(pid_t root, pid_t thread, milliseconds after) {
    await([] { return shared->signals != 0; }, "the root");
    await([&] { return state_of(thread) == 'D'; }, "the fork");
    const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, root, 0));
    const auto forks =
        static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, shared->signals.load(), 0));
    if (forks == -1) {
        throw cannot_run{"pidfd_getfd(2) is not allowed"};
    }
    std::thread release([=] {
        sleep_for(after);
        uffd_msg event{};
        static_cast<void>(::read(forks, &event, sizeof event));
    });
    json result = summary(skyutil::kill_process_tree(root, patient));
    release.join();
    return result;
}

}  // namespace

TEST_CASE("a child whose birth takes longer than a second is ended") {
    const json answer = in_nursery([] {
        ::close(open_fork_events());
        const pid_t root = start([] {
            exit_at_sigterm();  // by itself SIGTERM would end the fork too
            shared->signals = hold_up_forks();
            start();
        });
        return end_tree_in_fork(root, root, 1500ms);
    });
    check_nothing_left(answer);
    CHECK(answer["signalled"] == 2);
    CHECK(answer["killed"] == 0);
}

TEST_CASE("a child that another thread than the first one bears is ended") {
#if defined(__SANITIZE_THREAD__)
    SKYUTIL_SKIP("ThreadSanitizer holds back signals while another thread forks");
#endif
    const json answer = in_nursery([] {
        ::close(open_fork_events());
        const pid_t root = start([] {
            ::signal(SIGTERM, [](int) {
                await_processes(2);  // the fork goes on while there is nothing to stop it
                ::_exit(0);
            });
            std::thread([] {
                shared->done = static_cast<int>(::syscall(SYS_gettid));
                shared->signals = hold_up_forks();
                start();
            }).detach();
        });
        await([] { return shared->done != 0; }, "the thread");
        return end_tree_in_fork(root, shared->done, 500ms);
    });
    check_nothing_left(answer);
    CHECK(answer["signalled"] == 2);
    CHECK(answer["killed"] == 0);
}

TEST_CASE("a parent that waits in vfork is asked to end after its child") {
#if defined(__SANITIZE_THREAD__)
    SKYUTIL_SKIP("ThreadSanitizer makes vfork fork");
#endif
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            exit_at_sigterm();
            if (::vfork() == 0) {
                ::pause();
            }
        });
        await_processes(1);
        await([&] { return state_of(root) == 'D'; }, "vfork");
        const skyutil::kill_report report = skyutil::kill_process_tree(root, patient);
        return json{{"signalled", report.signalled.size()},
                    {"killed", report.killed.size()},
                    {"left", report.left.size()}};
    });
    CHECK(answer == json{{"signalled", 2}, {"killed", 0}, {"left", 0}, {"left over", 0}});
}
