// SPDX-License-Identifier: MIT
//
// detail/subprocess/start_request.hpp: from a command and its attributes to what the system starts,
// and from the system's failures to the steps of start_error. Included at the end of
// skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/os/programs.hpp>

#include <filesystem>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// What is to be started, as the caller has it.
struct start_request {
    const command& what;
    const std::filesystem::path& directory;
    const environment_changes& environment;
    const child_attributes& attributes;
};

/// Returns what the system is asked for, which refers to the request.
inline os::program_request to_program(const start_request& request) {
    const child_attributes& attributes = request.attributes;
    os::program_request program{.words = request.what.words(),
                                .directory = request.directory,
                                .variables = request.environment};
    program.inherits_variables = attributes.environment == base_environment::inherited;
    program.group = attributes.group == child_group::new_session ? os::start_group::session
                    : attributes.group == child_group::new_group ? os::start_group::group
                                                                 : os::start_group::same;
    program.nice = attributes.nice;
    program.cpus = attributes.cpus;
    for (const child_limit& each : attributes.limits) {
        program.limits.push_back({each.resource, each.soft, each.hard});
    }
    for (const skyutil::passed_handle& each : attributes.pass) {
        program.passed.push_back({each.handle, each.number});
    }
    const child_identity& who = attributes.who;
    program.identity.user = who.user;
    program.identity.group = who.group;
    if (who.user || who.group || !who.groups.empty()) {
        program.identity.groups = who.groups;
    }
    if (attributes.umask) {
        program.identity.umask = static_cast<unsigned>(*attributes.umask);
    }
    program.identity.no_new_privileges = attributes.no_new_privileges;
    program.blocked_signals = attributes.blocked_signals;
    program.keeps_ignored_signals = attributes.keep_ignored_signals;
    program.keeps_handles = attributes.keep_descriptors;
    program.has_shell_fallback = attributes.shell_fallback;
    return program;
}

/// Returns the step at which the system failed, as start_error names it.
constexpr start_step step_of(os::start_failure failure) noexcept {
    switch (failure) {
        case os::start_failure::arguments:
            return start_step::arguments;
        case os::start_failure::process:
            return start_step::process;
        case os::start_failure::lifetime:
            return start_step::death_signal;
        case os::start_failure::session:
            return start_step::session;
        case os::start_failure::nice:
            return start_step::nice;
        case os::start_failure::cpus:
            return start_step::cpus;
        case os::start_failure::directory:
            return start_step::directory;
        case os::start_failure::handles:
            return start_step::descriptors;
        case os::start_failure::limits:
            return start_step::limits;
        case os::start_failure::identity:
            return start_step::identity;
        case os::start_failure::program:
            return start_step::program;
        case os::start_failure::none:
        default:
            return start_step::none;
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
