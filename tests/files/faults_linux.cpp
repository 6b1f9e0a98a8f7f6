// SPDX-License-Identifier: MIT
//
// How the system calls of the library meet the faults of a test.

#include "files/faults_linux.hpp"

#include <skyutil/files.hpp>

#include <cerrno>

#include <unistd.h>

#include "system_calls.hpp"

using skyutil_tests::fault;

bool skyutil_tests::fails(system_call& call) noexcept {
    if (call.name == "read" || call.name == "pread" || call.name == "write") {
        call.arguments[2] = fault::limit(call.arguments[2]);
    }
    if (call.name == "getpid" || !fault::strikes(call.name)) {  // that cannot fail
        return false;
    }
    if (call.name == "close") {  // whatever it says, Linux closes the descriptor
        const int reason = errno;
        ::close(static_cast<int>(call.arguments[0]));
        errno = reason;
    }
    return true;
}
