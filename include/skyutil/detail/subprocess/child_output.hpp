// SPDX-License-Identifier: MIT
//
// detail/subprocess/child_output.hpp: what children print, kept or given to a function while they
// run.
//
// One loop reads and writes all pipes of all children and waits for their ends, so that nobody
// waits for somebody who waits. It runs on while a tree is being ended, in a thread of its own:
// what a child prints when it is told to end is kept, and a full pipe does not stop it from ending.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/subprocess/spawn.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// Where a line came from.
enum class output_stream { out, err };

/// What becomes of output beyond max_output.
enum class output_overflow {
    keep_head,
    keep_tail,
    fail,  ///< the tree is ended, std::errc::no_buffer_space
};

/// Takes a line without its newline, as soon as it is complete; invalid UTF-8 and NULs are part of
/// it. What comes after the last newline is a line too. A line of more than 1 MiB comes in pieces
/// of that size.
using line_function = std::function<void(output_stream, std::string_view)>;

namespace detail {

/// Text of at most a number of bytes, its head or its tail.
class bounded_text {
public:
    bounded_text(std::size_t most, output_overflow keep) noexcept : most_(most), keep_(keep) {}

    /// False when this is more than the text can hold.
    bool add(std::string_view more) {
        if (keep_ != output_overflow::keep_tail) {
            const std::size_t room = most_ - text_.size();
            grow(more.size());
            text_.append(more.substr(0, room));
            truncated_ = truncated_ || more.size() > room;
            return more.size() <= room;
        }
        text_.append(more);
        if (text_.size() > most_ && text_.size() - most_ >= (std::max)(most_, slack)) {
            cut();  // not each time: what is kept has to move
        }
        return true;
    }

    std::string take() {
        cut();
        return std::move(text_);
    }

    [[nodiscard]] output_overflow keep() const noexcept { return keep_; }

    /// Whether nothing more will be kept.
    [[nodiscard]] bool is_full() const noexcept { return truncated_; }

    /// After take().
    [[nodiscard]] bool truncated() const noexcept { return truncated_; }

private:
    static constexpr std::size_t slack = 1U << 16;

    /// Large text grows by more than std::string does: what is not touched costs nothing, and each
    /// byte is moved less often.
    void grow(std::size_t more) {
        constexpr std::size_t large = 1U << 20;
        if (text_.size() >= large && text_.capacity() - text_.size() < more) {
            const auto move_to_larger = [this] {
                std::string larger;
                larger.reserve((std::min)(most_, 4 * text_.capacity()));
                os::advise_large_pages(larger.data(), larger.capacity());
                text_ = std::move(larger.append(text_));
            };
            catch_std_exception(move_to_larger, [] {});  // then as std::string does
        }
    }

    void cut() {
        if (text_.size() > most_) {
            truncated_ = true;
            text_.erase(0, text_.size() - most_);
        }
    }

    std::string text_;
    std::size_t most_;
    output_overflow keep_;
    bool truncated_ = false;
};

/// Cuts what comes in pieces into lines.
class line_splitter {
public:
    line_splitter(const line_function& function, output_stream from) noexcept
        : function_(function), from_(from) {}

    void add(std::string_view more) {
        while (!more.empty()) {
            const std::size_t end = more.find('\n');
            const std::size_t size = (std::min)(end, more.size());
            if (rest_.empty() && end != std::string_view::npos) {
                function_(from_, more.substr(0, size));
            } else {
                add_to_rest(more.substr(0, size), end != std::string_view::npos);
            }
            more.remove_prefix((std::min)(more.size(), size + 1));
        }
    }

    /// What came after the last newline is a line too.
    void finish() {
        if (!rest_.empty()) {
            give_rest();
        }
    }

private:
    static constexpr std::size_t longest = 1U << 20;

    void add_to_rest(std::string_view more, bool complete) {
        while (rest_.size() + more.size() > longest) {
            const std::size_t room = longest - rest_.size();
            rest_.append(more.substr(0, room));
            more.remove_prefix(room);
            give_rest();
        }
        rest_.append(more);
        if (complete) {
            give_rest();
        }
    }

    void give_rest() {
        function_(from_, rest_);
        rest_.clear();
    }

    const line_function& function_;
    output_stream from_;
    std::string rest_;
};

/// The reading end of a pipe that a child writes to, and what becomes of its text.
struct output_pipe {
    unique_fd fd;
    std::optional<bounded_text> text;  ///< where it is kept
    std::optional<line_splitter> lines;
    std::size_t child;  ///< whose it is
    output_stream from;
    bool incomplete = false;  ///< somebody else still held it when it was left

    /// Whether what still comes can be of use.
    [[nodiscard]] bool is_wanted() const noexcept {
        return fd && (lines || (text && !text->is_full()));
    }
};

struct pump_options {
    time_point deadline = for_ever;
    kill_tree_options ending;
    std::chrono::milliseconds drain{};
    std::stop_token stop;
};

enum class pump_end { ended, timed_out, stopped, overflowed };

/// Feeds children and takes their output until all have ended.
class pump {
public:
    pump(std::vector<started_child>& children, std::vector<output_pipe>& outputs, unique_fd input,
         std::string_view input_text, const pump_options& options)
        : children_(children),
          outputs_(outputs),
          input_(std::move(input)),
          rest_(input_text),
          options_(options),
          running_(children.size()),
          reports_(children.size()) {}
    pump(const pump&) = delete;
    pump& operator=(const pump&) = delete;
    ~pump() {
        for (std::thread& each : killers_) {
            each.join();
        }
    }

    pump_end run(std::error_code& error) {
        prepare(error);
        std::optional<std::stop_callback<wake>> on_stop;
        if (event_ && options_.stop.stop_possible()) {
            on_stop.emplace(options_.stop, wake{event_.get()});
        }
        while (!error && !finished()) {
            if (running_ != 0 && result_ == pump_end::ended) {
                end_if_told();
            }
            wait(error);
            if (!error) {
                transfer(error);
            }
        }
        for (started_child& each : children_) {
            look(each);
        }
        for (output_pipe& each : outputs_) {
            if (!error && each.fd) {
                read_rest(each, error);
            }
        }
        return overflowed_ ? pump_end::overflowed : result_;
    }

    /// What became of the tree of a child that was ended.
    [[nodiscard]] kill_report& report(std::size_t child) noexcept { return reports_[child]; }

    /// When the last child had ended.
    [[nodiscard]] time_point end_time() const noexcept { return end_time_; }

private:
    struct wake {
        int event;
        void operator()() const noexcept { os::signal_event(event); }
    };

    void prepare(std::error_code& error) {
        if (rest_.empty()) {
            input_.reset();
        }
        if (input_) {
            os::set_nonblocking(input_.get(), error);
        }
        for (const output_pipe& each : outputs_) {
            if (!error) {
                os::set_nonblocking(each.fd.get(), error);
            }
        }
        // Now, as there may be no descriptor later; without one the loop looks again and again.
        const bool can_overflow =
            std::any_of(outputs_.begin(), outputs_.end(), [](const output_pipe& each) {
                return each.text && each.text->keep() == output_overflow::fail;
            });
        if (!error &&
            (options_.stop.stop_possible() || options_.deadline != for_ever || can_overflow)) {
            std::error_code without;
            event_.reset(os::open_event(without));
        }
        entries_.resize(2 + outputs_.size() + children_.size());
        polled_.reserve(entries_.size());
        killers_.reserve(children_.size());
    }

    /// Whether nothing is left to wait for. A process that the child has left behind can hold its
    /// pipes open for ever; they are given a while after the end and after each piece of output.
    [[nodiscard]] bool finished() const noexcept {
        if (result_ != pump_end::ended) {
            return killers_left_ == 0;
        }
        return running_ == 0 &&
               (std::none_of(outputs_.begin(), outputs_.end(),
                             [](const output_pipe& each) { return each.is_wanted(); }) ||
                options_.stop.stop_requested() || std::chrono::steady_clock::now() >= drain_end());
    }

    [[nodiscard]] time_point drain_end() const noexcept {
        return (std::min)(drain_until_, options_.deadline);
    }

    void end_if_told() {
        if (overflowed_) {
            result_ = pump_end::overflowed;
        } else if (options_.stop.stop_requested()) {
            result_ = pump_end::stopped;
        } else if (options_.deadline != for_ever &&
                   std::chrono::steady_clock::now() >= options_.deadline) {
            result_ = pump_end::timed_out;
        } else {
            return;
        }
        input_.reset();
        // All at once: the grace is for all together.
        killers_left_ = static_cast<int>(children_.size());
        for (std::size_t i = 0; i != children_.size(); ++i) {
            const auto kill = [this, child = children_[i].identity(), &report = reports_[i]] {
                report = end_child_tree(child, options_.ending);
                --killers_left_;
                os::signal_event(event_.get());
            };
            const auto kill_in_thread = [&] {
                const os::no_signals during_start;
                killers_.emplace_back(kill);
            };
            catch_std_exception(kill_in_thread, kill);  // where no thread is to be had output waits
        }
    }

    void wait(std::error_code& error) {
        constexpr std::chrono::milliseconds look_again(5);
        time_point until = result_ != pump_end::ended ? for_ever
                           : running_ == 0            ? drain_end()
                                                      : options_.deadline;
        if (!event_ && (result_ != pump_end::ended || options_.stop.stop_possible())) {
            until = (std::min)(until, deadline_after(look_again));
        }
        std::size_t at = 0;
        entries_[at++] = {.fd = event_.get()};
        entries_[at++] = {.fd = input_.get(), .writable = true};
        for (const output_pipe& each : outputs_) {
            entries_[at++] = {.fd = each.fd.get()};
        }
        for (started_child& each : children_) {
            const bool runs = !each.known_end();
            entries_[at++] = {.fd = runs ? each.pidfd() : -1};
            if (runs && each.pidfd() == -1) {
                until = (std::min)(until, deadline_after(look_again));
            }
        }
        if (!error) {
            os::wait_any(entries_, polled_, until, error);
        }
    }

    void transfer(std::error_code& error) {
        std::size_t at = 0;
        if (entries_[at++].ready) {
            os::reset_event(event_.get());
        }
        if (entries_[at++].ready) {
            write_input(error);
        }
        // Ends before output: what a child has printed is in its pipe when it ends.
        const std::size_t first_child = at + outputs_.size();
        for (std::size_t i = 0; i != children_.size(); ++i) {
            started_child& child = children_[i];
            const bool may_have_ended = entries_[first_child + i].ready || child.pidfd() == -1;
            if (may_have_ended) {
                look(child);
            }
        }
        for (output_pipe& each : outputs_) {
            constexpr int most_at_once = 4;  // others have something to say too
            for (int i = 0; entries_[at].ready && !error && i != most_at_once; ++i) {
                if (read_output(each, buffer_size, error) != buffer_size) {
                    break;
                }
            }
            ++at;
        }
    }

    void look(started_child& child) {
        if (!child.known_end() && child.look() && --running_ == 0) {
            end_time_ = std::chrono::steady_clock::now();
            drain_until_ = deadline_after(options_.drain);
        }
    }

    void write_input(std::error_code& error) {
        bool would_block = false;
        while (!would_block && input_) {
            rest_.remove_prefix(os::write_some(input_.get(), rest_, would_block, error));
            if (error == std::errc::broken_pipe) {
                error.clear();  // the child does not want the rest
                rest_ = {};
            }
            if (rest_.empty() || error) {
                input_.reset();
            }
        }
    }

    std::size_t read_output(output_pipe& output, std::size_t most, std::error_code& error) {
        if (!buffer_) {
            buffer_ = std::make_unique_for_overwrite<char[]>(buffer_size);  // NOLINT(*-c-arrays)
        }
        bool would_block = false;
        const std::size_t count = os::read_some(output.fd.get(), buffer_.get(),
                                                (std::min)(most, buffer_size), would_block, error);
        if (count != 0) {
            if (running_ == 0 && output.is_wanted()) {
                drain_until_ = deadline_after(options_.drain);
            }
            const std::string_view text(buffer_.get(), count);
            if (output.text && !output.text->add(text)) {
                overflowed_ = overflowed_ || output.text->keep() == output_overflow::fail;
            }
            if (output.lines) {
                output.lines->add(text);
            }
        } else if (!would_block) {
            output.fd.reset();
            if (output.lines) {
                output.lines->finish();
            }
        }
        return count;
    }

    /// What is in a pipe that somebody holds open: no more, as that can be without end.
    void read_rest(output_pipe& output, std::error_code& error) {
        std::size_t left = os::readable_bytes(output.fd.get());
        while (left != 0 && output.fd && !error) {
            const std::size_t count = read_output(output, left, error);
            left = count == 0 ? 0 : left - count;
        }
        if (output.fd) {  // its end is in it, unless others hold it
            read_output(output, buffer_size, error);
        }
        if (output.fd) {
            output.incomplete = true;
            output.fd.reset();
            if (output.lines) {
                output.lines->finish();
            }
        }
    }

    static constexpr std::size_t buffer_size = 1U << 16;  // what a pipe holds

    std::vector<started_child>& children_;
    std::vector<output_pipe>& outputs_;
    unique_fd input_;
    std::string_view rest_;  ///< of the input
    const pump_options& options_;
    std::size_t running_;
    bool overflowed_ = false;
    pump_end result_ = pump_end::ended;  ///< another from when the trees are being ended
    time_point drain_until_ = for_ever;
    time_point end_time_{};
    std::unique_ptr<char[]> buffer_;  // NOLINT(*-c-arrays)
    std::vector<os::wait_entry> entries_;
    std::vector<os::poll_entry> polled_;
    unique_fd event_;  ///< written to when the loop has to look again
    std::vector<kill_report> reports_;
    std::atomic<int> killers_left_ = 0;
    std::vector<std::thread> killers_;
};

}  // namespace detail

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
