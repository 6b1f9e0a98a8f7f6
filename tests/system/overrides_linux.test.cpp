// SPDX-License-Identifier: MIT
//
// Variables that override the budgets, in a program with more rights than its caller.

#include <skyutil/system.hpp>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>
#include <system_error>

#include <sys/wait.h>
#include <unistd.h>

#include "support_linux.hpp"

using namespace skyutil_tests;

// What the next test runs as another program.
TEST_CASE("prints the CPU count", "[.]") {
    std::error_code error;
    std::cout << "count=" << skyutil::get_cpu_count(error) << " error=" << error.value()
              << std::endl;
}

TEST_CASE("a program with more rights than its caller ignores the overrides") {
    if (::geteuid() != 0) {
        SKYUTIL_SKIP("needs root to start a program as if it were setuid");
    }
    const auto output_as = [](bool with_more_rights) {
        return run_in_child([with_more_rights] {
                   ::setenv("SKYUTIL_CPU_COUNT", "4321", 1);
                   int ends[2];
                   if (::pipe(ends) == -1) {
                       throw_errno("pipe");
                   }
                   const pid_t child = ::fork();
                   if (child == 0) {
                       ::dup2(ends[1], STDOUT_FILENO);
                       ::close(ends[0]);
                       // execve(2) sets AT_SECURE when the real and the effective user differ.
                       if (!with_more_rights || ::setresuid(65534, 0, 0) == 0) {
                           ::execl("/proc/self/exe", "test", "prints the CPU count",
                                   static_cast<char*>(nullptr));
                       }
                       ::_exit(1);
                   }
                   ::close(ends[1]);
                   std::string text;
                   std::array<char, 4096> buffer{};
                   for (ssize_t count = 0;
                        (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
                       text.append(buffer.data(), static_cast<std::size_t>(count));
                   }
                   int status = 0;
                   ::waitpid(child, &status, 0);
                   return text;
               })
            .get<std::string>();
    };
    CHECK_THAT(output_as(false), Catch::Matchers::ContainsSubstring("count=4321 error=0"));
    const std::string privileged = output_as(true);
    CHECK_THAT(privileged, Catch::Matchers::ContainsSubstring("count="));
    CHECK_THAT(privileged, !Catch::Matchers::ContainsSubstring("count=4321"));
}
