// SPDX-License-Identifier: MIT

#include <skyutil/detail/os/base.hpp>

#include <filesystem>
#include <system_error>
#include <type_traits>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;

TEST_CASE("the types of a backend are what the contract says") {
    STATIC_REQUIRE(std::is_same_v<os::path_text, std::filesystem::path::string_type>);
    STATIC_REQUIRE(std::is_trivially_copyable_v<os::native_handle>);
    STATIC_REQUIRE(std::is_trivially_copyable_v<os::native_socket>);
    STATIC_REQUIRE(std::is_same_v<decltype(os::no_handle), const os::native_handle>);
    STATIC_REQUIRE(std::is_same_v<decltype(os::no_socket), const os::native_socket>);
    STATIC_REQUIRE(noexcept(os::last_error()));
    STATIC_REQUIRE(noexcept(os::close(os::no_handle)));
}

TEST_CASE("errors are told apart by std::errc") {
    CHECK(os::make_error(std::errc::no_such_process) == std::errc::no_such_process);
    CHECK(os::make_error(std::errc::no_such_process).category() == std::generic_category());
}
