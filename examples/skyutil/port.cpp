// SPDX-License-Identifier: MIT

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"

#include <skyutil/ports.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace program {

namespace {

struct port_arguments {
    std::uint16_t start = 1024;
    std::uint16_t count = 1;
    std::optional<std::uint16_t> check;
    seconds hold{};
    skyutil::port_options options;
};

const std::map<std::string, skyutil::port_family> families{{"both", skyutil::port_family::both},
                                                           {"ipv4", skyutil::port_family::ipv4},
                                                           {"ipv6", skyutil::port_family::ipv6}};
const std::map<std::string, skyutil::port_protocol> protocols{
    {"both", skyutil::port_protocol::both},
    {"tcp", skyutil::port_protocol::tcp},
    {"udp", skyutil::port_protocol::udp}};

template <class T>
T choose(const std::map<std::string, T>& choices, const argument& name) {
    const auto found = choices.find(name.text);
    if (found == choices.end()) {
        std::string allowed;
        for (const auto& [choice, meaning] : choices) {
            allowed += (allowed.empty() ? "" : ", ") + choice;
        }
        throw std::invalid_argument(name.name + ": '" + name.text +
                                    "' is unknown; allowed: " + allowed);
    }
    return found->second;
}

int port(const port_arguments& arguments, bool as_json) {
    if (arguments.check) {
        const bool available = skyutil::is_port_available(*arguments.check, arguments.options);
        if (as_json) {
            print({{"port", *arguments.check}, {"available", available}});
        } else {
            std::cout << *arguments.check << (available ? " is free\n" : " is taken\n");
        }
        return available ? yes : no;
    }
    const std::vector<skyutil::reserved_port> held =
        skyutil::reserve_ports(arguments.count, arguments.start, arguments.options);
    json ports = json::array();
    for (const skyutil::reserved_port& each : held) {
        ports.push_back(each.port());
        if (!as_json) {
            std::cout << each.port() << '\n';
        }
    }
    if (as_json) {
        print({{"port", held.front().port()}, {"ports", std::move(ports)}});
    }
    if (arguments.hold.count() > 0 && std::cout.flush()) {
        std::this_thread::sleep_for(arguments.hold);
    }
    return yes;
}

}  // namespace

command port_command() {
    const auto with = std::make_shared<port_arguments>();
    const auto port_number = [](const argument& n) { return to_number<std::uint16_t>(n); };
    return {
        .name = "port",
        .summary = "Print free ports, hold them for a time, or tell whether one is free",
        .options =
            {{.names = "--last",
              .help = "The last port to try",
              .value = "PORT",
              .by_default = "65535",
              .set = [=](const argument& n) { with->options.last = port_number(n); }},
             {.names = "-c,--count",
              .help = "How many ports, no two the same",
              .value = "N",
              .by_default = "1",
              .set = [=](const argument& n) { with->count = to_number<std::uint16_t>(n, 1); }},
             {.names = "--hold",
              .help = "Keep others from the ports for so long after printing them",
              .value = "TIME",
              .set = [=](const argument& time) { with->hold = to_time(time); }},
             {.names = "--hand-over",
              .help = "Let a server that sets SO_REUSEADDR take a port over while it is held",
              .set = call([=] { with->options.hold = skyutil::port_hold::hand_over; })},
             {.names = "--check",
              .help = "Tell whether this port is free: exit code 0 or 1",
              .value = "PORT",
              .set = [=](const argument& n) { with->check = to_number<std::uint16_t>(n, 1); }},
             {.names = "--family",
              .help = "Both by default, as far as the machine has them",
              .value = "FAMILY",
              .choices = {"both", "ipv4", "ipv6"},
              .set = [=](const argument& name) { with->options.family = choose(families, name); }},
             {.names = "--protocol",
              .help = "TCP by default",
              .value = "PROTOCOL",
              .choices = {"both", "tcp", "udp"},
              .set =
                  [=](const argument& name) { with->options.protocol = choose(protocols, name); }},
             {.names = "--loopback",
              .help = "127.0.0.1 and ::1 only",
              .set = call([=] { with->options.address = skyutil::port_address::loopback; })}},
        .operands = {.name = "start",
                     .help = "The first port to try, 0 for any; 1024 by default",
                     .most = 1,
                     .add = [=](const argument& n) { with->start = port_number(n); }},
        .run = [=](bool as_json) { return port(*with, as_json); }};
}

}  // namespace program
