// SPDX-License-Identifier: MIT
//
// What <skyutil/ports.hpp> must not let through.

#include <skyutil/ports.hpp>

#include <cstdint>

void misuse();

void misuse() {
    std::error_code error;
    const std::uint16_t port =
        skyutil::find_free_port(8000, {.protocol = skyutil::port_protocol::udp}, error);
    const bool available =
        skyutil::is_port_available(port, {.address = skyutil::port_address::loopback});
    skyutil::reserved_port held(8000, {.hold = skyutil::port_hold::hand_over}, error);
    held.listen(5, error);

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
    (void)skyutil::find_free_port(8000, {.protocol = skyutil::port_family::ipv4});
#elif defined(CASE_number_for_family)
    // expect: cannot convert|could not convert|no matching function|no viable conversion
    (void)skyutil::find_free_port(8000, {.family = 4});
#elif defined(CASE_reserved_ports_ignored)
    // expect: nodiscard
    skyutil::reserve_ports(3);
#elif defined(CASE_socket_ignored)
    // expect: nodiscard
    held.release();
#elif defined(CASE_reserved_port_copied)
    // expect: deleted
    const skyutil::reserved_port copy = held;
#elif defined(CASE_reserved_port_from_a_number)
    // expect: conversion from|no viable conversion
    const skyutil::reserved_port other = 8000;
#endif
    (void)available;
}
