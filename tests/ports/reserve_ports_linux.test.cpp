// SPDX-License-Identifier: MIT
//
// reserve_ports: several at once, and reserved ports in other processes.

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/ports.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ports/sockets.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::is_port_available;
using skyutil::port_address;
using skyutil::port_family;
using skyutil::port_options;
using skyutil::port_protocol;
using skyutil::reserve_ports;
using skyutil::reserved_port;
using skyutil::unique_fd;

// ------------------------------------------------------------------------------ several of them

TEST_CASE("ports are reserved all or none, and no two are the same") {
    const json answer = run_in_private_network([] {
        const unique_fd taken = hold({.listening = true}, 5001);
        json result;
        const auto all = [&](std::size_t count, std::uint16_t start, port_options options) {
            std::error_code error = std::make_error_code(std::errc::bad_message);
            const auto ports = reserve_ports(count, start, options, error);
            return error ? json(error_name(error)) : json(numbers_of(ports));
        };
        result["two"] = all(2, 5000, {});
        result["as many as there are"] = all(3, 5000, {.last = 5003});
        result["one too many"] = all(4, 5000, {.last = 5003});
        result["afterwards"] = all(3, 5000, {.last = 5003});  // nothing stayed held
        result["more than the range"] = all(5, 5000, {.last = 5003});
        result["none"] = all(0, 5000, {.last = 5003});
        result["none of nothing"] = all(0, 5000, {.last = 4999});
        result["one of nothing"] = all(1, 5000, {.last = 4999});
        result["the last"] = all(2, 65534, {});
        result["beyond the last"] = all(2, 65535, {});
        const unique_fd last_but_one = hold({.listening = true}, 65534);
        result["beyond the last, one taken"] = all(2, 65534, {});
        result["far too many"] = all((std::numeric_limits<std::size_t>::max)(), 1, {});
        result["far too many of any"] = all((std::numeric_limits<std::size_t>::max)(), 0, {});
        const auto hand_over = skyutil::port_hold::hand_over;
        result["to hand over"] = all(3, 5000, {.hold = hand_over});
        for (const question& question : questions()) {
            std::set<int> numbers;
            for (const reserved_port& port : reserve_ports(50, 0, question.options)) {
                numbers.insert(port.port());
            }
            result["any"].push_back(numbers.size() - numbers.count(0));
        }
        return result;
    });
    const std::string in_use = std::make_error_code(std::errc::address_in_use).message();
    CHECK(answer["two"] == json{5000, 5002});
    CHECK(answer["as many as there are"] == json{5000, 5002, 5003});
    CHECK(answer["one too many"] == in_use);
    CHECK(answer["afterwards"] == json{5000, 5002, 5003});
    CHECK(answer["more than the range"] == in_use);
    CHECK(answer["none"] == json::array());
    CHECK(answer["none of nothing"] == json::array());
    CHECK(answer["one of nothing"] == in_use);
    CHECK(answer["the last"] == json{65534, 65535});
    CHECK(answer["beyond the last"] == in_use);
    CHECK(answer["beyond the last, one taken"] == in_use);
    CHECK(answer["far too many"] == in_use);
    CHECK(answer["far too many of any"] == in_use);
    CHECK(answer["to hand over"] == json{5000, 5002, 5003});
    CHECK(answer["any"] == json::array_t(questions().size(), 50));
}

TEST_CASE("the ports of a whole ephemeral range can be reserved, and no more") {
    const json answer = run_in_private_network([] {
        set_system_setting("/proc/sys/net/ipv4/ip_local_port_range", "40000 40019");
        json result;
        for (const question& question : questions()) {
            if (question.options.family == port_family::ipv6 && !has_ipv6()) {
                continue;
            }
            std::error_code error;
            const auto all = reserve_ports(20, 0, question.options, error);
            const reservation one_more(0, question.options);
            result.push_back(all.size() == 20 && !error &&
                             one_more.error == std::errc::address_in_use && one_more.consistent());
        }
        return result;
    });
    CHECK(answer == json::array_t(answer.size(), true));
}

TEST_CASE("two processes that reserve ports of the same range are never given the same one") {
    struct shared_state {
        std::atomic<int> arrived = 0;
        std::array<std::array<std::atomic<int>, 3>, 2> ports{};
    };
    constexpr int rounds = 1000;
    const json answer = run_in_child(
        [] {
            bool alone = true;
            try {
                enter_private_network();
            } catch (const cannot_run&) {
                alone = false;  // some ports may be others'
            }
            const std::uint16_t first =
                alone ? std::uint16_t{5000}
                      : static_cast<std::uint16_t>(20000 + ::getpid() % 1000 * 10);
            void* const memory = ::mmap(nullptr, sizeof(shared_state), PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
            if (memory == MAP_FAILED) {
                throw_errno("mmap");
            }
            shared_state& shared = *new (memory) shared_state;
            int barriers = 0;
            const auto meet = [&] {
                ++barriers;
                ++shared.arrived;
                while (shared.arrived < 2 * barriers) {
                    ::sched_yield();
                }
            };
            std::vector<port_options> kinds;
            for (const question& question : questions()) {
                if (question.options.family != port_family::ipv6 || has_ipv6()) {
                    const auto last = static_cast<std::uint16_t>(first + 5);
                    kinds.push_back(with_last(question.options, last));
                    kinds.push_back(with_hold(kinds.back(), skyutil::port_hold::hand_over));
                }
            }
            int complete = 0;
            int twice = 0;
            const pid_t parent = ::getpid();
            const pid_t rival = ::fork();
            if (rival == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (::getppid() != parent) {
                    ::_exit(1);
                }
            }
            for (int round = 0; round < rounds; ++round) {
                meet();
                std::error_code error;
                const auto ports = reserve_ports(
                    3, first, kinds[static_cast<std::size_t>(round) % kinds.size()], error);
                for (std::size_t i = 0; i < 3; ++i) {
                    shared.ports[rival == 0 ? 1 : 0][i] = ports.empty() ? 0 : ports[i].port();
                }
                meet();
                std::set<int> numbers;
                int count = 0;
                for (const auto& side : shared.ports) {
                    for (const std::atomic<int>& port : side) {
                        count += port == 0 ? 0 : 1;
                        numbers.insert(port);
                    }
                }
                numbers.erase(0);
                complete += count == 6 ? 1 : 0;
                twice += static_cast<int>(numbers.size()) == count ? 0 : 1;
                meet();  // before the ports are given up
            }
            if (rival == 0) {
                ::_exit(0);
            }
            int status = -1;
            ::waitpid(rival, &status, 0);
            return json{
                {"rival", status}, {"twice", twice}, {"complete", complete}, {"alone", alone}};
        },
        std::chrono::seconds(100));
    CHECK(answer["rival"] == 0);
    CHECK(answer["twice"] == 0);
    if (answer["alone"] == true) {
        CHECK(answer["complete"] == rounds);  // six ports are enough for both
    }
}

// ----------------------------------------------------------- reserved ports in other processes

TEST_CASE("a program started does not inherit reserved ports") {
    const auto held =
        reserve_ports(3, 0, {.address = port_address::loopback, .protocol = port_protocol::both});
    std::vector<reserved_port> mine;
    mine.emplace_back(0, port_options{.hold = skyutil::port_hold::hand_over});
    mine.emplace_back();
    mine.back().listen();
    const std::string inherited = descriptors_of_a_program();
    CHECK(inherited.find("pipe:[") != std::string::npos);  // that it shows them
    for (const auto* const ports : {&held, &std::as_const(mine)}) {
        for (const reserved_port& port : *ports) {
            const std::string name = name_of_descriptor(port.native_handle());
            CHECK(name.find("socket:[") == 0);
            CHECK(inherited.find(name) == std::string::npos);
        }
    }
}

TEST_CASE("a forked child that keeps its copy holds the port as well") {
    const json answer = run_in_private_network([] {
        std::optional<reserved_port> held(std::in_place, std::uint16_t{5000});
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) == -1) {
            throw_errno("pipe2");
        }
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(ends[1]);
            char c = 0;
            (void)!::read(ends[0], &c, 1);
            ::_exit(0);
        }
        json result;
        held.reset();
        result["child runs"] = is_port_available(5000);
        ::close(ends[0]);
        ::close(ends[1]);
        int status = -1;
        ::waitpid(child, &status, 0);
        result["status"] = status;
        result["child has ended"] = is_port_available(5000);
        return result;
    });
    CHECK(answer == json{{"child runs", false}, {"status", 0}, {"child has ended", true}});
}

#if defined(SKYUTIL_TEST_SERVER)
TEST_CASE("the example serves on the port it reserved") {
    // timeout(1): should the client fail, the server would wait for ever.
    std::FILE* const server = ::popen("exec timeout 30 " SKYUTIL_TEST_SERVER " 1", "r");
    REQUIRE(server != nullptr);
    std::string url;
    for (int c; (c = std::fgetc(server)) != EOF && c != '\n';) {
        url += static_cast<char>(c);
    }
    const std::string start = "http://localhost:";
    std::string answer;
    if (url.compare(0, start.size(), start) == 0) {
        const int port = std::stoi(url.substr(start.size()));
        const unique_fd client = connect_to(static_cast<std::uint16_t>(port));
        const std::string_view request = "GET / HTTP/1.0\r\n\r\n";
        CHECK(::write(client.get(), request.data(), request.size()) ==
              static_cast<ssize_t>(request.size()));
        char c = 0;
        while (::read(client.get(), &c, 1) == 1) {
            answer += c;
        }
    }
    CHECK(::pclose(server) == 0);
    CHECK(answer.find("HTTP/1.0 200 OK\r\n") == 0);
    CHECK(answer.find("\r\n\r\nhello from " + url + "\n") != std::string::npos);
}
#endif
