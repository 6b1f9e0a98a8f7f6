// SPDX-License-Identifier: MIT
//
// detail/subprocess/start_step.hpp: what the start of a program can fail at; public through
// subprocess.hpp.

#pragma once

#include <skyutil/version.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// What the start of a program failed at, in the order in which it is done.
enum class start_step {
    none,          ///< nothing
    arguments,     ///< a word, variable or signal that no program can be given
    process,       ///< making a process, or a thread that starts it
    death_signal,  ///< child_attributes::die_with_parent
    session,       ///< the session or group
    nice,          ///< child_attributes::nice
    cpus,          ///< child_attributes::cpus
    directory,     ///< the directory to start in
    descriptors,   ///< pipes, files, and what else takes a descriptor
    limits,        ///< child_attributes::limits
    program,  ///< execve(2): the program is missing, may not be executed, is in no known format
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
