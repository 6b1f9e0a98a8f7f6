// SPDX-License-Identifier: MIT
//
// detail/subprocess/start_plan.hpp: from a command and its attributes to what the system needs to
// start it. Included at the end of skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/os/programs.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns the paths that a program of that name can have, in the order of PATH.
inline std::vector<std::string> program_paths(const std::string& name) {
    if (name.find('/') != std::string::npos || name.empty()) {
        return {name};
    }
    const char* const variable = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
    std::string_view path = variable == nullptr ? os::default_path : variable;
    std::vector<std::string> result;
    for (;;) {
        const std::size_t colon = path.find(':');
        std::string directory(path.substr(0, colon));
        result.push_back((directory.empty() ? "." : std::move(directory)) + "/" + name);
        if (colon == std::string_view::npos) {
            return result;
        }
        path.remove_prefix(colon + 1);
    }
}

/// What execve(2) takes: pointers to strings, the last one null. They stay valid after a move.
class string_block {
public:
    string_block() = default;
    explicit string_block(std::vector<std::string> strings) : strings_(std::move(strings)) {
        pointers_.reserve(strings_.size() + 1);
        for (const std::string& each : strings_) {
            pointers_.push_back(each.c_str());
        }
        pointers_.push_back(nullptr);
    }
    string_block(string_block&&) noexcept = default;
    string_block& operator=(string_block&&) noexcept = default;
    string_block(const string_block&) = delete;
    string_block& operator=(const string_block&) = delete;
    ~string_block() = default;

    [[nodiscard]] const char* const* data() const noexcept { return pointers_.data(); }

private:
    std::vector<std::string> strings_;  // std::vector keeps its elements' addresses when moved
    std::vector<const char*> pointers_;
};

inline bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

/// Returns the variables of a child; std::errc::invalid_argument for a name or value that no
/// variable can have.
inline string_block make_environment(base_environment base, const environment_changes& changes,
                                     std::error_code& error) {
    std::vector<std::string> result;
    if (base == base_environment::inherited) {
        for (const char* const* at = os::environment_block(); at != nullptr && *at != nullptr;
             ++at) {
            const std::string_view variable = *at;
            if (!changes.contains(std::string(variable.substr(0, variable.find('='))))) {
                result.emplace_back(variable);
            }
        }
    }
    for (const auto& [name, value] : changes) {
        const bool valid = !name.empty() && name.find('=') == std::string::npos && !has_nul(name) &&
                           (!value || !has_nul(*value));
        if (!valid) {
            error = os::make_error(std::errc::invalid_argument);
        } else if (value) {
            result.push_back(name + "=" + *value);
        }
    }
    return string_block(std::move(result));
}

/// Returns the step at which the system failed, as start_error names it.
constexpr start_step step_of(os::start_failure failure) noexcept {
    switch (failure) {
        case os::start_failure::process:
            return start_step::process;
        case os::start_failure::death_signal:
            return start_step::death_signal;
        case os::start_failure::session:
            return start_step::session;
        case os::start_failure::nice:
            return start_step::nice;
        case os::start_failure::cpus:
            return start_step::cpus;
        case os::start_failure::directory:
            return start_step::directory;
        case os::start_failure::descriptors:
            return start_step::descriptors;
        case os::start_failure::limits:
            return start_step::limits;
        case os::start_failure::program:
            return start_step::program;
        case os::start_failure::none:
        default:
            return start_step::none;
    }
}

/// What is to be started, as the caller has it.
struct start_request {
    const command& what;
    const std::filesystem::path& directory;
    const environment_changes& environment;
    const child_attributes& attributes;
};

enum class start_kind { child, detached };

/// Fills in what the system needs for a start, and owns the memory it points to. To be used once.
class start_plan {
public:
    /// std::errc::invalid_argument for what no program can be given; failed_step() tells what it
    /// is.
    start_plan(const start_request& request, start_kind kind, std::error_code& error)
        : arguments_(request.what.words()), directory_(request.directory.native()) {
        refused_ = fill_in(request, kind);
        if (refused_ != start_step::none) {
            error = os::make_error(std::errc::invalid_argument);
        }
    }
    start_plan(const start_plan&) = delete;
    start_plan& operator=(const start_plan&) = delete;
    ~start_plan() = default;

    /// Sets the standard descriptors of the program; one of -1 is inherited. They stay the
    /// caller's.
    void set_standard(int in, int out, int err) noexcept {
        start_.standard[0] = in;
        start_.standard[1] = out;
        start_.standard[2] = err;
    }

    [[nodiscard]] os::program_start& start() noexcept { return start_; }

    /// Returns what the plan or the start has failed at, start_step::none if neither has.
    [[nodiscard]] start_step failed_step() const noexcept {
        return refused_ != start_step::none ? refused_ : step_of(start_.failed);
    }

private:
    /// Returns what cannot be given to a program, start_step::none if everything can.
    start_step fill_in(const start_request& request, start_kind kind) {
        const child_attributes& attributes = request.attributes;
        if (!set_words(request.what.words())) {
            return start_step::arguments;
        }
        if (has_nul(directory_)) {
            return start_step::directory;
        }
        if (!set_variables(attributes.environment, request.environment)) {
            return start_step::arguments;
        }
        if (!set_cpus(attributes.cpus)) {
            return start_step::cpus;
        }
        if (!set_blocked_signals(attributes.blocked_signals)) {
            return start_step::arguments;
        }
        start_.directory = directory_.empty() ? nullptr : directory_.c_str();
        start_.group = attributes.group == child_group::new_session ? os::start_group::session
                       : attributes.group == child_group::new_group ? os::start_group::group
                                                                    : os::start_group::same;
        start_.detached = kind == start_kind::detached;
        start_.dies_with_thread = kind == start_kind::child && attributes.die_with_parent;
        nice_ = attributes.nice.value_or(0);
        start_.nice = attributes.nice ? &nice_ : nullptr;
        for (const child_limit& each : attributes.limits) {
            limits_.push_back({each.resource, each.soft, each.hard});
        }
        start_.limits = limits_.data();
        start_.limits_size = limits_.size();
        start_.keeps_descriptors = attributes.keep_descriptors;
        start_.keeps_ignored_signals = attributes.keep_ignored_signals;
        if (attributes.shell_fallback) {
            set_shell();
        }
        return start_step::none;
    }

    bool set_words(const std::vector<std::string>& words) {
        if (words.empty() || std::any_of(words.begin(), words.end(), has_nul)) {
            return false;
        }
        paths_ = string_block(program_paths(words.front()));
        start_.paths = paths_.data();
        start_.arguments = arguments_.data();
        return true;
    }

    bool set_variables(base_environment base, const environment_changes& changes) {
        start_.variables = os::environment_block();
        std::error_code invalid;
        if (!changes.empty() || base != base_environment::inherited) {
            variables_ = make_environment(base, changes, invalid);
            start_.variables = variables_.data();
        }
        return !invalid;
    }

    bool set_cpus(const std::vector<unsigned>& cpus) {
        constexpr unsigned most = 1U << 19;
        for (const unsigned cpu : cpus) {
            if (cpu >= most) {
                return false;
            }
            cpus_.resize((std::max)(cpus_.size(), cpu / os::bits_of_word + 1));
            cpus_[cpu / os::bits_of_word] |= 1UL << cpu % os::bits_of_word;
        }
        start_.cpus = cpus_.empty() ? nullptr : cpus_.data();
        start_.cpus_size = cpus_.size() * sizeof(unsigned long);
        return true;
    }

    bool set_blocked_signals(const std::vector<int>& numbers) {
        return std::all_of(numbers.begin(), numbers.end(),
                           [this](int signal) { return os::add_signal(start_.blocked, signal); });
    }

    /// Prepares what runs a program without a format the kernel knows.
    void set_shell() {
        shell_arguments_ = {"/bin/sh", nullptr};
        for (const char* const* each = arguments_.data() + 1; *each != nullptr; ++each) {
            shell_arguments_.push_back(*each);
        }
        shell_arguments_.push_back(nullptr);
        start_.shell_arguments = shell_arguments_.data();
    }

    string_block paths_;
    string_block arguments_;
    string_block variables_;
    std::vector<const char*> shell_arguments_;
    std::string directory_;
    std::vector<unsigned long> cpus_;
    std::vector<os::start_limit> limits_;
    int nice_ = 0;
    os::program_start start_;
    start_step refused_ = start_step::none;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
