// SPDX-License-Identifier: MIT
//
// tests/follow/numbered_log.hpp: a log of numbered lines that is rotated while it is written, and
// the reader that checks them.

#pragma once

#include <skyutil/follow.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "support.hpp"

namespace skyutil_tests {

/// The line with a number, of a length that varies; the number stands at both ends.
inline std::string numbered_line(std::uint64_t number) {
    const std::string digits = std::to_string(number);
    return digits + std::string(number * 7 % 61, static_cast<char>('a' + number % 26)) + digits;
}

inline std::uint64_t size_from_environment(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

enum class rotation {
    rename,        ///< the file is renamed, and another made
    late_reopen,   ///< so it is, but the writer goes on with the old one for a while
    remove,        ///< the file is removed, and another made
    replace,       ///< another file is renamed over it
    link,          ///< the name is a link, which is pointed elsewhere
    directory,     ///< the directory is renamed, and another made
    copytruncate,  ///< the file is copied and truncated
};

inline constexpr rotation rotations[] = {
    rotation::rename, rotation::late_reopen, rotation::remove,      rotation::replace,
    rotation::link,   rotation::directory,   rotation::copytruncate};

/// Appends lines to a log, in pieces that end anywhere, from a thread of its own.
class log_writer {
public:
    struct plan {
        rotation kind = rotation::rename;
        std::uint64_t lines = 0;
        std::uint64_t rotations = 0;
    };

    /// `name` is in a directory that is the test's. `seen` is the number of the last line that was
    /// read: a file is rotated once its first line was seen, as the name of one that comes and goes
    /// unseen cannot be followed.
    log_writer(std::filesystem::path name, plan wanted, const std::atomic<std::uint64_t>& seen)
        : name_(std::move(name)), plan_(wanted), seen_(seen) {
        std::filesystem::create_directories(name_.parent_path());
        if (plan_.kind == rotation::link) {
            std::filesystem::create_symlink(next_file(), name_);
        }
        open();
        thread_ = std::thread([this] { write(); });
    }
    log_writer(const log_writer&) = delete;
    log_writer& operator=(const log_writer&) = delete;
    ~log_writer() {
        ended_ = true;
        thread_.join();
        ::close(fd_);
    }

private:
    std::filesystem::path next_file() { return name_.string() + "." + std::to_string(++files_); }

    void open() {
        fd_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (fd_ == -1) {
            throw_errno("open " + name_.string());
        }
    }

    void append(std::string_view text) {
        if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
            throw_errno("write " + name_.string());
        }
    }

    void write() {
        const std::uint64_t each =
            (std::max)(plan_.lines / (plan_.rotations + 1), std::uint64_t{1});
        std::mt19937 random(static_cast<unsigned>(plan_.kind));
        std::string text;
        std::uint64_t first = 1;  // in this file
        std::uint64_t rotated = 0;
        for (std::uint64_t number = 1; number <= plan_.lines && !ended_; ++number) {
            text += numbered_line(number);
            text += '\n';
            const bool last = number - first + 1 >= each || number == plan_.lines;
            if (last || text.size() > 16384) {
                const std::size_t cut = random() % text.size();
                append(std::string_view(text).substr(0, cut));
                append(std::string_view(text).substr(cut));
                text.clear();
            }
            if (last && number != plan_.lines && rotated < plan_.rotations) {
                while (seen_ < first && !ended_) {
                    std::this_thread::sleep_for(std::chrono::microseconds(50));
                }
                rotate(number);
                ++rotated;
                first = number + 1;
            }
        }
    }

    void rotate(std::uint64_t number) {
        namespace fs = std::filesystem;
        const fs::path other = next_file();
        const int old = fd_;
        switch (plan_.kind) {
            case rotation::rename:
                fs::rename(name_, other);
                open();
                break;
            case rotation::late_reopen:
                fs::rename(name_, other);
                write_file(name_, "");
                append("late " + std::to_string(number) + "\n");
                open();
                break;
            case rotation::remove:
                fs::remove(name_);
                open();
                break;
            case rotation::replace:
                write_file(other, "");
                fs::rename(other, name_);
                open();
                break;
            case rotation::link:
                write_file(other, "");
                fs::create_symlink(other, name_.string() + ".new");
                fs::rename(name_.string() + ".new", name_);
                open();
                break;
            case rotation::directory: {
                const fs::path directory = name_.parent_path();
                fs::rename(directory, directory.string() + "." + std::to_string(files_));
                fs::create_directory(directory);
                open();
                break;
            }
            case rotation::copytruncate:
                fs::copy_file(name_, other);
                if (::ftruncate(fd_, 0) == -1) {
                    throw_errno("ftruncate");
                }
                return;
        }
        ::close(old);
        clean(other);
    }

    /// Millions of lines need not stay.
    void clean(const std::filesystem::path& other) {
        if (plan_.kind == rotation::rename || plan_.kind == rotation::late_reopen) {
            std::filesystem::remove(other);
        }
    }

    std::filesystem::path name_;
    plan plan_;
    const std::atomic<std::uint64_t>& seen_;
    std::atomic<bool> ended_ = false;
    int fd_ = -1;
    std::uint64_t files_ = 0;
    std::thread thread_;
};

/// Checks the lines that a log_writer writes.
class log_reader {
public:
    struct outcome {
        std::uint64_t last = 0;       ///< the number of the last line
        std::uint64_t rotated = 0;    ///< how often that was told
        std::uint64_t truncated = 0;  ///< how often that was told
        std::uint64_t missing = 0;    ///< lines, after a truncation
        std::string wrong{};          ///< the first thing that should not be
    };

    explicit log_reader(std::atomic<std::uint64_t>& seen) : seen_(seen) {}

    void take(const skyutil::follow_event& event) {
        using enum skyutil::follow_kind;
        switch (event.kind) {
            case line:
                take_line(event.text);
                break;
            case rotated:
                ++outcome_.rotated;
                break;
            case truncated:
                ++outcome_.truncated;
                may_miss_ = true;
                break;
            case vanished:
                break;  // for a moment
            case appeared:
                ++outcome_.rotated;
                break;
            default:
                wrong("an event of kind " + std::to_string(static_cast<int>(event.kind)));
        }
    }

    const outcome& found() const { return outcome_; }

private:
    void wrong(const std::string& what) {
        if (outcome_.wrong.empty()) {
            outcome_.wrong = what + " after line " + std::to_string(outcome_.last);
        }
    }

    void take_line(std::string_view text) {
        if (text.starts_with("late ")) {
            if (text != "late " + std::to_string(outcome_.last)) {
                wrong("\"" + std::string(text) + "\"");
            }
            return;
        }
        std::uint64_t number = 0;
        const std::size_t end = text.find_first_not_of("0123456789");
        for (const char c : text.substr(0, (std::min)(end, text.size() / 2))) {
            number = number * 10 + static_cast<std::uint64_t>(c - '0');
        }
        if (text != numbered_line(number) || number <= outcome_.last ||
            (number != outcome_.last + 1 && !may_miss_)) {
            wrong("\"" + std::string(text) + "\"");
            return;
        }
        outcome_.missing += number - outcome_.last - 1;
        outcome_.last = number;
        may_miss_ = false;
        seen_ = number;
    }

    std::atomic<std::uint64_t>& seen_;
    outcome outcome_;
    bool may_miss_ = false;
};

}  // namespace skyutil_tests
