// SPDX-License-Identifier: MIT
//
// detail/follow/engine.hpp: the files that one thread follows, whose turn it is, and the waiting.
// Included at the end of skyutil/follow.hpp.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/base/stoppable_wait.hpp>
#include <skyutil/detail/follow/followed_file.hpp>
#include <skyutil/detail/follow/watches.hpp>
#include <skyutil/detail/os/file_events.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

class follow_engine {
public:
    follow_engine(const follow_options& options, std::error_code& error)
        : options_(options), watches_(error), ring_(options.stop, alarm{watches_.events()}) {
        constexpr std::size_t least_line = 16;
        constexpr std::chrono::milliseconds least_interval(1);
        options_.max_line = (std::max)(options.max_line, least_line);
        options_.poll_interval = (std::max)(options.poll_interval, least_interval);
        if (!error && options.wake != follow_wake::polling) {
            std::error_code failed;
            watches_.start(failed);
            if (options.wake == follow_wake::events) {
                error = failed;
            }
        }
    }
    follow_engine(const follow_engine&) = delete;
    follow_engine& operator=(const follow_engine&) = delete;
    ~follow_engine() = default;

    [[nodiscard]] const follow_options& options() const noexcept { return options_; }

    std::size_t add(const std::filesystem::path& path, const follow_position& position,
                    std::error_code& error) {
        const std::size_t number = files_.size();
        const std::filesystem::path absolute = std::filesystem::absolute(path, error);
        if (error) {
            return number;
        }
        auto file = std::make_unique<followed_file>(absolute, number, options_, watches_);
        file->start(position, error);
        if (!error) {
            files_.push_back({std::move(file)});
            enqueue(number);
        }
        return number;
    }

    void remove(std::size_t file) noexcept {
        if (file < files_.size()) {
            files_[file].file.reset();
            count_polled(files_[file]);
        }
    }

    [[nodiscard]] follow_position position(std::size_t file) const {
        return file < files_.size() && files_[file].file ? files_[file].file->position()
                                                         : follow_position{};
    }

    [[nodiscard]] os::native_handle handle() const noexcept { return watches_.events().handle(); }

    std::optional<follow_event> next(time_point deadline, std::error_code& error) {
        for (;;) {
            while (!ready_.empty()) {
                if (options_.stop.stop_requested()) {
                    return std::nullopt;
                }
                entry& first = files_[ready_.front()];
                if (std::optional<follow_event> event =
                        first.file ? first.file->take() : std::nullopt) {
                    return event;
                }
                advance(first, error);
                if (!error) {
                    gather(error);
                }
                if (error) {
                    return std::nullopt;
                }
            }
            if (gather(error) || !ready_.empty()) {
                continue;
            }
            const time_point due = error ? for_ever : next_look();
            watches_.events().set_alarm((std::min)(due, deadline));
            if (options_.stop.stop_requested()) {
                ring_now();
                return std::nullopt;
            }
            if (error) {
                return std::nullopt;
            }
            if (deadline != for_ever && deadline <= std::chrono::steady_clock::now()) {
                watches_.events().set_alarm(due);  // for those who wait with the handle
                if (options_.stop.stop_requested()) {
                    ring_now();
                }
                return std::nullopt;
            }
            wait((std::min)(due, deadline), error);
        }
    }

private:
    /// Has the handle be ready.
    struct alarm {
        const os::file_events& events;

        void operator()() const noexcept { events.set_alarm(time_point()); }
    };

    struct entry {
        std::unique_ptr<followed_file> file;  ///< none once it was removed
        bool queued = false;                  ///< in ready_
        bool polled = false;                  ///< counted in polled_
    };

    void ring_now() const noexcept { alarm{watches_.events()}(); }

    void enqueue(std::size_t number) {
        if (files_[number].file && !std::exchange(files_[number].queued, true)) {
            ready_.push_back(number);
        }
    }

    void count_polled(entry& of) noexcept {
        const bool polled = of.file && of.file->is_polled();
        polled_ += polled ? 1U : 0U;
        polled_ -= std::exchange(of.polled, polled) ? 1U : 0U;
    }

    /// Reads more of the file whose turn it is, or gives the turn to the next: after each block.
    void advance(entry& first, std::error_code& error) {
        if (first.file && std::exchange(had_turn_, false) && ready_.size() > 1) {
            first.file->rest();
            ready_.push_back(ready_.front());
            ready_.pop_front();
            return;
        }
        had_turn_ = first.file && first.file->read(error);
        count_polled(first);
        if (!had_turn_ && !error) {
            first.queued = false;
            ready_.pop_front();
        }
    }

    /// Has all files take their turn of which something is known. Returns whether there was news.
    bool gather(std::error_code& error) {
        const auto changed = [this](std::size_t number, follow_watches::change what) {
            if (what == follow_watches::change::name && files_[number].file) {
                files_[number].file->look_again(true);
            }
            enqueue(number);
        };
        bool news = watches_.take(
            changed,
            [&] {
                for (std::size_t i = 0; i != files_.size(); ++i) {
                    changed(i, follow_watches::change::name);
                }
            },
            error);
        const time_point due = next_look();
        const time_point now = due == for_ever ? time_point() : std::chrono::steady_clock::now();
        if (due <= now) {
            const bool all = next_poll_ <= now;
            next_poll_ = all ? for_ever : next_poll_;
            for (std::size_t i = 0; i != files_.size(); ++i) {
                const entry& each = files_[i];
                if (each.file && ((all && each.polled) || each.file->partial_at() <= now)) {
                    files_[i].file->look_again(false);
                    enqueue(i);
                    news = true;
                }
            }
        }
        return news;
    }

    /// When a file has to be looked at that nothing tells of.
    time_point next_look() {
        time_point partial = for_ever;
        if (options_.partial_after) {
            for (const entry& each : files_) {
                partial = each.file ? (std::min)(partial, each.file->partial_at()) : partial;
            }
        }
        if (polled_ != 0 && next_poll_ == for_ever) {
            next_poll_ = std::chrono::steady_clock::now() + options_.poll_interval;
        }
        return (std::min)(partial, next_poll_);
    }

    void wait(time_point due, std::error_code& error) const {
        if (handle() != os::no_handle) {
            os::wait_readable(handle(), std::chrono::milliseconds(-1), error);
        } else {
            wait_unless_stopped(due - std::chrono::steady_clock::now(), options_.stop);
        }
    }

    follow_options options_;
    follow_watches watches_;
    stop_callback<alarm> ring_;
    std::vector<entry> files_;
    std::size_t polled_ = 0;
    std::deque<std::size_t> ready_;  // the files that may have something, in the order of turns
    bool had_turn_ = false;          // the first of them
    time_point next_poll_ = for_ever;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
