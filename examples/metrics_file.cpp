// SPDX-License-Identifier: MIT
//
// How do the limits and the throttling of a service get into Prometheus?
//
//     skyutil_example_metrics_file /var/lib/prometheus/node-exporter/my-service.prom 15
//
// Writes the file for the textfile collector of Prometheus's node exporter, every so many seconds;
// once without a number. A reader finds the old file or the new one, whole. A limit that changes is
// told at once, by a line on standard output.

#include <skyutil/files.hpp>
#include <skyutil/system.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::cerr << "usage: " << argv[0] << " FILE.prom [SECONDS]\n";
        return EXIT_FAILURE;
    }
    try {
        const std::chrono::seconds interval(argc == 3 ? std::stoul(argv[2]) : 0);
        skyutil::resource_monitor monitor;
        monitor.on_change([](const auto& before, const auto& now) {
            std::cout << before.cpus << " CPUs and " << before.memory << " bytes are now "
                      << now.cpus << " and " << now.memory << std::endl;
        });
        do {
            skyutil::write_file_atomic(
                argv[1], skyutil::describe_resources(skyutil::description_form::openmetrics));
            const auto next = std::chrono::steady_clock::now() + interval;
            while (std::chrono::steady_clock::now() < next) {
                monitor.sample();
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            }
        } while (interval.count() > 0);
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
