// SPDX-License-Identifier: MIT
//
// The running system: what the kernel itself does is tested on real control groups where the user
// may make some.

#include <skyutil/system.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support_linux.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using nlohmann::json;
namespace sys = skyutil::detail::os::sys;

// ------------------------------------------------------------------------------- real control
// groups

namespace {

bool writable(const std::string& name) { return ::access(name.c_str(), W_OK) == 0; }

/// Two control groups of version 1, one in the other, removed at the end of the scope. Skips the
/// test where there can be none.
class nested_groups {
public:
    nested_groups(const std::string& controller, const std::string& proof) {
        const std::string top = "/sys/fs/cgroup/" + controller;
        if (::geteuid() != 0 || !writable(top + "/cgroup.procs")) {
            SKYUTIL_SKIP("needs root and a writable " + top + " of cgroup version 1");
        }
        static int number = 0;
        outer_ =
            top + "/skyutil-test-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
        inner_ = outer_ + "/inner";
        if (::mkdir(outer_.c_str(), 0755) == -1) {
            SKYUTIL_SKIP("cannot make control groups in " + top);
        }
        if (::mkdir(inner_.c_str(), 0755) == -1 || !std::filesystem::exists(inner_ + "/" + proof)) {
            remove();
            SKYUTIL_SKIP(top + " is not of cgroup version 1");
        }
    }
    nested_groups(const nested_groups&) = delete;
    nested_groups& operator=(const nested_groups&) = delete;
    ~nested_groups() { remove(); }

    void set_outer(const std::string& file, const std::string& value) const {
        write_file(outer_ + "/" + file, value);
    }
    void set_inner(const std::string& file, const std::string& value) const {
        write_file(inner_ + "/" + file, value);
    }
    const std::string& outer() const { return outer_; }
    const std::string& inner() const { return inner_; }

    /// Moves the calling process to the inner group.
    void enter() const { write_file(inner_ + "/cgroup.procs", std::to_string(::getpid())); }

private:
    void remove() const {
        // A process that has just ended can still be in its group.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        for (const std::string& group : {inner_, outer_}) {
            while (::rmdir(group.c_str()) == -1 && errno == EBUSY &&
                   std::chrono::steady_clock::now() < deadline) {
                std::this_thread::yield();
            }
        }
    }

    std::string outer_;
    std::string inner_;
};

/// The first answer to a call that began 20 milliseconds after `start` or later.
template <class Function>
auto answer_after_20_ms(std::chrono::steady_clock::time_point start, Function function) {
    for (;;) {
        const auto called = std::chrono::steady_clock::now();
        const auto answer = function();
        if (called - start >= std::chrono::milliseconds(20)) {
            return answer;
        }
    }
}

/// Affinity masks of any size.
class cpu_mask {
public:
    cpu_mask() : words_(1024) {
        const long size =
            ::syscall(SYS_sched_getaffinity, 0, words_.size() * sizeof(words_[0]), words_.data());
        if (size < 0) {
            throw_errno("sched_getaffinity");
        }
        words_.resize(static_cast<std::size_t>(size) / sizeof(words_[0]));
    }

    int count() const {
        int result = 0;
        for (const unsigned long word : words_) {
            result += std::popcount(word);
        }
        return result;
    }

    /// Leaves the first CPU alone and binds the calling thread to it.
    void bind_to_first() {
        bool found = false;
        for (unsigned long& word : words_) {
            word = found ? 0 : word & (~word + 1);
            found = found || word != 0;
        }
        if (::syscall(SYS_sched_setaffinity, 0, words_.size() * sizeof(words_[0]), words_.data()) !=
            0) {
            throw_errno("sched_setaffinity");
        }
    }

private:
    std::vector<unsigned long> words_;
};

}  // namespace

// ------------------------------------------------------------------------------------------
// description

/// Makes sched_getaffinity(2) refuse masks of so many bytes and less, as a kernel that was built
/// for more CPUs does.
void refuse_masks_up_to(unsigned bytes) {
    std::array<sock_filter, 6> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_getaffinity, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, bytes, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    install_filter(program);
}

TEST_CASE("a kernel that was built for more CPUs gets a larger mask, up to half a million CPUs") {
    if constexpr (std::endian::native != std::endian::little) {
        SKYUTIL_SKIP("the filter reads the low half of an argument");
    }
    const int expected = sys::count_affinity().value_or(0);
    REQUIRE(expected > 0);
    const auto count_where = [](unsigned refused) {
        return run_in_child([=] {
            refuse_masks_up_to(refused);
            return json(sys::count_affinity().value_or(0));
        });
    };
    const json few = count_where(1024);  // 8,192 CPUs
    CHECK(few == expected);
    const json many = count_where(65535);
    CHECK(many == expected);
    const json too_many = count_where(65536);
    CHECK(too_many == 0);
}

TEST_CASE("without descriptors left there is still an answer") {
    const json answer = run_in_child([] {
        const no_overrides clean;
        const no_descriptors scope;
        if (::open("/proc/self/cgroup", O_RDONLY) != -1) {
            throw std::runtime_error("a file could be opened");
        }
        std::error_code error;
        return json{skyutil::get_cpu_count(), skyutil::get_mem_size_gb(),
                    skyutil::get_cpu_budget({}, error).usable(),
                    skyutil::get_cpu_budget().usable()};
    });
    CHECK(answer[0] >= 1);
    CHECK(answer[1] > 0.0);
    CHECK(answer[2] == answer[0]);
    CHECK(answer[3] == answer[0]);
}

// ---------------------------------------------------------------------------------- the running
// system

TEST_CASE("the affinity mask of the calling thread counts, at once and for no other thread") {
    const no_overrides clean;
    if (cpu_mask().count() < 2) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    const int before = skyutil::get_cpu_count();
    int warm = 0;
    int bound = 0;
    std::optional<int> in_budget;
    std::thread([&] {
        warm = skyutil::get_cpu_count();
        cpu_mask().bind_to_first();
        bound = skyutil::get_cpu_count();
        in_budget = skyutil::get_cpu_budget().affinity;
    }).join();
    CHECK(warm == before);
    CHECK(bound == 1);
    CHECK(in_budget == 1);
    CHECK(skyutil::get_cpu_count() == before);
    CHECK(skyutil::get_cpu_budget().affinity == cpu_mask().count());
}

TEST_CASE("a child made by fork gets its own answers, and its parent keeps its") {
    const no_overrides clean;
    const int cpus = skyutil::get_cpu_count();
    const double memory = skyutil::get_mem_size_gb();
    const json answer = run_in_child([] {
        const int at_once = skyutil::get_cpu_count();
        const double gigabytes = skyutil::get_mem_size_gb();
        cpu_mask().bind_to_first();
        return json{at_once, gigabytes, skyutil::get_cpu_count(),
                    skyutil::get_cpu_budget().affinity.value_or(0)};
    });
    CHECK(answer == json{cpus, memory, 1, 1});
    CHECK(skyutil::get_cpu_count() == cpus);
}

TEST_CASE("asking leaves no descriptor open") {
    const no_overrides clean;
    const std::size_t before = count_open_descriptors();
    static_cast<void>(skyutil::get_cpu_budget());
    static_cast<void>(skyutil::get_memory_budget());
    const int cpus = skyutil::get_cpu_count();
    CHECK(cpus >= 1);
    CHECK(count_open_descriptors() == before);
}

TEST_CASE("a real quota on the parent group counts within 20 milliseconds of moving there") {
    const no_overrides clean;
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    groups.set_outer("cpu.cfs_period_us", "100000");
    groups.set_outer("cpu.cfs_quota_us", "150000");
    const int before = skyutil::get_cpu_count();
    const json answer = run_in_child([&] {
        static_cast<void>(skyutil::get_cpu_count());
        groups.enter();
        const auto moved = std::chrono::steady_clock::now();
        const int count = answer_after_20_ms(moved, [] { return skyutil::get_cpu_count(); });
        const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
        groups.set_outer("cpu.cfs_quota_us", "50000");
        return json{count, budget.quota.value_or(0), budget.quota_file,
                    skyutil::get_cpu_budget().quota.value_or(0)};
    });
    CHECK(answer == json{1, 1.5, groups.outer() + "/cpu.cfs_quota_us", 0.5});
    CHECK(skyutil::get_cpu_count() == before);
}

TEST_CASE("a quota that can no longer be looked at still counts") {
    const no_overrides clean;
    if (cpu_mask().count() < 2) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    groups.set_outer("cpu.cfs_quota_us", "100000");
    const auto count_later = [] {
        return answer_after_20_ms(std::chrono::steady_clock::now(),
                                  [] { return skyutil::get_cpu_count(); });
    };
    const auto count_in_thread = [] {
        int count = 0;
        std::thread([&] { count = skyutil::get_cpu_count(); }).join();
        return count;
    };
    const json without_descriptors = run_in_child([&] {
        groups.enter();
        const int before = count_later();
        const int in_thread = count_in_thread();  // after it UBSan needs no file for that thread
        const no_descriptors scope;
        return json{before, in_thread, count_later(), count_in_thread()};
    });
    CHECK(without_descriptors == json{1, 1, 1, 1});

    const temporary_directory jail;
    const json in_a_jail = run_in_child([&] {
        groups.enter();
        const int before = count_later();
        const int in_thread = count_in_thread();
        if (::chroot(jail.path().c_str()) == -1 || ::chdir("/") == -1) {
            throw cannot_run{"may not call chroot"};
        }
        return json{before, in_thread, count_later(), count_in_thread()};
    });
    CHECK(in_a_jail == json{1, 1, 1, 1});
}

TEST_CASE("a group that is removed or changes meanwhile never makes an answer wrong") {
    const no_overrides clean;
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    const int cpus = skyutil::get_cpu_count();
    const json answer = run_in_child([&] {
        const std::string moving = groups.outer() + "/moving";
        std::atomic<bool> done = false;
        std::atomic<int> wrong = 0;
        std::thread mover([&] {
            for (int i = 0; i < 100; ++i) {
                ::mkdir(moving.c_str(), 0755);
                write_file(moving + "/cpu.cfs_quota_us", i % 2 == 0 ? "100000" : "-1");
                write_file(moving + "/cgroup.procs", std::to_string(::getpid()));
                write_file(groups.inner() + "/cgroup.procs", std::to_string(::getpid()));
                ::rmdir(moving.c_str());
            }
            done = true;
        });
        skyutil::resource_monitor monitor({}, std::chrono::milliseconds(0));
        while (!done) {
            for (const int count : {monitor.cpu_count(), skyutil::get_cpu_budget().usable()}) {
                wrong += count >= 1 && count <= cpus ? 0 : 1;
            }
        }
        mover.join();
        return json{wrong.load(), monitor.cpu_count()};
    });
    CHECK(answer == json{0, cpus});
}

TEST_CASE("a thread in a group of its own has that group's quota, its process another") {
    const no_overrides clean;
    if (cpu_mask().count() < 2) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    groups.set_inner("cpu.cfs_quota_us", "100000");
    const int cpus = skyutil::get_cpu_count();
    const json answer = run_in_child([&] {
        int in_group = 0;
        std::thread([&] {
            write_file(groups.inner() + "/tasks", std::to_string(::syscall(SYS_gettid)));
            in_group = skyutil::get_cpu_count();
        }).join();
        return json{in_group, skyutil::get_cpu_count()};
    });
    CHECK(answer == json{1, cpus});
}

TEST_CASE("a real memory limit on the parent group counts within 20 milliseconds of moving there") {
    const no_overrides clean;
    const nested_groups groups("memory", "memory.limit_in_bytes");
    groups.set_outer("memory.limit_in_bytes", "536870912");
    const json answer = run_in_child([&] {
        static_cast<void>(skyutil::get_mem_size_gb());
        groups.enter();
        const auto moved = std::chrono::steady_clock::now();
        const double size = answer_after_20_ms(moved, [] { return skyutil::get_mem_size_gb(); });
        const skyutil::memory_budget budget = skyutil::get_memory_budget();
        return json{size, budget.limit.value_or(0), budget.limit_file};
    });
    CHECK(answer == json{0.5, 536870912, groups.outer() + "/memory.limit_in_bytes"});
}

TEST_CASE("a real cpuset counts") {
    const no_overrides clean;
    if (cpu_mask().count() < 2) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    const nested_groups groups("cpuset", "cpuset.cpus");
    groups.set_outer("cpuset.cpus", "0");
    groups.set_outer("cpuset.mems", "0");
    groups.set_inner("cpuset.cpus", "0");
    groups.set_inner("cpuset.mems", "0");
    const json answer = run_in_child([&] {
        static_cast<void>(skyutil::get_cpu_count());
        groups.enter();
        const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
        return json{skyutil::get_cpu_count(), budget.cpuset.value_or(0), budget.cpuset_file,
                    budget.affinity.value_or(0)};
    });
    CHECK(answer[0] == 1);
    CHECK(answer[1] == 1);
    CHECK_THAT(answer[2].get<std::string>(), Catch::Matchers::StartsWith(groups.inner()));
    CHECK(answer[3] == 1);
}

TEST_CASE("limits above the root of the process's cgroup namespace are found") {
    const no_overrides clean;
    const nested_groups cpu("cpu", "cpu.cfs_quota_us");
    const nested_groups memory("memory", "memory.limit_in_bytes");
    cpu.set_outer("cpu.cfs_quota_us", "150000");
    memory.set_outer("memory.limit_in_bytes", "536870912");
    const json answer = run_in_child([&] {
        cpu.enter();
        memory.enter();
        if (::unshare(CLONE_NEWCGROUP) == -1) {
            throw cannot_run{"cannot make a cgroup namespace"};
        }
        if (read_file("/proc/self/cgroup").find("skyutil-test") != std::string::npos ||
            read_file("/proc/self/mountinfo").find(" /../.. ") == std::string::npos) {
            throw std::runtime_error("the namespace does not hide the way");
        }
        const skyutil::cpu_budget cpus = skyutil::get_cpu_budget();
        const skyutil::memory_budget limits = skyutil::get_memory_budget();
        return json{cpus.quota.value_or(0), cpus.quota_file, limits.limit.value_or(0),
                    limits.limit_file, skyutil::get_cpu_count()};
    });
    CHECK(answer == json{1.5, cpu.outer() + "/cpu.cfs_quota_us", 536870912,
                         memory.outer() + "/memory.limit_in_bytes", 1});
}

TEST_CASE("a thread with a real-time policy has no quota, and its neighbours keep theirs") {
    const no_overrides clean;
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    groups.set_outer("cpu.cfs_quota_us", "50000");
    const std::string runtime = groups.outer() + "/cpu.rt_runtime_us";
    if (writable(runtime)) {  // each group has its share of real time where the kernel groups it
        try {
            groups.set_outer("cpu.rt_runtime_us", "2000");
            groups.set_inner("cpu.rt_runtime_us", "1000");
        } catch (const std::system_error&) {
            SKYUTIL_SKIP("no real time left for a new group");
        }
    }
    const json answer = run_in_child([&] {
        groups.enter();
        json result;
        const auto note = [&] {
            result.push_back(skyutil::get_cpu_budget().quota.value_or(0));
            result.push_back(skyutil::get_cpu_count());
        };
        const auto set_policy = [](int policy, int priority) {
            if (!set_scheduling_policy(policy, priority)) {
                throw cannot_run{"may not set a real-time policy"};
            }
        };
        const auto moved = std::chrono::steady_clock::now();
        answer_after_20_ms(moved, [] { return skyutil::get_cpu_count(); });
        note();
        set_policy(SCHED_FIFO, 1);
        note();
        set_policy(SCHED_RR | SCHED_RESET_ON_FORK, 1);
        note();
        std::thread(note).join();
        set_policy(SCHED_OTHER, 0);
        note();
        return result;
    });
    const int cpus = skyutil::get_cpu_count();
    CHECK(answer == json{0.5, 1, 0, cpus, 0, cpus, 0.5, 1, 0.5, 1});
}
