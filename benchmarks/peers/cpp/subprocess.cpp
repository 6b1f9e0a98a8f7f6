// SPDX-License-Identifier: MIT

#include "../../rivals/subprocess.hpp"
#include "peer.hpp"

#include <skyutil/subprocess.hpp>

#include <memory>

namespace {

using peer::add;

/// The memory that the parent has in use, for as long as the calls take.
std::shared_ptr<const rivals::ballast> ballast(const peer::fields& line) {
    auto memory = std::make_shared<const rivals::ballast>(peer::number(line));
    if (!*memory) {
        throw std::runtime_error("not enough memory");
    }
    return memory;
}

template <class How>
int started(const std::shared_ptr<const rivals::ballast>&) {
    How::start();
    return 0;
}

struct with_run {
    static void start() {
        using skyutil::stdio_mode;
        rivals::check(skyutil::run({rivals::program}, {.stdin_from = stdio_mode::inherit,
                                                       .stdout_to = stdio_mode::inherit,
                                                       .stderr_to = stdio_mode::inherit})
                          .ok());
    }
};

const peer::registration registered([] {
    add("skyutil", "run", ballast, started<with_run>);
    add("floor: posix_spawn and waitpid", "run", ballast, started<rivals::with_posix_spawn>);
#if BOOST_VERSION < 108600
    add("Boost.Process v2", "run", ballast, started<rivals::with_boost>);
#endif
});

}  // namespace
