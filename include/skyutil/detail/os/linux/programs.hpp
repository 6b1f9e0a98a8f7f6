// SPDX-License-Identifier: MIT
//
// detail/os/linux/programs.hpp: what detail/os/programs.hpp declares, on Linux.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/linux/start_process.hpp>
#include <skyutil/detail/os/posix/program_text.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {

/// A request in the form in which a new process takes it, as that may not allocate. To be used
/// once, while the request is there.
class program_plan {
public:
    /// Sets what no program can be given; then the plan is not to be used.
    program_plan(const program_request& request, start_failure& refused, std::error_code& error) {
        refused = fill_in(request, error);
        if (refused != start_failure::none && !error) {
            error = make_error(std::errc::invalid_argument);
        }
    }
    program_plan(const program_plan&) = delete;
    program_plan& operator=(const program_plan&) = delete;
    ~program_plan() = default;

    [[nodiscard]] program_start& start() noexcept { return start_; }

private:
    start_failure fill_in(const program_request& request, std::error_code& error) {
        if (!set_words(request.words)) {
            return start_failure::arguments;
        }
        if (has_nul(request.directory.native())) {
            return start_failure::directory;
        }
        if (!set_variables(request)) {
            return start_failure::arguments;
        }
        if (!set_cpus(request.cpus)) {
            return start_failure::cpus;
        }
        if (!set_blocked_signals(request.blocked_signals)) {
            return start_failure::arguments;
        }
        start_.directory = request.directory.empty() ? nullptr : request.directory.c_str();
        std::copy(request.standard.begin(), request.standard.end(), start_.standard);
        start_.merges_errors = request.merges_errors;
        start_.group = request.group;
        start_.dies_with_thread = request.lifetime != start_lifetime::own;
        start_.nice = request.nice ? &*request.nice : nullptr;
        start_.limits = request.limits.data();
        start_.limits_size = request.limits.size();
        if (!set_places(request.passed, error)) {
            return start_failure::handles;
        }
        if (!set_identity(request.identity)) {
            return start_failure::identity;
        }
        start_.keeps_descriptors = request.keeps_handles;
        start_.keeps_ignored_signals = request.keeps_ignored_signals;
        if (request.has_shell_fallback) {
            set_shell();
        }
        return start_failure::none;
    }

    bool set_words(std::span<const std::string> words) {
        if (words.empty() || std::any_of(words.begin(), words.end(), has_nul)) {
            return false;
        }
        paths_ = program_paths(words.front());
        arguments_ = pointers_to(words);
        start_.paths = paths_.data();
        start_.arguments = arguments_.data();
        return true;
    }

    bool set_variables(const program_request& request) {
        start_.variables = own_variables();
        if (request.variables.empty() && request.inherits_variables) {
            return true;
        }
        auto changed = change_variables(request.inherits_variables, request.variables);
        if (!changed) {
            return false;
        }
        variables_ = *std::move(changed);
        start_.variables = variables_.data();
        return true;
    }

    bool set_cpus(std::span<const unsigned> cpus) {
        constexpr std::size_t bits = 8 * sizeof(unsigned long);
        constexpr unsigned most = 1U << 19;
        for (const unsigned cpu : cpus) {
            if (cpu >= most) {
                return false;
            }
            cpus_.resize((std::max)(cpus_.size(), cpu / bits + 1));
            cpus_[cpu / bits] |= 1UL << cpu % bits;
        }
        start_.cpus = cpus_.empty() ? nullptr : cpus_.data();
        start_.cpus_size = cpus_.size() * sizeof(unsigned long);
        return true;
    }

    bool set_blocked_signals(std::span<const int> numbers) {
        constexpr int bits = 8 * sizeof(unsigned long);
        return std::all_of(numbers.begin(), numbers.end(), [this](int signal) {
            if (is_signal(signal)) {
                const auto word = static_cast<std::size_t>((signal - 1) / bits);
                start_.blocked[word] |= 1UL << (signal - 1) % bits;
            }
            return is_signal(signal);
        });
    }

    /// Makes copies that no placing of another one can overwrite.
    bool set_places(std::span<const passed_handle> passed, std::error_code& error) {
        places_.reserve(passed.size());
        for (const passed_handle& each : passed) {
            if (each.number <= STDERR_FILENO ||
                std::any_of(places_.begin(), places_.end(), [&](const program_start::place& other) {
                    return other.number == each.number;
                })) {
                return false;
            }
            places_.push_back({-1, each.number});
        }
        copies_.reserve(passed.size());
        for (std::size_t i = 0; i != passed.size() && !error; ++i) {
            copies_.emplace_back(copy_beside(passed[i].handle, places_, error));
            places_[i].source = copies_.back().get();
        }
        start_.places = places_.data();
        start_.places_size = places_.size();
        return !error;
    }

    /// A user without a group would keep the group of this process.
    bool set_identity(const start_identity& who) {
        constexpr std::uint32_t unchanged = ~0U;
        if ((who.user && !who.group) || who.user == unchanged || who.group == unchanged) {
            return false;
        }
        program_start::identity& plain = start_.who;
        plain.user = who.user ? &*who.user : nullptr;
        plain.group = who.group ? &*who.group : nullptr;
        plain.sets_groups = who.groups.has_value();
        if (who.groups) {
            plain.groups = who.groups->data();
            plain.groups_size = who.groups->size();
        }
        plain.umask = who.umask ? &*who.umask : nullptr;
        plain.no_new_privileges = who.no_new_privileges;
        return true;
    }

    /// Prepares what runs a program without a format the kernel knows.
    void set_shell() {
        shell_arguments_ = {shell, nullptr};
        shell_arguments_.insert(shell_arguments_.end(), arguments_.begin() + 1, arguments_.end());
        start_.shell_arguments = shell_arguments_.data();
    }

    string_block paths_;
    std::vector<const char*> arguments_;
    string_block variables_;
    std::vector<const char*> shell_arguments_;
    std::vector<unsigned long> cpus_;
    std::vector<program_start::place> places_;
    std::vector<unique_fd> copies_;
    program_start start_;
};

}  // namespace sys

inline started_program start_program(const program_request& request, start_failure& failed,
                                     std::error_code& error) {
    started_program started;
    sys::program_plan plan(request, failed, error);
    if (failed != start_failure::none) {
        return started;
    }
    if (request.lifetime == start_lifetime::of_process) {
        started = sys::start_in_thread(plan.start(), error);
    } else {
        started.child = sys::start_process(plan.start(), error);
    }
    failed = plan.start().failed;
    return started;
}

inline std::int64_t start_detached(const program_request& request, start_failure& failed,
                                   std::error_code& error) {
    sys::program_plan plan(request, failed, error);
    if (failed != start_failure::none) {
        return 0;
    }
    plan.start().detached = true;
    plan.start().dies_with_thread = false;
    const child started = sys::start_process(plan.start(), error);
    failed = plan.start().failed;
    return started.pid;
}

inline std::vector<std::string> shell_words(std::string text) {
    return {sys::shell, "-c", std::move(text)};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
