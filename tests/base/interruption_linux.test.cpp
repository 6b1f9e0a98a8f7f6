// SPDX-License-Identifier: MIT
//
// Threads that are asked to stop while they wait.

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/files.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/subprocess.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "catch.hpp"

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using skyutil::detail::interruption;

namespace {

/// Answers no so many times, then yes.
struct patience {
    std::atomic<int> left = 0;
    std::atomic<int> asked = 0;

    static bool ask(void* self) noexcept {
        auto& that = *static_cast<patience*>(self);
        ++that.asked;
        return that.left-- <= 0;
    }
};

struct fifo {
    skyutil::temporary_directory directory;
    fs::path path = directory.path() / "fifo";
    fifo() { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
};

}  // namespace

TEST_CASE("a thread that is interrupted stops waiting for the writer of a FIFO") {
    const fifo fifo;
    patience patience{.left = 3};
    std::error_code error;
    {
        const interruption interruption(&patience::ask, &patience);
        const auto lines = skyutil::read_last_n_lines(fifo.path, 1, error);
        CHECK(error == std::errc::interrupted);
        CHECK(lines.empty());
    }
    CHECK(patience.asked == 4);
}

TEST_CASE("a thread that is interrupted stops waiting for what a writer has not written yet") {
    const fifo fifo;
    patience patience{.left = 1};
    std::error_code error;
    const int reader = ::open(fifo.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const skyutil::unique_fd writer(::open(fifo.path.c_str(), O_WRONLY | O_CLOEXEC));
    ::close(reader);
    REQUIRE(writer);
    const interruption interruption(&patience::ask, &patience);
    static_cast<void>(skyutil::file_tail(fifo.path, 1, error));
    CHECK(error == std::errc::interrupted);
}

TEST_CASE("an interrupted thread does nothing more with files and ports") {
    patience patience;
    std::error_code error;
    const interruption interruption(&patience::ask, &patience);
    while (!interruption::requested()) {
        std::this_thread::sleep_for(1ms);
    }
    static_cast<void>(skyutil::count_directory_entries("/", error));
    CHECK(error == std::errc::interrupted);
    static_cast<void>(skyutil::read_last_n_lines("/proc/self/status", 1, error));
    CHECK(error == std::errc::interrupted);
    static_cast<void>(skyutil::find_free_port(1024, error));
    CHECK(error == std::errc::interrupted);
    CHECK(patience.asked == 1);
}

TEST_CASE("a command that an interrupted thread runs is ended") {
    patience patience{.left = 3};
    std::error_code error;
    const auto start = std::chrono::steady_clock::now();
    {
        const interruption interruption(&patience::ask, &patience);
        static_cast<void>(skyutil::run({"sleep", "1000"}, {.grace = 10s}, error));
    }
    CHECK(error == std::errc::interrupted);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // it was reaped
}

TEST_CASE("what is asked while a thread is interrupted may use the library itself") {
    static std::error_code inside;
    const auto ask = [](void*) noexcept {
        static_cast<void>(skyutil::count_directory_entries("/", inside));
        return true;
    };
    inside = std::make_error_code(std::errc::io_error);
    const fifo fifo;
    std::error_code error;
    {
        const interruption interruption(ask, nullptr);
        static_cast<void>(skyutil::file_tail(fifo.path, 1, error));
    }
    CHECK(error == std::errc::interrupted);
    CHECK(!inside);
    CHECK(skyutil::count_directory_entries("/") > 0);
}

TEST_CASE("a signal that interrupts a system call has the question asked at once") {
    // A lease makes open(2) itself wait, which nothing but a signal ends.
    const skyutil::temporary_directory directory;
    const fs::path path = directory.path() / "file";
    const skyutil::unique_fd lease(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (::fcntl(lease.get(), F_SETLEASE, F_WRLCK) == -1) {
        SKYUTIL_SKIP("no leases on this file system");
    }
    struct sigaction before{};
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;  // of the lease's owner, who is asked to give it up
    ::sigaction(SIGIO, &ignore, &before);
    struct sigaction note{};
    struct sigaction old{};
    note.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGUSR1, &note, &old);
    patience patience;
    std::error_code error;
    std::atomic<bool> done = false;
    std::thread reader([&] {
        const interruption interruption(&patience::ask, &patience);
        static_cast<void>(skyutil::file_tail(path, 1, error));
        done = true;
    });
    while (!done) {
        ::pthread_kill(reader.native_handle(), SIGUSR1);
        std::this_thread::sleep_for(1ms);
    }
    reader.join();
    ::sigaction(SIGUSR1, &old, nullptr);
    ::sigaction(SIGIO, &before, nullptr);
    CHECK(error == std::errc::interrupted);
}
