// SPDX-License-Identifier: MIT
//
// detail/subprocess/pump.hpp: the loop that feeds children, takes their output and waits for their
// ends. Included at the end of skyutil/subprocess.hpp.
//
// One loop serves all pipes of all children, so that no child waits for this process while this
// process waits for another child. It runs on while trees are being ended, which other threads do:
// what a child prints when it is told to end is kept, and a full pipe does not keep it from ending.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/subprocess/end_child_tree.hpp>
#include <skyutil/detail/subprocess/output_pipe.hpp>
#include <skyutil/detail/subprocess/started_child.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

struct pump_options {
    time_point deadline = for_ever;
    kill_tree_options ending;
    std::chrono::milliseconds drain{};
    std::stop_token stop;
};

/// Why the loop has ended.
enum class pump_end { ended, timed_out, stopped, overflowed };

/// Threads that end the trees of children, all at once: the grace is for all together.
class tree_enders {
public:
    explicit tree_enders(std::size_t children) : reports_(children) {}
    tree_enders(const tree_enders&) = delete;
    tree_enders& operator=(const tree_enders&) = delete;
    ~tree_enders() { join(); }

    /// Starts them; each one writes to the event when it is done.
    void start(const std::vector<started_child>& children, const kill_tree_options& options,
               int event) {
        left_ = static_cast<int>(children.size());
        for (std::size_t i = 0; i != children.size(); ++i) {
            const auto end_tree = [this, child = children[i].identity(), &report = reports_[i],
                                   &options, event] {
                report = end_child_tree(child, options);
                --left_;
                os::signal_event(event);
            };
            const auto end_in_thread = [&] {
                const os::no_signals during_start;
                threads_.emplace_back(end_tree);
            };
            catch_std_exception(end_in_thread, end_tree);  // without a thread, the output waits
        }
    }

    /// Makes room, so that start() needs no memory of its own.
    void reserve() { threads_.reserve(reports_.size()); }

    void join() noexcept {
        for (std::thread& each : threads_) {
            each.join();
        }
        threads_.clear();
    }

    [[nodiscard]] bool are_done() const noexcept { return left_ == 0; }

    /// Returns what became of the tree of a child; to be called after join().
    [[nodiscard]] kill_report& report(std::size_t child) noexcept { return reports_[child]; }

private:
    std::vector<kill_report> reports_;
    std::atomic<int> left_ = 0;
    std::vector<std::thread> threads_;
};

/// Feeds children and takes their output until all have ended.
class pump {
public:
    pump(std::vector<started_child>& children, std::vector<output_pipe>& outputs, input_pipe input,
         const pump_options& options)
        : children_(children),
          outputs_(outputs),
          input_(std::move(input)),
          options_(options),
          running_(children.size()),
          enders_(children.size()) {}

    /// Returns why the loop has ended; nothing uses the children any more then.
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
        enders_.join();
        return overflowed_ ? pump_end::overflowed : result_;
    }

    /// Returns what became of the tree of a child that was ended.
    [[nodiscard]] kill_report& report(std::size_t child) noexcept { return enders_.report(child); }

    /// Returns when the last child had ended.
    [[nodiscard]] time_point end_time() const noexcept { return end_time_; }

private:
    struct wake {
        int event;
        void operator()() const noexcept { os::signal_event(event); }
    };

    void prepare(std::error_code& error) {
        if (input_.rest.empty()) {
            input_.fd.reset();
        }
        if (input_.fd) {
            os::set_nonblocking(input_.fd.get(), error);
        }
        for (const output_pipe& each : outputs_) {
            if (!error) {
                os::set_nonblocking(each.fd.get(), error);
            }
        }
        // Opened now, as no descriptor may be left later; without it the loop looks again and
        // again.
        const bool can_overflow =
            std::any_of(outputs_.begin(), outputs_.end(),
                        [](const output_pipe& each) { return each.fails_on_overflow(); });
        if (!error &&
            (options_.stop.stop_possible() || options_.deadline != for_ever || can_overflow)) {
            std::error_code without;
            event_.reset(os::open_event(without));
        }
        entries_.resize(2 + outputs_.size() + children_.size());
        polled_.reserve(entries_.size());
        enders_.reserve();
    }

    /// Returns whether there is nothing left to wait for. A process that a child has left behind
    /// can hold its pipes open for ever: they get some time after the end and after each piece of
    /// output.
    [[nodiscard]] bool finished() const noexcept {
        if (result_ != pump_end::ended) {
            return enders_.are_done();
        }
        return running_ == 0 &&
               (std::none_of(outputs_.begin(), outputs_.end(),
                             [](const output_pipe& each) { return each.is_wanted(); }) ||
                options_.stop.stop_requested() || std::chrono::steady_clock::now() >= drain_end());
    }

    [[nodiscard]] time_point drain_end() const noexcept {
        return (std::min)(drain_until_, options_.deadline);
    }

    /// Starts to end all trees if there is a reason to.
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
        input_.fd.reset();
        enders_.start(children_, options_.ending, event_.get());
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
        entries_[at++] = {.fd = input_.fd.get(), .writable = true};
        for (const output_pipe& each : outputs_) {
            entries_[at++] = {.fd = each.fd.get()};
        }
        for (started_child& each : children_) {
            const bool runs = !each.known_end();
            entries_[at++] = {.fd = runs ? each.handle() : -1};
            if (runs && each.handle() == -1) {
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
            input_.write_some(error);
        }
        // Ends before output: what a child has printed is in its pipe when it ends.
        const std::size_t first_child = at + outputs_.size();
        for (std::size_t i = 0; i != children_.size(); ++i) {
            started_child& child = children_[i];
            const bool may_have_ended = entries_[first_child + i].ready || child.handle() == -1;
            if (may_have_ended) {
                look(child);
            }
        }
        for (output_pipe& each : outputs_) {
            constexpr int most_at_once = 4;  // then it is the turn of the other pipes
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
            overflowed_ = !output.take({buffer_.get(), count}) || overflowed_;
        } else if (!would_block) {
            output.close();
        }
        return count;
    }

    /// Takes what is in a pipe that another process holds open, and no more: that can be endless.
    void read_rest(output_pipe& output, std::error_code& error) {
        std::size_t left = os::readable_bytes(output.fd.get());
        while (left != 0 && output.fd && !error) {
            const std::size_t count = read_output(output, left, error);
            left = count == 0 ? 0 : left - count;
        }
        if (output.fd) {  // finds its end, unless another process holds it open
            read_output(output, buffer_size, error);
        }
        if (output.fd) {
            output.incomplete = true;
            output.close();
        }
    }

    static constexpr std::size_t buffer_size = 1U << 16;  // what a pipe holds

    std::vector<started_child>& children_;
    std::vector<output_pipe>& outputs_;
    input_pipe input_;
    const pump_options& options_;
    std::size_t running_;
    bool overflowed_ = false;
    pump_end result_ = pump_end::ended;  ///< another one once the trees are being ended
    time_point drain_until_ = for_ever;
    time_point end_time_{};
    std::unique_ptr<char[]> buffer_;  // NOLINT(*-c-arrays)
    std::vector<os::wait_entry> entries_;
    std::vector<os::poll_entry> polled_;
    unique_fd event_;     ///< written to when the loop has to look again
    tree_enders enders_;  ///< destroyed first: its threads use the event
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
