// SPDX-License-Identifier: MIT

#include "system.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace program {

namespace {

std::error_code last_error() { return {errno, std::generic_category()}; }

}  // namespace

std::vector<std::string> arguments_of(int argc, char** argv) {
    return {argv + (argc > 0 ? 1 : 0), argv + argc};
}

/// One that is closed becomes a descriptor that can neither be read nor written, and that no
/// command gets.
void set_up_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
            static_cast<void>(::open("/", O_PATH | O_CLOEXEC));
        }
    }
}

bool output_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool errors_go_to_terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::int64_t own_process_id() { return ::getpid(); }

std::filesystem::path to_path(const std::string& text) { return text; }
std::string to_text(const std::filesystem::path& path) { return path.native(); }

bool is_readable(const std::filesystem::path& path) { return ::access(path.c_str(), R_OK) == 0; }

input::input() : used_(STDIN_FILENO) {}

input::input(const std::filesystem::path& path, std::error_code& error)
    : own_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), used_(own_.get()) {
    if (!own_) {
        error = last_error();
    }
}

std::size_t input::read(std::span<char> buffer, std::error_code& error) const {
    ssize_t size = 0;
    do {
        size = ::read(used_, buffer.data(), buffer.size());
    } while (size == -1 && errno == EINTR);
    if (size == -1) {
        error = last_error();
    }
    return size > 0 ? static_cast<std::size_t>(size) : 0;
}

std::uint64_t input::size() const {
    const off_t end = ::lseek(used_, 0, SEEK_END);
    return end > 0 ? static_cast<std::uint64_t>(end) : 0;
}

void input::go_to(std::uint64_t byte, std::error_code& error) const {
    if (::lseek(used_, static_cast<off_t>(byte), SEEK_SET) == -1) {
        error = last_error();
    }
}

}  // namespace program
