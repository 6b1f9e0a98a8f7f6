// SPDX-License-Identifier: MIT
//
// Free and reserved ports beside the same system calls written by hand: one socket of each kind
// that is wanted, whose bind is tried again for the next port. Ports taken in front of a free one
// are held by the benchmark itself. The start of the search changes with every call.

#include "rivals/ports.hpp"

#include <skyutil/files.hpp>
#include <skyutil/ports.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <system_error>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace {

using skyutil::port_options;

constexpr port_options ipv4{.family = skyutil::port_family::ipv4};
constexpr port_options ipv6_and_ipv4{};

// ---------------------------------------------------------------------------- taken ports

constexpr std::size_t most_taken = 1000;
constexpr std::size_t starts = 16;  // a power of two

/// As many ports in a row as a benchmark needs, all held, with free ones behind.
std::uint16_t take_ports() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    static std::vector<skyutil::reserved_port> held;
    for (std::uint16_t first = 10000; first < 30000; first += 2000) {
        std::error_code error;
        const auto last = static_cast<std::uint16_t>(first + most_taken + starts - 1);
        held = skyutil::reserve_ports(most_taken + starts, first, {.last = last}, error);
        if (!error &&
            !skyutil::reserve_ports(starts, last + 1,
                                    {.last = static_cast<std::uint16_t>(last + starts)}, error)
                 .empty()) {
            return first;
        }
    }
    std::cerr << "no " << most_taken << " ports in a row are free\n";
    std::exit(1);
}

/// A start with `taken` ports, or one less, in front of the first that is free.
std::uint16_t start_with(std::int64_t taken, std::size_t call) {
    static const std::uint16_t first = take_ports();
    const auto end = static_cast<std::int64_t>(first + most_taken + starts);
    return static_cast<std::uint16_t>(taken == 0
                                          ? end + static_cast<std::int64_t>(call % starts)
                                          : end - taken + static_cast<std::int64_t>(call % 2));
}

// ----------------------------------------------------------------------------- benchmarks

template <class F>
void each(benchmark::State& state, F f) {
    std::size_t call = 0;
    static_cast<void>(start_with(0, 0));  // takes the ports
    for (auto _ : state) {
        benchmark::DoNotOptimize(f(call++));
    }
}

void find_free_port(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t call) {
        return skyutil::find_free_port(start_with(state.range(0), call), options);
    });
}

void floor_find(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t call) {
        return rivals::find_by_hand(start_with(state.range(0), call), options);
    });
}

void find_any_port(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t) { return skyutil::find_free_port(0, options); });
}

void floor_find_any(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t) { return rivals::find_by_hand(0, options); });
}

void is_port_available(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t call) {
        return skyutil::is_port_available(start_with(state.range(0), call), options);
    });
}

void floor_is_available(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t call) {
        const int fd = rivals::make_socket(options);
        const bool available = rivals::bind_to(fd, options, start_with(state.range(0), call));
        ::close(fd);
        return available;
    });
}

void reserved_port(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t call) {
        return skyutil::reserved_port(start_with(0, call), options).port();
    });
}

void reserved_port_hand_over(benchmark::State& state, port_options options) {
    options.hold = skyutil::port_hold::hand_over;
    reserved_port(state, options);
}

void floor_reserve(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t call) {
        const int fd = rivals::make_socket(options);
        const bool bound = rivals::bind_to(fd, options, start_with(0, call));
        ::close(fd);
        return bound;
    });
}

void reserve_ports(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t call) {
        return skyutil::reserve_ports(10, start_with(0, call), options).size();
    });
}

void floor_reserve_ports(benchmark::State& state, const port_options& options) {
    each(state, [&](std::size_t call) {
        std::array<int, 10> sockets{};
        std::uint16_t port = start_with(0, call);
        for (int& fd : sockets) {
            fd = rivals::make_socket(options);
            while (!rivals::bind_to(fd, options, port++)) {
            }
        }
        for (const int fd : sockets) {
            ::close(fd);
        }
        return port;
    });
}

void numbers_of_taken(benchmark::internal::Benchmark* benchmark) {
    benchmark->Arg(0)->Arg(100)->Arg(most_taken);
}

void free_and_taken(benchmark::internal::Benchmark* benchmark) { benchmark->Arg(0)->Arg(1); }

BENCHMARK_CAPTURE(find_free_port, ipv4, ipv4)->Apply(numbers_of_taken);
BENCHMARK_CAPTURE(floor_find, ipv4, ipv4)->Apply(numbers_of_taken);
BENCHMARK_CAPTURE(find_free_port, both, ipv6_and_ipv4)->Apply(numbers_of_taken);
BENCHMARK_CAPTURE(floor_find, both, ipv6_and_ipv4)->Apply(numbers_of_taken);

BENCHMARK_CAPTURE(find_any_port, ipv4, ipv4);
BENCHMARK_CAPTURE(floor_find_any, ipv4, ipv4);
BENCHMARK_CAPTURE(find_any_port, both, ipv6_and_ipv4);
BENCHMARK_CAPTURE(floor_find_any, both, ipv6_and_ipv4);

BENCHMARK_CAPTURE(is_port_available, ipv4, ipv4)->Apply(free_and_taken);
BENCHMARK_CAPTURE(floor_is_available, ipv4, ipv4)->Apply(free_and_taken);
BENCHMARK_CAPTURE(is_port_available, both, ipv6_and_ipv4)->Apply(free_and_taken);
BENCHMARK_CAPTURE(floor_is_available, both, ipv6_and_ipv4)->Apply(free_and_taken);

BENCHMARK_CAPTURE(reserved_port, ipv4, ipv4);
BENCHMARK_CAPTURE(floor_reserve, ipv4, ipv4);
BENCHMARK_CAPTURE(reserved_port, both, ipv6_and_ipv4);
BENCHMARK_CAPTURE(reserved_port_hand_over, both, ipv6_and_ipv4);
BENCHMARK_CAPTURE(floor_reserve, both, ipv6_and_ipv4);
BENCHMARK_CAPTURE(reserve_ports, both, ipv6_and_ipv4);
BENCHMARK_CAPTURE(floor_reserve_ports, both, ipv6_and_ipv4);

}  // namespace

BENCHMARK_MAIN();
