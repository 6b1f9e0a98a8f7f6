// SPDX-License-Identifier: MIT
//
// detail/subprocess/pump.hpp: the loop that feeds children, takes their output and waits for their
// ends. Included at the end of skyutil/subprocess.hpp.
//
// One loop serves all pipes of all children, so that no child waits for this process while this
// process waits for another child. It runs on while trees are being ended, which other threads do:
// what a child prints when it is told to end is kept, and a full pipe does not keep it from ending.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/os/output_loop.hpp>
#include <skyutil/detail/os/waiting.hpp>
#include <skyutil/detail/subprocess/end_child_tree.hpp>
#include <skyutil/detail/subprocess/output_pipe.hpp>
#include <skyutil/detail/subprocess/started_child.hpp>
#include <skyutil/stop_token.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

struct pump_options {
    time_point deadline = for_ever;
    kill_tree_options ending;
    std::chrono::milliseconds drain{};
    stop_token stop;
};

/// Why the loop has ended.
enum class pump_end { ended, timed_out, stopped, overflowed };

/// Threads that end the trees of children, all at once: the grace is for all together.
class tree_enders {
public:
    explicit tree_enders(std::size_t children) : reports_(children) {}

    /// Starts them; each one wakes the loop when it is done.
    void start(std::span<const started_child> children, const kill_tree_options& options,
               os::output_loop& loop) {
        left_ = static_cast<int>(children.size());
        for (std::size_t i = 0; i != children.size(); ++i) {
            const auto end_tree = [this, child = children[i].identity(), &report = reports_[i],
                                   &options, &loop] {
                report = end_child_tree(child, options);
                --left_;
                loop.wake();
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

    void join() noexcept { threads_.clear(); }

    [[nodiscard]] bool are_done() const noexcept { return left_ == 0; }

    /// Returns what became of the tree of a child; to be called after join().
    [[nodiscard]] kill_report& report(std::size_t child) noexcept { return reports_[child]; }

private:
    std::vector<kill_report> reports_;
    std::atomic<int> left_ = 0;
    std::vector<joining_thread> threads_;  // they use the members above
};

/// Feeds children and takes their output until all have ended.
class pump {
public:
    pump(std::span<started_child> children, std::vector<output_pipe>& outputs, input_pipe input,
         const pump_options& options)
        : children_(children),
          outputs_(outputs),
          input_(std::move(input)),
          options_(options),
          running_(children.size()),
          loop_(1 + children.size() + outputs.size()),
          enders_(children.size()) {}

    /// Returns why the loop has ended; nothing uses the children any more then.
    pump_end run(std::error_code& error) {
        prepare(error);
        std::optional<stop_callback<wake>> on_stop;
        if (options_.stop.stop_possible()) {
            on_stop.emplace(options_.stop, wake{loop_});
        }
        while (!error && !finished()) {
            if (running_ != 0 && result_ == pump_end::ended) {
                end_if_told();
            }
            handle(loop_.next(next_deadline()), error);
        }
        for (std::size_t i = 0; i != children_.size(); ++i) {
            look(i);
        }
        for (std::size_t i = 0; i != outputs_.size(); ++i) {
            while (!error && outputs_[i].fd) {
                handle(loop_.next_left(i), error);
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
        os::output_loop& loop;
        void operator()() const noexcept { loop.wake(); }
    };

    void prepare(std::error_code& error) {
        if (input_.fd) {
            loop_.add_writer(input_.fd.get(), {});
            write_next(error);
        }
        for (const started_child& each : children_) {
            loop_.add_process(each.handle());
        }
        for (std::size_t i = 0; i != children_.size(); ++i) {
            if (children_[i].known_end()) {  // to one that was waited for before
                end(i);
            }
        }
        for (const output_pipe& each : outputs_) {
            loop_.add_reader(each.fd.get());
        }
        // Now, as no handle may be left later.
        const bool can_overflow =
            std::any_of(outputs_.begin(), outputs_.end(),
                        [](const output_pipe& each) { return each.fails_on_overflow(); });
        if (options_.stop.stop_possible() || options_.deadline != for_ever || can_overflow) {
            loop_.allow_wake();
        }
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

    [[nodiscard]] time_point next_deadline() const noexcept {
        return result_ != pump_end::ended ? for_ever
               : running_ == 0            ? drain_end()
                                          : options_.deadline;
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
        close_input();
        enders_.start(children_, options_.ending, loop_);
    }

    /// Has the next piece of input written; closes the pipe when there is none.
    void write_next(std::error_code& error) {
        const std::string_view piece = input_.next(error);
        if (piece.empty()) {
            close_input();
        } else {
            loop_.write_more(0, input_.fd.get(), piece);
        }
    }

    void close_input() noexcept {
        if (input_.fd) {
            loop_.forget(os::loop_source::writer, 0);
            input_.fd.reset();
        }
    }

    void handle(const os::output_loop::completion& done, std::error_code& error) {
        error = done.error;
        switch (done.from) {
            case os::loop_source::writer:
                if (!error) {
                    write_next(error);
                    break;
                }
                if (error == std::errc::broken_pipe) {
                    error.clear();  // the child does not want the rest
                }
                close_input();
                break;
            case os::loop_source::process:
                look(done.index);
                break;
            case os::loop_source::reader:
                take(outputs_[done.index], done);
                break;
            case os::loop_source::none:
            default:
                break;
        }
    }

    void look(std::size_t child) {
        if (!children_[child].known_end() && children_[child].look()) {
            end(child);
        }
    }

    void end(std::size_t child) {
        loop_.forget(os::loop_source::process, child);
        if (--running_ == 0) {
            end_time_ = std::chrono::steady_clock::now();
            drain_until_ = deadline_after(options_.drain);
        }
    }

    void take(output_pipe& output, const os::output_loop::completion& read) {
        if (!read.text.empty()) {
            if (running_ == 0 && output.is_wanted()) {
                drain_until_ = deadline_after(options_.drain);
            }
            overflowed_ = !output.take(read.text) || overflowed_;
        }
        if (read.end) {
            output.incomplete = read.held_open;
            output.close();
        }
    }

    std::span<started_child> children_;
    std::vector<output_pipe>& outputs_;
    input_pipe input_;
    const pump_options& options_;
    std::size_t running_;
    bool overflowed_ = false;
    pump_end result_ = pump_end::ended;  ///< another one once the trees are being ended
    time_point drain_until_ = for_ever;
    time_point end_time_{};
    os::output_loop loop_;
    tree_enders enders_;  ///< destroyed first: its threads wake the loop
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
