// SPDX-License-Identifier: MIT
//
// tests/files/outcomes_linux.hpp: what tests of files.hpp on Linux share besides: pipes and FIFOs,
// descriptors, modes.

#pragma once

#include <skyutil/files.hpp>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/outcomes.hpp"
#include "support_linux.hpp"

namespace skyutil_tests {

inline void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count == -1 && errno != EINTR) {
            return;
        }
        text.remove_prefix(count == -1 ? 0 : static_cast<std::size_t>(count));
    }
}

/// An anonymous pipe that a thread writes a text into.
class text_pipe {
public:
    explicit text_pipe(std::string text) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) == -1) {
            throw_errno("pipe2");
        }
        read_end_.reset(ends[0]);
        writer_ = std::thread([fd = ends[1], text = std::move(text)] {
            write_all(fd, text);
            ::close(fd);
        });
    }
    text_pipe(const text_pipe&) = delete;
    text_pipe& operator=(const text_pipe&) = delete;
    ~text_pipe() {
        char rest[4096];
        while (::read(read_end_.get(), rest, sizeof rest) >
               0) {  // the writer must not wait for ever
        }
        writer_.join();
    }

    fs::path path() const { return "/proc/self/fd/" + std::to_string(read_end_.get()); }

private:
    skyutil::unique_fd read_end_;
    std::thread writer_;
};

inline void make_fifo(const fs::path& path) {
    if (::mkfifo(path.c_str(), 0666) == -1) {
        throw_errno("mkfifo");
    }
}

inline bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

inline unsigned mode_of(const fs::path& path) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) == -1) {
        throw_errno("lstat " + path.string());
    }
    return info.st_mode & 07777U;
}

}  // namespace skyutil_tests
