// SPDX-License-Identifier: MIT
//
// tests/windows/fault.hpp: makes system calls that the library makes in the calling thread fail, or
// answers them.
//
//     const fault fault("ReadFile", 1, ERROR_CRC);  // the second one from here on
//     const fault status("ZwReadFile", 0, 0, 0xc000009c);  // what an NT call returns
//
// In programs whose tests are windows/failing_calls*_windows.test.cpp.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "shown_calls.hpp"

namespace skyutil_tests {

/// In its scope calls of one name are not made as they are asked for. Of several for one name the
/// last one counts.
class fault {
public:
    /// For `before`: not one call, but every one.
    static constexpr int every_call = -1;

    /// The call after `before` others is not made, and returns `result`; GetLastError() is `error`.
    fault(std::string call, int before, unsigned long error, std::uint64_t result = 0)
        : call_(std::move(call)), before_(before), error_(error), result_(result) {}

    /// A function is asked for each call: it may set what the call returns, and write to where its
    /// arguments point; where it returns false the call is made.
    fault(std::string call, std::function<bool(system_call&)> answer)
        : call_(std::move(call)), answer_(std::move(answer)) {}

    fault(const fault&) = delete;
    fault& operator=(const fault&) = delete;
    ~fault() { current() = outer_; }

    /// How many calls of the name were not made.
    int happened() const { return happened_; }

    /// Whether a call is not made; sets what it returns and GetLastError().
    static bool strikes(system_call& call);

private:
    static fault*& current() {
        static thread_local fault* installed = nullptr;
        return installed;
    }

    std::string call_;
    int before_ = every_call;
    unsigned long error_ = 0;
    std::uint64_t result_ = 0;
    std::function<bool(system_call&)> answer_;
    int seen_ = 0;
    int happened_ = 0;
    fault* outer_ = std::exchange(current(), this);
};

}  // namespace skyutil_tests
