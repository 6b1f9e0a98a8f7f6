// SPDX-License-Identifier: MIT
//
// What <skyutil/ports.hpp> must not let through.

#include <skyutil/ports.hpp>

#include <cstdint>

void misuse();

void misuse() {
    std::error_code error;
    const std::uint16_t port =
        skyutil::find_free_port(8000, {.protocol = skyutil::protocol::udp}, error);
    const bool available =
        skyutil::is_port_available(port, {.address = skyutil::address::loopback});

#if defined(CASE_port_ignored)
    // expect: nodiscard
    skyutil::find_free_port();
#elif defined(CASE_port_ignored_with_error)
    // expect: nodiscard
    skyutil::find_free_port(8000, error);
#elif defined(CASE_answer_ignored)
    // expect: nodiscard
    skyutil::is_port_available(8000);
#elif defined(CASE_port_too_large)
    // expect: overflow|changes value
    (void)skyutil::find_free_port(65536);
#elif defined(CASE_last_too_large)
    // expect: narrowing
    (void)skyutil::find_free_port(8000, {.last = 70000});
#elif defined(CASE_family_for_protocol)
    // expect: cannot convert|could not convert|no matching function|no viable conversion
    (void)skyutil::find_free_port(8000, {.protocol = skyutil::family::ipv4});
#elif defined(CASE_number_for_family)
    // expect: cannot convert|could not convert|no matching function|no viable conversion
    (void)skyutil::find_free_port(8000, {.family = 4});
#endif
    (void)available;
}
