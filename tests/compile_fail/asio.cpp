// SPDX-License-Identifier: MIT
//
// What <skyutil/asio.hpp> must not let through.

#include <skyutil/asio.hpp>

void misuse(const skyutil::child_process& child, const boost::asio::any_io_executor& executor);

void misuse(const skyutil::child_process& child, const boost::asio::any_io_executor& executor) {
    static_cast<void>(skyutil::to_boost_process(child, executor));

#if defined(CASE_process_ignored)
    // expect: nodiscard
    skyutil::to_boost_process(child, executor);
#endif
}
