// SPDX-License-Identifier: MIT
//
// Starting a program by hand and with Boost: what subprocess.hpp is compared with.

#pragma once

#include <skyutil/subprocess.hpp>
#include <skyutil/system.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <stdexcept>

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rivals {

constexpr const char* program = "/bin/true";

/// Memory in use, gone with the object; empty where there is not enough.
class ballast {
public:
    explicit ballast(std::int64_t mib) : size_(static_cast<std::size_t>(mib) << 20) {
        if (skyutil::get_memory_budget().available() > size_ + (std::uint64_t{1} << 30)) {
            memory_ =
                ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        }
        if (*this) {
            ::madvise(memory_, size_, MADV_NOHUGEPAGE);  // as a heap that grew has them
            constexpr int populate_write = 23;           // Linux 5.14
            if (::madvise(memory_, size_, populate_write) == 0) {
                return;
            }
            for (std::size_t at = 0; at < size_; at += 4096) {
                static_cast<volatile char*>(memory_)[at] = 1;
            }
        }
    }
    ballast(const ballast&) = delete;
    ballast& operator=(const ballast&) = delete;
    ~ballast() {
        if (*this) {
            ::munmap(memory_, size_);
        }
    }

    explicit operator bool() const { return memory_ != MAP_FAILED; }

private:
    std::size_t size_;
    void* memory_ = MAP_FAILED;
};

inline void check(bool worked) {
    if (!worked) {
        throw std::runtime_error("the child failed");
    }
}

inline pid_t spawn(const char* const* arguments,
                   const posix_spawn_file_actions_t* actions = nullptr) {
    pid_t pid = 0;
    check(::posix_spawn(&pid, arguments[0], actions, nullptr, const_cast<char* const*>(arguments),
                        environ) == 0);
    return pid;
}

inline bool wait_for(pid_t pid) {
    int status = 0;
    return ::waitpid(pid, &status, 0) == pid && status == 0;
}

struct with_posix_spawn {
    static void start() {
        const std::array<const char*, 2> arguments{program, nullptr};
        check(wait_for(spawn(arguments.data())));
    }
};

struct with_fork {
    static void start() {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::execl(program, program, nullptr);
            ::_exit(127);
        }
        check(wait_for(pid));
    }
};

struct with_popen {
    static void start() {
        std::FILE* const file = ::popen(program, "r");
        check(file != nullptr && ::pclose(file) == 0);
    }
};

#if BOOST_VERSION < 108600  // a library later, with its own needs
struct with_boost {
    static void start() {
        boost::asio::io_context context;
        boost::process::v2::process child(context, program, {});
        check(child.wait() == 0);
    }
};
#endif

}  // namespace rivals
