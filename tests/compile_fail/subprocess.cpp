// SPDX-License-Identifier: MIT
//
// What <skyutil/subprocess.hpp> must not let through.

#include <skyutil/subprocess.hpp>

#include <chrono>
#include <string>
#include <system_error>
#include <vector>

void misuse(const std::string& text);

void misuse(const std::string& text) {
    using namespace std::chrono_literals;
    std::error_code error;
    skyutil::run({"ls", "-l"}, {.cwd = "/", .timeout = 5s});
    skyutil::run({"ls", text}, error);
    skyutil::run(skyutil::shell("ls | wc"));
    skyutil::run(std::vector<std::string>{"ls"});
    skyutil::child_process child({"ls"});

#if defined(CASE_text_without_shell)
    // expect: could not convert|no matching function|no viable conversion|cannot convert
    skyutil::run("ls -l");
#elif defined(CASE_string_without_shell)
    // expect: could not convert|no matching function|no viable conversion|cannot convert
    skyutil::run(text);
#elif defined(CASE_timeout_without_unit)
    // expect: could not convert|cannot convert|no viable conversion|no matching function
    skyutil::run({"ls"}, {.timeout = 5});
#elif defined(CASE_shell_ignored)
    // expect: nodiscard
    skyutil::shell("ls");
#elif defined(CASE_detached_ignored)
    // expect: nodiscard
    skyutil::run_detached({"ls"}, "/dev/null");
#elif defined(CASE_child_copied)
    // expect: deleted
    const skyutil::child_process copy = child;
#elif defined(CASE_wait_ignored)
    // expect: nodiscard
    child.wait(5s);
#endif
}
