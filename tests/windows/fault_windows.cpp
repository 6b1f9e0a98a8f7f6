// SPDX-License-Identifier: MIT
//
// How the system calls of the library meet the faults of a test.

#include <windows.h>

#include <utility>

#include "windows/fault.hpp"

namespace skyutil_tests {

bool fault::strikes(system_call& call) {
    const DWORD before = ::GetLastError();
    fault* const last = std::exchange(current(), nullptr);  // what follows may make calls itself
    fault* found = last;
    while (found != nullptr && found->call_ != call.name) {
        found = found->outer_;
    }
    bool result = false;
    DWORD error = before;
    if (found != nullptr) {
        const int seen = found->seen_++;
        if (found->answer_) {
            result = found->answer_(call);
        } else if (found->before_ == every_call || found->before_ == seen) {
            call.result = found->result_;
            error = found->error_;
            result = true;
        }
        found->happened_ += result ? 1 : 0;
    }
    current() = last;
    ::SetLastError(error);
    return result;
}

bool fails(system_call& call) noexcept { return fault::strikes(call); }

}  // namespace skyutil_tests
