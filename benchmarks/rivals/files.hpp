// SPDX-License-Identifier: MIT
//
// The last lines and the entries of a directory by hand: what files.hpp is compared with.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rivals {

[[noreturn]] inline void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

inline std::size_t size_of(int fd) {
    struct stat info{};
    if (::fstat(fd, &info) == -1) {
        give_up("fstat");
    }
    return static_cast<std::size_t>(info.st_size);
}

/// Where the last `n` lines start, by blocks read backwards.
inline std::size_t find_backwards(int fd, std::size_t size, std::size_t n) {
    constexpr std::size_t largest = 65536;
    static thread_local std::array<char, largest> buffer;
    std::size_t offset = size;
    for (std::size_t block = 8192; offset != 0; block = (std::min)(2 * block, largest)) {
        std::size_t length = (std::min)(offset, block);
        offset -= length;
        if (::pread(fd, buffer.data(), length, static_cast<off_t>(offset)) !=
            static_cast<ssize_t>(length)) {
            give_up("pread");
        }
        length -= offset + length == size ? 1 : 0;
        while (const void* const found = ::memrchr(buffer.data(), '\n', length)) {
            length = static_cast<std::size_t>(static_cast<const char*>(found) - buffer.data());
            if (--n == 0) {
                return offset + length + 1;
            }
        }
    }
    return 0;
}

template <class Lines>
void split(std::string_view text, Lines& lines) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix((std::min)(end, text.size() - 1) + 1);
    }
}

inline std::size_t find_by_hand(const std::string& path, std::size_t n) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const std::size_t found = find_backwards(fd, size_of(fd), n);
    ::close(fd);
    return found;
}

template <class Line>
struct found_lines {
    std::unique_ptr<char[]> text;
    std::vector<Line> lines;
};

/// The search, one pread of what it found, and the lines.
template <class Line>
found_lines<Line> lines_by_hand(const std::string& path, std::size_t n) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const std::size_t size = size_of(fd);
    const std::size_t start = find_backwards(fd, size, n);
    found_lines<Line> found{std::make_unique_for_overwrite<char[]>(size - start), {}};
    if (::pread(fd, found.text.get(), size - start, static_cast<off_t>(start)) !=
        static_cast<ssize_t>(size - start)) {
        give_up("pread");
    }
    ::close(fd);
    split({found.text.get(), size - start}, found.lines);
    return found;
}

inline std::vector<std::string> lines_by_mmap(const std::string& path, std::size_t n) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const std::size_t size = size_of(fd);
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    ::close(fd);
    const char* const text = static_cast<const char*>(address);
    std::size_t length = size - 1;
    std::size_t start = 0;
    while (const void* const found = ::memrchr(text, '\n', length)) {
        length = static_cast<std::size_t>(static_cast<const char*>(found) - text);
        if (--n == 0) {
            start = length + 1;
            break;
        }
    }
    std::vector<std::string> lines;
    split({text + start, size - start}, lines);
    ::munmap(address, size);
    return lines;
}

inline std::size_t count_by_ifstream(const std::string& path, std::size_t n) {
    std::ifstream in(path, std::ios::binary);
    std::deque<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
        if (lines.size() > n) {
            lines.pop_front();
        }
    }
    return lines.size();
}

inline std::size_t bytes_by_gnu_tail(const std::string& path, std::size_t n) {
    FILE* const pipe = ::popen(("tail -n " + std::to_string(n) + " " + path).c_str(), "re");
    std::array<char, 65536> buffer;  // NOLINT(*-member-init)
    std::size_t bytes = 0;
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        bytes += count;
    }
    if (::pclose(pipe) != 0) {
        give_up("tail");
    }
    return bytes;
}

inline std::size_t entries_by_getdents(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    alignas(dirent64) std::array<char, 32768> buffer;  // NOLINT(*-member-init)
    std::size_t entries = 0;
    for (;;) {
        const long size = ::syscall(SYS_getdents64, fd, buffer.data(), buffer.size());
        if (size <= 0) {
            break;
        }
        for (long at = 0; at < size; ++entries) {
            std::uint16_t length = 0;
            std::memcpy(&length, buffer.data() + at + offsetof(dirent64, d_reclen), sizeof length);
            at += length;
        }
    }
    ::close(fd);
    return entries - 2;
}

inline std::size_t entries_by_iterator(const std::string& path) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path),
                                                  std::filesystem::directory_iterator()));
}

}  // namespace rivals
