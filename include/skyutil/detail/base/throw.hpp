// SPDX-License-Identifier: MIT
//
// detail/base/throw.hpp: the only place where core throws and catches, and so the only one that
// knows of programs compiled without exceptions.

#pragma once

#include <skyutil/version.hpp>

#include <exception>
#if !defined(__cpp_exceptions)
#include <cstdio>
#include <cstdlib>
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

#if defined(__cpp_exceptions)

template <class Exception>
[[noreturn]] void throw_exception(const Exception& exception) {
    throw exception;
}

/// What `work` returns; when it throws, what `failed` returns, called while the exception is
/// handled.
template <class Work, class Failed>
auto catch_exception(Work work, Failed failed) {
    try {
        return work();
    } catch (...) {
        return failed();
    }
}

/// The same for what the standard library throws: the ending of a thread (pthread_cancel(3)) goes
/// on.
template <class Work, class Failed>
auto catch_std_exception(Work work, Failed failed) {
    try {
        return work();
    } catch (const std::exception&) {
        return failed();
    }
}

#else  // what would be thrown is printed and ends the program; nothing is caught

template <class Exception>
[[noreturn]] void throw_exception(const Exception& exception) {
    std::fputs(exception.what(), stderr);
    std::fputc('\n', stderr);
    std::abort();
}

template <class Work, class Failed>
auto catch_exception(Work work, Failed) {
    return work();
}

template <class Work, class Failed>
auto catch_std_exception(Work work, Failed) {
    return work();
}

#endif

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
