// SPDX-License-Identifier: MIT
//
// detail/os/posix/output_loop.hpp: what detail/os/output_loop.hpp declares, with poll(2). The
// system's own file defines events and sys::write_some() before.

#pragma once

#include <skyutil/version.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::ioctl, ::nanosleep, ::read;
#endif

inline constexpr std::size_t loop_buffer_size = 1U << 16;  // what a pipe holds

inline void add_entry(loop_state& loop, loop_source kind, int fd, std::string_view text = {}) {
    const auto index = std::count_if(loop.entries.begin(), loop.entries.end(),
                                     [&](const loop_entry& each) { return each.kind == kind; });
    const bool unwatched = kind == loop_source::process && fd == -1;
    loop.entries.push_back({.kind = kind,
                            .index = static_cast<std::size_t>(index),
                            .text = text,
                            .unwatched = unwatched});
    const short events = kind == loop_source::writer ? POLLOUT : POLLIN;
    loop.polled.push_back({fd, events, 0});
    loop.unwatched += unwatched ? 1U : 0U;
}

inline std::size_t find_entry(const loop_state& loop, loop_source kind, std::size_t index) {
    const auto found = std::find_if(
        loop.entries.begin(), loop.entries.end(),
        [&](const loop_entry& each) { return each.kind == kind && each.index == index; });
    return static_cast<std::size_t>(found - loop.entries.begin());
}

/// Reads from a pipe once; nothing has happened when there is nothing to read yet.
inline output_loop::completion read_pipe(loop_state& loop, std::size_t at, std::size_t most) {
    if (!loop.buffer) {
        loop.buffer = std::make_unique_for_overwrite<char[]>(loop_buffer_size);  // NOLINT
    }
    int& fd = loop.polled[at].fd;
    const auto count =
        retry([&] { return read(fd, loop.buffer.get(), (std::min)(most, loop_buffer_size)); });
    output_loop::completion result{.from = loop_source::reader, .index = loop.entries[at].index};
    if (count > 0) {
        result.text = {loop.buffer.get(), static_cast<std::size_t>(count)};
    } else if (count == -1 && errno == EAGAIN) {
        result.from = loop_source::none;
    } else {
        if (count == -1) {
            result.error = last_error();
        }
        result.end = true;
        fd = -1;
    }
    return result;
}

/// Writes to a pipe as long as there is room; nothing has happened when there is more to write.
inline output_loop::completion write_pipe(loop_state& loop, std::size_t at) noexcept {
    int& fd = loop.polled[at].fd;
    loop_entry& entry = loop.entries[at];
    output_loop::completion result;
    for (bool would_block = false; !would_block && fd != -1;) {
        entry.text.remove_prefix(write_some(fd, entry.text, would_block, result.error));
        if (entry.text.empty() || result.error) {
            result.from = loop_source::writer;
            result.index = entry.index;
            result.end = true;
            fd = -1;
        }
    }
    return result;
}

/// Serves the entries that were found ready, up to the first one with something to tell.
inline std::optional<output_loop::completion> serve_ready(loop_state& loop) {
    constexpr int most_reads = 4;  // then it is the turn of the others
    while (loop.at != loop.entries.size()) {
        pollfd& polled = loop.polled[loop.at];
        const loop_entry& entry = loop.entries[loop.at];
        if (polled.revents == 0) {
            ++loop.at;
            loop.reads = 0;
            continue;
        }
        output_loop::completion result{.from = entry.kind, .index = entry.index};
        bool is_served = true;
        switch (entry.kind) {
            case loop_source::writer:
                result = write_pipe(loop, loop.at);
                break;
            case loop_source::reader:
                result = read_pipe(loop, loop.at, loop_buffer_size);
                is_served = result.text.size() != loop_buffer_size || ++loop.reads == most_reads;
                break;
            case loop_source::none:
                reset_event(polled.fd);
                break;
            case loop_source::process:
            default:
                break;
        }
        if (is_served) {
            polled.revents = 0;
        }
        if (result.from != loop_source::none || entry.kind == loop_source::none) {
            return result;
        }
    }
    return std::nullopt;
}

/// Finds the entries that are ready, waiting for the first one until a point in time. Where poll(2)
/// takes no more so many, as the limit on descriptors was lowered below what is open, all are taken
/// for ready after a short while.
inline void find_ready(loop_state& loop, time_point deadline, std::error_code& error) noexcept {
    constexpr std::chrono::milliseconds look_again(5);
    if (loop.unwatched != 0) {
        deadline = (std::min)(deadline, std::chrono::steady_clock::now() + look_again);
    }
    loop.at = 0;
    loop.reads = 0;
    const bool failed = poll_until(loop.polled.front(), deadline, loop.polled.size()) == -1;
    const bool too_many = failed && errno == EINVAL;
    if (too_many) {
        constexpr timespec pause{0, 2'000'000};
        nanosleep(&pause, nullptr);
    } else if (failed) {
        error = last_error();
        return;
    }
    for (std::size_t i = 0; i != loop.polled.size(); ++i) {
        pollfd& polled = loop.polled[i];
        if (loop.entries[i].unwatched || (too_many && polled.fd != -1)) {
            polled.revents = polled.events;
        }
    }
}

}  // namespace sys

inline output_loop::output_loop(std::size_t sources) {
    state_.entries.reserve(sources + 1);
    state_.polled.reserve(sources + 1);
    sys::add_entry(state_, loop_source::none, -1);
}

inline output_loop::~output_loop() {
    if (const int event = state_.polled.front().fd; event != -1) {
        close(event);
    }
}

inline void output_loop::allow_wake() noexcept {
    std::error_code without;
    state_.polled.front().fd = sys::open_event(without);
    state_.unwatched += without ? 1U : 0U;
}

inline void output_loop::wake() noexcept {
    if (const int event = state_.polled.front().fd; event != -1) {
        sys::signal_event(event);
    }
}

inline void output_loop::add_writer(native_handle pipe, std::string_view text) noexcept {
    sys::add_entry(state_, loop_source::writer, pipe, text);
}

inline void output_loop::write_more(std::size_t writer, native_handle pipe,
                                    std::string_view text) noexcept {
    const std::size_t at = sys::find_entry(state_, loop_source::writer, writer);
    state_.entries[at].text = text;
    state_.polled[at] = {pipe, POLLOUT, 0};
}

inline void output_loop::add_process(native_handle process) noexcept {
    sys::add_entry(state_, loop_source::process, process);
}

inline void output_loop::add_reader(native_handle pipe) noexcept {
    sys::add_entry(state_, loop_source::reader, pipe);
}

inline void output_loop::forget(loop_source kind, std::size_t index) noexcept {
    const std::size_t at = sys::find_entry(state_, kind, index);
    state_.polled[at] = {-1, 0, 0};
    state_.unwatched -= std::exchange(state_.entries[at].unwatched, false) ? 1U : 0U;
}

inline output_loop::completion output_loop::next(time_point deadline) {
    if (const auto found = sys::serve_ready(state_)) {
        return *found;
    }
    std::error_code error;
    sys::find_ready(state_, deadline, error);
    if (error) {
        return {.error = error};
    }
    return sys::serve_ready(state_).value_or(completion{});
}

inline output_loop::completion output_loop::next_left(std::size_t reader) {
    const std::size_t at = sys::find_entry(state_, loop_source::reader, reader);
    std::optional<std::size_t>& left = state_.entries[at].left;
    if (!left) {
        int count = 0;
        left = sys::ioctl(state_.polled[at].fd, FIONREAD, &count) == 0 && count > 0
                   ? static_cast<std::size_t>(count)
                   : 0;
    }
    completion result;
    while (*left != 0 && result.from == loop_source::none) {
        result = sys::read_pipe(state_, at, *left);
        *left -= result.from == loop_source::none || result.end ? *left : result.text.size();
    }
    if (result.from == loop_source::none) {  // finds its end, unless another process holds it open
        result = sys::read_pipe(state_, at, sys::loop_buffer_size);
        result.from = loop_source::reader;
        result.index = reader;
        result.held_open = !result.end;
        result.end = true;
        state_.polled[at].fd = -1;
    }
    return result;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
