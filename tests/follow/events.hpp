// SPDX-License-Identifier: MIT
//
// tests/follow/events.hpp: what a follower tells, as text: "line one", "rotated".

#pragma once

#include <skyutil/follow.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "support.hpp"

namespace skyutil_tests {

using texts = std::vector<std::string>;

/// How long something is waited for that is to happen.
inline constexpr std::chrono::seconds patience(60);

/// How long nothing is to happen.
inline constexpr std::chrono::milliseconds moment(50);

inline std::string text_of(const skyutil::follow_event& event) {
    static const char* const names[] = {"line",     "partial",  "rotated", "truncated",
                                        "vanished", "appeared", "failed"};
    std::string text = names[static_cast<int>(event.kind)];
    return event.text.empty() ? text : text + ' ' + std::string(event.text);
}

/// The next events, as many as that; fewer if there are no more.
template <class Follower>
texts next_events(Follower& follower, std::size_t count) {
    texts found;
    while (found.size() != count) {
        const auto event = follower.next(patience);
        if (!event) {
            break;
        }
        found.push_back(text_of(*event));
    }
    return found;
}

template <class Follower>
bool is_quiet(Follower& follower) {
    return !follower.next(moment);
}

inline void append(const std::filesystem::path& path, std::string_view text) {
    std::ofstream out(path, std::ios::binary | std::ios::app);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!out.flush()) {
        throw_errno("append to " + path.string());
    }
}

}  // namespace skyutil_tests
