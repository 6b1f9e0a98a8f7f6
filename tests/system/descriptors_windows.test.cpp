// SPDX-License-Identifier: MIT
//
// Open handles, which have no limit.

#include <windows.h>

#include <skyutil/system.hpp>

#include <cstddef>
#include <system_error>

#include "catch.hpp"

TEST_CASE("open handles are counted") {
    std::error_code error;
    const std::size_t before = skyutil::open_fd_count(error);
    if (error == std::errc::function_not_supported) {
        SKYUTIL_SKIP("the system does not count handles: GetProcessHandleCount says none");
    }
    CHECK_FALSE(error);
    CHECK(before > 0);
    HANDLE const event = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);
    CHECK(skyutil::open_fd_count() == before + 1);
    ::CloseHandle(event);
    CHECK(skyutil::open_fd_count() == before);
}

TEST_CASE("handles have no limit, and there is none to raise") {
    std::error_code error = std::make_error_code(std::errc::io_error);
    const auto [soft, hard] = skyutil::get_fd_limits(error);
    CHECK_FALSE(error);
    CHECK_FALSE(soft);
    CHECK_FALSE(hard);
    error = std::make_error_code(std::errc::io_error);
    CHECK_FALSE(skyutil::raise_fd_limit(error).soft);
    CHECK_FALSE(error);
    CHECK_FALSE(skyutil::raise_fd_limit(100).soft);
    CHECK_FALSE(skyutil::get_fd_limits().soft);
}
