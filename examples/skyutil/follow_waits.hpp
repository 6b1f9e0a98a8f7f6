// SPDX-License-Identifier: MIT
//
// follow_waits.hpp: what a program that follows files waits for besides: to be ended, which is to
// come between two lines, and for nobody to read its output any more.

#pragma once

#include <skyutil/follow.hpp>

#include <chrono>
#include <memory>

namespace program {

class follow_waits {
public:
    follow_waits();
    follow_waits(const follow_waits&) = delete;
    follow_waits& operator=(const follow_waits&) = delete;
    ~follow_waits();

    /// Whether this process is to end.
    [[nodiscard]] bool is_told() const;

    /// Ends it then, as it would have ended without this class.
    void end_if_told() const;

    /// Waits until there is something to look at, at most so long if files make no events, or if
    /// processes are waited for. Returns false when nobody can read what is printed.
    [[nodiscard]] bool wait(const skyutil::file_follower_set& files,
                            std::chrono::milliseconds interval, bool for_processes) const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace program
