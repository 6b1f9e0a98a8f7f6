// SPDX-License-Identifier: MIT

#include <skyutil/ports.hpp>

#include <system_error>

#include "unsupported/answers.hpp"

using namespace skyutil_tests;

TEST_CASE("ports says that no port can be bound") {
    CHECK(set_by([](std::error_code& error) {
              CHECK(skyutil::find_free_port(8000, error) == 0);
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::find_free_port()); }) == not_supported);
    CHECK(set_by([](std::error_code& error) {
              CHECK_FALSE(skyutil::is_port_available(8000, error));
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::is_port_available(8000)); }) == not_supported);
    CHECK(set_by([](std::error_code& error) {
              const skyutil::reserved_port port(8000, error);
              CHECK_FALSE(port);
              CHECK(port.port() == 0);
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::reserved_port()); }) == not_supported);
    CHECK(set_by([](std::error_code& error) { CHECK(skyutil::reserve_ports(2, error).empty()); }) ==
          not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::reserve_ports(2)); }) == not_supported);
}
