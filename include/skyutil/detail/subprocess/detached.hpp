// SPDX-License-Identifier: MIT
//
// detail/subprocess/detached.hpp: the start of a program that goes on without this process.
// Included at the end of skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/process/orphans.hpp>
#include <skyutil/detail/subprocess/start_child.hpp>
#include <skyutil/detail/subprocess/start_request.hpp>

#include <cstdint>
#include <filesystem>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns the id of the program; 0 on failure.
inline std::int64_t run_detached(const command& what, const std::filesystem::path& log_path,
                                 const detached_options& options, start_problem& problem,
                                 std::error_code& error) {
    error.clear();
    const unique_fd log(os::open_output(log_path.native(), os::output_start::append, 0666, error));
    if (error) {
        problem.step = start_step::descriptors;
        problem.path = log_path;
        problem.what = "cannot open the log " + in_quotes(log_path);
        return 0;
    }
    const unique_fd null(os::open_null(error));
    const start_request request{what, options.cwd, options.env, options.attributes};
    os::start_failure failed = os::start_failure::handles;
    std::int64_t pid = 0;
    if (!error) {
        os::program_request program = to_program(request);
        program.standard = {null.get(), log.get(), log.get()};
        pid = os::start_detached(program, failed, error);
    }
    if (error) {
        problem.set(request, step_of(failed));
        return 0;
    }
    remember_detached(pid);
    return pid;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
