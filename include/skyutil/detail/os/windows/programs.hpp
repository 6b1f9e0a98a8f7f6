// SPDX-License-Identifier: MIT
//
// detail/os/windows/programs.hpp: what detail/os/programs.hpp declares, on Windows. A child is in a
// job of its own before it runs, and inherits the handles that it is given and no other ones.
//
// Sources: CreateProcessW, UpdateProcThreadAttribute, "Process Creation Flags", "Job Objects",
// "Scheduling Priorities" of Microsoft's reference.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/children.hpp>
#include <skyutil/detail/os/windows/environment_block.hpp>
#include <skyutil/detail/os/windows/program_search.hpp>
#include <skyutil/detail/os/windows/program_text.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {

// -------------------------------------------------------------------------------------------------
// what CreateProcessW() takes

/// A program to start, in the form of the system.
struct program_start {
    std::wstring file;
    std::wstring line;
    std::wstring directory;
    std::wstring variables;  ///< empty: those of this process
    std::size_t cpus = 0;    ///< a bit for each; 0: all
    unsigned long flags = 0;
};

/// The shell of the system, wherever COMSPEC leads.
inline std::wstring shell_file() {
    std::wstring name(longest_path, L'\0');
    name.resize(GetSystemDirectoryW(name.data(), static_cast<unsigned int>(name.size())));
    return name + L"\\cmd.exe";
}

/// Whether the words are from shell_words().
inline bool is_for_shell(std::span<const std::string> words) {
    constexpr std::size_t options = std::size(shell_options);
    return words.size() == options + 2 &&
           std::equal(std::begin(shell_options), std::end(shell_options), words.begin() + 1) &&
           words.front() == to_utf8(std::wstring_view(shell_file()));
}

/// The line of a program, and its name; nullopt for words that none can be given.
inline std::optional<std::wstring> line_of(std::span<const std::string> words, std::wstring& name) {
    std::vector<std::wstring> wide;
    wide.reserve(words.size());
    for (const std::string& each : words) {
        auto word = to_utf16<wchar_t>(each);
        if (!word || word->find(L'\0') != std::wstring::npos) {
            return std::nullopt;
        }
        wide.push_back(*std::move(word));
    }
    if (wide.empty() || wide.front().find(L'"') != std::wstring::npos) {
        return std::nullopt;
    }
    name = wide.front();
    const std::span<const std::wstring> all(wide);
    return is_for_shell(words)
               ? command_line(all.first(all.size() - 1)) + L" \"" + wide.back() + L'"'
               : command_line(all);
}

/// The priority class for a niceness: five of them, none of which keeps the system from working.
inline unsigned long priority_of(int nice) noexcept {
    return nice >= 10    ? 0x40     // IDLE_PRIORITY_CLASS
           : nice > 0    ? 0x4000   // BELOW_NORMAL_PRIORITY_CLASS
           : nice == 0   ? 0x20     // NORMAL_PRIORITY_CLASS
           : nice >= -10 ? 0x8000   // ABOVE_NORMAL_PRIORITY_CLASS
                         : 0x80UL;  // HIGH_PRIORITY_CLASS
}

/// A bit for each CPU; nullopt for one that a processor group cannot have.
inline std::optional<std::size_t> mask_of(std::span<const unsigned> cpus) noexcept {
    std::size_t mask = 0;
    for (const unsigned cpu : cpus) {
        if (cpu >= 8 * sizeof mask) {
            return std::nullopt;
        }
        mask |= std::size_t{1} << cpu;
    }
    return mask;
}

/// Whether a program can have the directory as its current one.
inline bool is_usable_directory(const std::wstring& name, std::error_code& error) noexcept {
    constexpr std::size_t longest = 258;  // MAX_PATH less a separator and a NUL
    const unsigned long found =
        name.find(L'\0') == std::wstring::npos ? attributes_of(name) : no_attributes;
    if (found == no_attributes) {
        error =
            make_error(name.find(L'\0') == std::wstring::npos ? std::errc::no_such_file_or_directory
                                                              : std::errc::invalid_argument);
    } else if ((found & is_a_directory) == 0) {
        error = make_error(std::errc::not_a_directory);
    } else if (full_name(name).size() > longest) {
        error = make_error(std::errc::filename_too_long);
    }
    return !error;
}

/// Fills in what is started; returns the step that has failed.
inline start_failure fill_in(const program_request& request, program_start& start,
                             std::error_code& error) {
    const auto refuse = [&](start_failure step, std::errc why) {
        error = make_error(why);
        return step;
    };
    using enum start_failure;
    constexpr std::size_t longest_line = 32767;  // with its NUL
    std::wstring name;
    auto line = line_of(request.words, name);
    if (!line) {
        return refuse(arguments, std::errc::invalid_argument);
    }
    if (line->size() >= longest_line) {
        return refuse(arguments, std::errc::argument_list_too_long);
    }
    start.line = *std::move(line);
    if (!request.variables.empty() || !request.inherits_variables) {
        variable_map variables = request.inherits_variables ? own_variables() : variable_map();
        if (!change_variables(variables, request.variables)) {
            return refuse(arguments, std::errc::invalid_argument);
        }
        if (const auto root = environment("SystemRoot")) {  // without it no program gets far
            variables.emplace(L"SystemRoot", to_utf16<wchar_t>(*root).value_or(std::wstring()));
        }
        start.variables = to_block(variables);
    }
    if (!std::all_of(request.blocked_signals.begin(), request.blocked_signals.end(), is_signal)) {
        return refuse(arguments, std::errc::invalid_argument);
    }
    const auto mask = mask_of(request.cpus);
    if (!mask) {
        return refuse(cpus, std::errc::invalid_argument);
    }
    start.cpus = *mask;
    start.directory = request.directory.native();
    if (!start.directory.empty() && !is_usable_directory(start.directory, error)) {
        return directory;
    }
    if (!request.limits.empty()) {
        return refuse(limits, std::errc::function_not_supported);
    }
    if (!request.passed.empty()) {
        return refuse(handles, std::errc::function_not_supported);
    }
    const start_identity& who = request.identity;
    if (who.user || who.group || who.groups || who.umask || who.no_new_privileges) {
        return refuse(identity, std::errc::function_not_supported);
    }
    start.file = find_program(name, request.directory, error);
    start.flags = request.nice ? priority_of(*request.nice) : 0;
    return error ? program : none;
}

// -------------------------------------------------------------------------------------------------
// handles

/// Held while there are handles that any start may pass on, and alone by one that passes on all.
inline std::shared_mutex& start_lock() {
    static std::shared_mutex lock;
    return lock;
}

/// The standard handles of a program, as copies that it can inherit.
class standard_handles {
public:
    standard_handles(const program_request& request, std::error_code& error) {
        for (std::size_t i = 0; i != 3; ++i) {
            const bool is_given = request.standard[i] != no_handle;
            if (i == 2 && request.merges_errors) {
                values_[2] = values_[1];
            } else {
                std::error_code failed;
                const handle own =
                    GetStdHandle(static_cast<unsigned long>(-10 - static_cast<int>(i)));
                copies_[i].reset(inheritable(is_given ? request.standard[i] : own, failed));
                values_[i] = copies_[i].get();
                error = failed && is_given ? failed : error;  // this process may have none
            }
            if (copies_[i]) {
                list_.push_back(values_[i]);
            }
        }
    }

    [[nodiscard]] handle operator[](std::size_t i) const noexcept { return values_[i]; }

    /// Each one once.
    [[nodiscard]] std::vector<handle>& list() noexcept { return list_; }

private:
    static handle inheritable(handle from, std::error_code& error) noexcept {
        constexpr unsigned long same_access = 0x2;  // DUPLICATE_SAME_ACCESS
        const handle self = this_process();
        handle copy = no_handle;
        if (DuplicateHandle(self, from, self, &copy, 0, 1, same_access) == 0) {
            error = last_error();
        }
        return copy;
    }

    std::array<unique_fd, 3> copies_;
    std::array<handle, 3> values_{};
    std::vector<handle> list_;
};

// -------------------------------------------------------------------------------------------------
// the start

/// What a new process gets apart from its line: PROC_THREAD_ATTRIBUTE_LIST.
class start_attributes {
public:
    explicit start_attributes(std::error_code& error) {
        size_type size = 0;
        InitializeProcThreadAttributeList(nullptr, 2, 0, &size);
        memory_.resize(size / sizeof(std::max_align_t) + 1);
        if (InitializeProcThreadAttributeList(get(), 2, 0, &size) == 0) {
            memory_.clear();
            error = last_error();
        }
    }
    start_attributes(const start_attributes&) = delete;
    start_attributes& operator=(const start_attributes&) = delete;
    ~start_attributes() {
        if (!memory_.empty()) {
            DeleteProcThreadAttributeList(get());
        }
    }

    void set(size_type what, std::span<handle> handles, std::error_code& error) noexcept {
        if (!error && !handles.empty() &&
            UpdateProcThreadAttribute(get(), 0, what, handles.data(), handles.size_bytes(), nullptr,
                                      nullptr) == 0) {
            error = last_error();
        }
    }

    [[nodiscard]] ::_PROC_THREAD_ATTRIBUTE_LIST* get() noexcept {
        return reinterpret_cast<::_PROC_THREAD_ATTRIBUTE_LIST*>(memory_.data());
    }

private:
    std::vector<std::max_align_t> memory_;
};

inline constexpr unsigned long suspended = 0x4;             // CREATE_SUSPENDED
inline constexpr unsigned long new_group = 0x200;           // CREATE_NEW_PROCESS_GROUP
inline constexpr unsigned long out_of_job = 0x1000000;      // CREATE_BREAKAWAY_FROM_JOB
inline constexpr unsigned long hidden_console = 0x8000000;  // CREATE_NO_WINDOW

/// The number of an error of CreateProcessW(), and the step that it is about.
inline start_failure step_of(unsigned long number, std::error_code& error) noexcept {
    constexpr unsigned long no_program[] = {129, 191, 192, 193, 216};  // ERROR_BAD_EXE_FORMAT...
    constexpr unsigned long bad_directory = 267;                       // ERROR_DIRECTORY
    error = error_of(number);
    if (std::find(std::begin(no_program), std::end(no_program), number) != std::end(no_program)) {
        error = make_error(std::errc::executable_format_error);
    }
    return number == bad_directory                 ? start_failure::directory
           : error == std::errc::not_enough_memory ? start_failure::process
                                                   : start_failure::program;
}

/// Makes the process. A file that somebody writes to is tried again for a second.
inline start_failure create(program_start& start, startup_info& info, bool inherits,
                            process_information& made, std::error_code& error) noexcept {
    constexpr unsigned long in_use = 32;             // ERROR_SHARING_VIOLATION
    constexpr unsigned long with_more = 0x80000;     // EXTENDED_STARTUPINFO_PRESENT
    constexpr unsigned long variables_wide = 0x400;  // CREATE_UNICODE_ENVIRONMENT
    const time_point deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    path_buffer buffer;
    for (;;) {
        std::wstring::pointer const variables =
            start.variables.empty() ? nullptr : start.variables.data();
        if (CreateProcessW(extended(start.file, buffer), start.line.data(), nullptr, nullptr,
                           inherits ? 1 : 0, start.flags | with_more | variables_wide, variables,
                           start.directory.empty() ? nullptr : start.directory.c_str(),
                           reinterpret_cast<::_STARTUPINFOW*>(&info),
                           reinterpret_cast<::_PROCESS_INFORMATION*>(&made)) != 0) {
            return start_failure::none;
        }
        const unsigned long number = GetLastError();
        if (number != in_use || !pause(std::chrono::milliseconds(10), deadline)) {
            return step_of(number, error);
        }
    }
}

/// Starts what was filled in, in a job if there is one. Returns the handle of the process.
inline unique_fd start_process(const program_request& request, program_start& start, handle job,
                               std::int64_t& pid, start_failure& failed, std::error_code& error) {
    failed = start_failure::process;
    start_attributes attributes(error);
    if (error) {
        return {};
    }
    std::shared_lock shared(start_lock(), std::defer_lock);
    std::unique_lock alone(start_lock(), std::defer_lock);
    if (request.keeps_handles) {
        alone.lock();
    } else {
        shared.lock();
    }
    failed = start_failure::handles;
    standard_handles standard(request, error);
    constexpr size_type handle_list = 0x20002;  // PROC_THREAD_ATTRIBUTE_HANDLE_LIST
    constexpr size_type job_list = 0x2000d;     // PROC_THREAD_ATTRIBUTE_JOB_LIST
    if (!request.keeps_handles) {
        attributes.set(handle_list, standard.list(), error);
    }
    if (job != no_handle) {
        attributes.set(job_list, {&job, 1}, error);
    }
    if (error) {
        return {};
    }
    startup_info info{};
    info.size = sizeof info;
    info.flags = 0x100;  // STARTF_USESTDHANDLES
    for (std::size_t i = 0; i != 3; ++i) {
        info.standard[i] = standard[i];
    }
    info.attributes = attributes.get();
    start.flags |= start.cpus != 0 ? suspended : 0;
    process_information made{};
    failed = create(start, info, request.keeps_handles || !standard.list().empty(), made, error);
    if (failed != start_failure::none) {
        return {};
    }
    unique_fd process(made.process);
    const unique_fd thread(made.thread);
    if (start.cpus != 0) {
        if (SetProcessAffinityMask(process.get(), start.cpus) == 0) {
            failed = start_failure::cpus;
            error = last_error();
            TerminateProcess(process.get(), killed_exit_code);
            return {};
        }
        ResumeThread(thread.get());
    }
    pid = made.process_id;
    return process;
}

}  // namespace sys

inline started_program start_program(const program_request& request, start_failure& failed,
                                     std::error_code& error) {
    started_program started;
    sys::program_start start;
    failed = sys::fill_in(request, start, error);
    if (failed != start_failure::none) {
        return started;
    }
    unique_fd job(sys::CreateJobObjectW(nullptr, nullptr));
    if (!job) {
        failed = start_failure::process;
        error = last_error();
        return started;
    }
    child& made = started.child;
    made.tied = request.lifetime != start_lifetime::own;
    if (made.tied) {
        sys::set_end_with_handle(job.get(), true, error);
        if (error) {
            failed = start_failure::lifetime;
            return {};
        }
    }
    const bool has_console = sys::GetConsoleCP() != 0;
    const bool is_apart = request.group != start_group::same;
    start.flags |= is_apart ? sys::new_group : 0;
    start.flags |= is_apart && !has_console ? sys::hidden_console : 0;
    unique_fd process = sys::start_process(request, start, job.get(), made.pid, failed, error);
    if (failed != start_failure::none) {
        return {};
    }
    made.handle = process.release();
    made.tree = job.release();
    made.leads_group = is_apart && has_console;
    return started;
}

inline std::int64_t start_detached(const program_request& request, start_failure& failed,
                                   std::error_code& error) {
    std::int64_t pid = 0;
    sys::program_start start;
    failed = sys::fill_in(request, start, error);
    if (failed != start_failure::none) {
        return 0;
    }
    // Out of the job of this process, if that allows it.
    start.flags |= sys::new_group | sys::hidden_console | sys::out_of_job;
    static_cast<void>(sys::start_process(request, start, no_handle, pid, failed, error));
    if (error == std::errc::permission_denied) {
        error.clear();
        start.flags &= ~sys::out_of_job;
        static_cast<void>(sys::start_process(request, start, no_handle, pid, failed, error));
    }
    return pid;
}

inline std::vector<std::string> shell_words(std::string text) {
    std::vector<std::string> words{sys::to_utf8(std::wstring_view(sys::shell_file()))};
    words.insert(words.end(), std::begin(sys::shell_options), std::end(sys::shell_options));
    words.push_back(std::move(text));
    return words;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
