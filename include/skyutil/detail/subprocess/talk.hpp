// SPDX-License-Identifier: MIT
//
// detail/subprocess/talk.hpp: what is written to a running child and read from it, piece by piece.
// Included at the end of skyutil/subprocess.hpp.
//
// Whatever is done with one pipe, what comes from the others is taken and kept meanwhile: so the
// child never waits for this process while this process waits for the child.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/os/output_loop.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/detail/subprocess/output_pipe.hpp>
#include <skyutil/detail/subprocess/pump.hpp>
#include <skyutil/detail/subprocess/run_together.hpp>
#include <skyutil/detail/subprocess/started_child.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

inline bool unread_text::empty() const noexcept { return at_ == text_.size(); }

inline bool unread_text::add(std::string_view more) {
    constexpr std::size_t most = std::size_t{64} << 20;
    if (at_ > text_.size() / 2) {
        text_.erase(0, std::exchange(at_, 0));
    }
    text_.append(more);
    return text_.size() - at_ < most;
}

inline std::string unread_text::take(std::size_t size) {
    std::string taken = at_ == 0 && size == text_.size() ? std::exchange(text_, std::string())
                                                         : text_.substr(at_, size);
    at_ = empty() ? 0 : at_ + taken.size();
    searched_ = 0;
    return taken;
}

inline std::string unread_text::take_all() { return take(text_.size() - at_); }

inline std::optional<std::string> unread_text::take_line() {
    constexpr std::size_t longest = 1U << 20;
    const std::string_view text = std::string_view(text_).substr(at_);
    const std::size_t end = text.find('\n', searched_);
    if (end == std::string_view::npos && text.size() < longest) {
        searched_ = text.size();
        return std::nullopt;
    }
    if (end > longest) {
        return take(longest);
    }
    std::string line = take(end + 1);
    line.pop_back();
    return line;
}

/// The standard streams of a child that is talked to.
class conversation {
public:
    conversation(standard_descriptors& pipes, std::array<unread_text, 2>& unread) noexcept
        : pipes_(pipes), unread_(unread) {}

    void write(std::string_view text, time_point deadline, std::error_code& error) {
        error = pipes_[0] ? std::error_code() : os::make_error(std::errc::bad_file_descriptor);
        bool written = text.empty();
        exchange(text, deadline, [&](bool now) { return written = written || now; }, error);
    }

    /// Returns what has come; nothing at the end.
    std::string read_some(output_stream stream, time_point deadline, std::error_code& error) {
        const auto i = static_cast<std::size_t>(stream);
        check_output(i, error);
        exchange({}, deadline, [&](bool) { return !unread_[i].empty() || ended_[i]; }, error);
        return error ? std::string() : unread_[i].take_all();
    }

    /// Returns the next line; nullopt at the end.
    std::optional<std::string> read_line(output_stream stream, time_point deadline,
                                         std::error_code& error) {
        const auto i = static_cast<std::size_t>(stream);
        std::optional<std::string> line;
        check_output(i, error);
        exchange(
            {}, deadline, [&](bool) { return (line = unread_[i].take_line()) || ended_[i]; },
            error);
        if (!error && !line && !unread_[i].empty()) {
            line = unread_[i].take_all();
        }
        return line;
    }

    /// Has the pipes waited for, and not their reads and writes.
    void prepare(std::error_code& error) noexcept {
        for (const unique_fd& each : pipes_) {
            if (each && !error) {
                os::use_in_loop(each.get(), error);
            }
        }
    }

private:
    void check_output(std::size_t stream, std::error_code& error) const noexcept {
        error = pipes_[stream + 1] || !unread_[stream].empty()
                    ? std::error_code()
                    : os::make_error(std::errc::bad_file_descriptor);
    }

    /// Writes a text and takes what comes until `done(whether all is written)`.
    template <class Done>
    void exchange(std::string_view text, time_point deadline, Done done, std::error_code& error) {
        if (error || done(false)) {
            return;
        }
        prepare(error);
        os::output_loop loop(3);
        if (!text.empty()) {
            loop.add_writer(pipes_[0].get(), text);
        }
        for (std::size_t i = 0; i != 2; ++i) {
            loop.add_reader(pipes_[i + 1].get());
            ended_[i] = !pipes_[i + 1];
        }
        bool written = false;
        while (!error && !done(std::exchange(written, false))) {
            const os::output_loop::completion what = loop.next(deadline);
            error = what.error;
            if (what.from == os::loop_source::writer) {
                written = !error;
            } else if (what.from == os::loop_source::reader) {
                ended_[what.index] = what.end;
                if (!unread_[what.index].add(what.text)) {
                    error = os::make_error(std::errc::no_buffer_space);
                }
            } else if (!error && std::chrono::steady_clock::now() >= deadline) {
                error = os::make_error(std::errc::timed_out);
            }
        }
    }

    standard_descriptors& pipes_;
    std::array<unread_text, 2>& unread_;
    std::array<bool, 2> ended_{};
};

/// Gives a child its input, takes its output, and waits for its end, without reaping it.
inline completed_process communicate(started_child& child, standard_descriptors& pipes,
                                     std::array<unread_text, 2>& unread, const command_input& input,
                                     const pump_options& options, std::error_code& error) {
    error.clear();
    completed_process result;
    if (!child.started()) {
        error = os::make_error(std::errc::no_child_process);
    } else if (has_input(input) && !pipes[0]) {
        error = os::make_error(std::errc::bad_file_descriptor);
    }
    conversation(pipes, unread).prepare(error);
    if (error) {
        return result;
    }
    std::vector<output_pipe> outputs;
    for (const output_stream stream : {output_stream::out, output_stream::err}) {
        const auto i = static_cast<std::size_t>(stream);
        constexpr std::size_t all = (std::numeric_limits<std::size_t>::max)();
        outputs.emplace_back(std::move(pipes[i + 1]), std::nullopt, std::nullopt, nullptr, 0,
                             stream);
        outputs.back().text.emplace(all, output_overflow::keep_head);
        outputs.back().text->add(unread[i].take_all());
    }
    pump loop({&child, 1}, outputs, {std::move(pipes[0]), input}, options);
    const pump_end end = loop.run(error);
    result.timed_out = end == pump_end::timed_out;
    result.not_ended = std::move(loop.report(0).left);
    if (const auto how = child.look()) {
        set_end(result, *how);
        result.elapsed = loop.end_time() - child.start_time();
    } else if (!error) {
        error = os::make_error(std::errc::timed_out);
    }
    take_outputs(outputs, {&result, 1});
    return result;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
