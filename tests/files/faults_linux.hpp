// SPDX-License-Identifier: MIT
//
// tests/files/faults_linux.hpp: makes system calls of the calling thread fail, be interrupted or do
// less than asked.
//
//     const fault fault("fsync", 0, EIO);  // the first fsync from here on
//     skyutil::write_file_atomic(path, "text", error);

#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace skyutil_tests {

/// In its scope one system call fails, or does something before it is made, or all are disturbed.
class fault {
public:
    /// Counts calls only.
    fault() { install(); }

    /// The call of that name after `before` others of the name fails; nothing is done.
    fault(std::string call, int before, int error)
        : call_(std::move(call)), before_(before), error_(error) {
        install();
    }

    /// For `before`: not one call, but every one.
    static constexpr int every_call = -1;

    /// The call is made after `action`.
    fault(std::string call, int before, std::function<void()> action)
        : call_(std::move(call)), before_(before), action_(std::move(action)) {
        install();
    }

    enum class disturbance {
        interrupted,  ///< each call fails with EINTR before it is made
        trickling,    ///< no more than 3 bytes are read or written at once
    };
    explicit fault(disturbance kind) : all_(true), kind_(kind) { install(); }

    fault(const fault&) = delete;
    fault& operator=(const fault&) = delete;
    ~fault() { current() = nullptr; }

    /// Calls made so far, by name.
    const std::map<std::string, int>& calls() const { return calls_; }
    bool happened() const { return happened_; }

    /// Whether the call is to fail; errno says why.
    static bool strikes(std::string_view call) {
        fault* const self = current();
        if (self == nullptr) {
            return false;
        }
        current() = nullptr;  // what follows may itself make system calls
        const bool result = self->decide(call);
        const int error = self->all_ ? EINTR : self->error_;
        current() = self;
        if (result) {
            errno = error;
        }
        return result;
    }

    static std::uint64_t limit(std::uint64_t size) {
        const fault* const self = current();
        const bool trickling =
            self != nullptr && self->all_ && self->kind_ == disturbance::trickling;
        return trickling && size > 3 ? 3 : size;
    }

private:
    static fault*& current() {
        static thread_local fault* installed = nullptr;
        return installed;
    }

    void install() { current() = this; }

    bool decide(std::string_view call) {
        const int seen = calls_[std::string(call)]++;
        if (all_) {
            happened_ = true;
            // mmap(2) is never interrupted.
            return kind_ == disturbance::interrupted && seen % 2 == 0 && call != "mmap";
        }
        if (call_ != call || (seen != before_ && before_ != every_call)) {
            return false;
        }
        happened_ = true;
        if (action_) {
            action_();
            return false;
        }
        return true;
    }

    std::string call_;
    int before_ = 0;
    int error_ = 0;
    std::function<void()> action_;
    bool all_ = false;
    disturbance kind_ = disturbance::interrupted;
    bool happened_ = false;
    std::map<std::string, int> calls_;
};

}  // namespace skyutil_tests
