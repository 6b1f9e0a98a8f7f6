// SPDX-License-Identifier: MIT
//
// Open descriptors and the limit on them.

#include <skyutil/system.hpp>

#include <cstddef>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;

TEST_CASE("open descriptors are counted without the one that counts") {
    const std::size_t before = skyutil::open_fd_count();
    CHECK(before == count_open_descriptors());
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd != -1);
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::open_fd_count(error) == before + 1);
    CHECK(!error);
    ::close(fd);
    CHECK(skyutil::open_fd_count() == before);
}

TEST_CASE("descriptors that cannot be counted are an error that says so") {
    const json answer = run_in_child([] {
        const no_descriptors scope;
        std::error_code error;
        json result{skyutil::open_fd_count(error), error == std::errc::too_many_files_open};
        try {
            static_cast<void>(skyutil::open_fd_count());
        } catch (const std::system_error& exception) {
            result.push_back(exception.what());
        }
        return result;
    });
    CHECK(answer[0] == 0);
    CHECK(answer[1] == true);
    CHECK_THAT(answer[2].get<std::string>(),
               Catch::Matchers::ContainsSubstring("open_fd_count: cannot list /proc/self/fd"));
}

TEST_CASE("the soft limit on descriptors is raised to the hard one, or as far as asked") {
    const json answer = run_in_child([] {
        const rlimit low{256, 512};
        if (::setrlimit(RLIMIT_NOFILE, &low) == -1) {
            throw cannot_run{"cannot lower the limit on descriptors"};
        }
        const auto show = [](const skyutil::fd_limits& limits) {
            return json{limits.soft.value_or(0), limits.hard.value_or(0)};
        };
        json result;
        result.push_back(show(skyutil::get_fd_limits()));
        result.push_back(show(skyutil::raise_fd_limit(100)));  // never lower
        result.push_back(show(skyutil::raise_fd_limit(300)));
        result.push_back(show(skyutil::raise_fd_limit()));
        std::error_code error = std::make_error_code(std::errc::io_error);
        result.push_back(show(skyutil::raise_fd_limit(error)));
        result.push_back(error.value());
        result.push_back(show(skyutil::get_fd_limits()));
        rlimit now{};
        ::getrlimit(RLIMIT_NOFILE, &now);
        result.push_back({now.rlim_cur, now.rlim_max});
        return result;
    });
    CHECK(answer == json::parse("[[256,512],[256,512],[300,512],[512,512],[512,512],0,[512,512],"
                                "[512,512]]"));
}
