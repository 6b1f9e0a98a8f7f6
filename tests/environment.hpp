// SPDX-License-Identifier: MIT
//
// tests/environment.hpp: sets environment variables, on any system.
//
//     const scoped_variable cpus("SKYUTIL_CPU_COUNT", "3");

#pragma once

#include <skyutil/detail/os/machine.hpp>

#include <cstdlib>
#include <optional>
#include <string>

#if !__has_include(<sys/wait.h>)  // no POSIX
extern "C" __declspec(dllimport) int __stdcall SetEnvironmentVariableA(const char*, const char*);
#endif

namespace skyutil_tests {

/// Sets a variable, or unsets it when there is no value.
inline void set_variable(const char* name, const char* value) {
#if !__has_include(<sys/wait.h>)
    ::SetEnvironmentVariableA(name, value);
#else
    if (value != nullptr) {
        ::setenv(name, value, 1);
    } else {
        ::unsetenv(name);
    }
#endif
}

/// Sets an environment variable, or unsets it, until the end of the scope.
class scoped_variable {
public:
    scoped_variable(const char* name, const char* value)
        : name_(name), old_(skyutil::detail::os::environment(name)) {
        set_variable(name, value);
    }
    scoped_variable(const scoped_variable&) = delete;
    scoped_variable& operator=(const scoped_variable&) = delete;
    ~scoped_variable() { set_variable(name_, old_ ? old_->c_str() : nullptr); }

private:
    const char* name_;
    std::optional<std::string> old_;
};

}  // namespace skyutil_tests
