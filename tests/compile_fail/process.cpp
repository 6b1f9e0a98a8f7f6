// SPDX-License-Identifier: MIT

#include <skyutil/process.hpp>
#include <skyutil/workers.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

int main() {
    using skyutil::get_max_workers_for_file_mounts;
#if defined(CASE_one_path)
    // expect: no matching function
    return get_max_workers_for_file_mounts(std::filesystem::path("/data"));
#elif defined(CASE_one_string)
    // expect: no matching function
    return get_max_workers_for_file_mounts(std::string("/data"));
#elif defined(CASE_one_string_view)
    // expect: no matching function
    return get_max_workers_for_file_mounts(std::string_view("/data"));
#elif defined(CASE_one_literal)
    // expect: no matching function
    return get_max_workers_for_file_mounts("/data");
#elif defined(CASE_numbers)
    // expect: no matching function
    return get_max_workers_for_file_mounts(std::vector<int>{1, 2});
#elif defined(CASE_characters)
    // expect: no matching function
    return get_max_workers_for_file_mounts(std::vector<char>{'a', 'b'});
#elif defined(CASE_map_to_numbers)
    // expect: no matching function
    return get_max_workers_for_file_mounts(std::map<std::string, int>{{"/data", 1}});
#elif defined(CASE_one_pair)
    // expect: no matching function
    return get_max_workers_for_file_mounts(std::pair<std::string, std::string>("/x", "/data"));
#elif defined(CASE_null)
    // expect: no matching function
    return get_max_workers_for_file_mounts(nullptr);
#elif defined(CASE_directory_by_number)
    // expect: no matching function
    return static_cast<int>(skyutil::estimate_fd_for_directory(1));
#elif defined(CASE_pid_by_name)
    // expect: const char
    return skyutil::pid_exists("1") ? 1 : 0;
#elif defined(CASE_pid_exists_not_used)
    // expect: nodiscard
    skyutil::pid_exists(1);
#elif defined(CASE_is_process_alive_not_used)
    // expect: nodiscard
    skyutil::is_process_alive(1);
#elif defined(CASE_handle_copied)
    // expect: deleted|private
    const auto handle = skyutil::process_handle::open(1);
    const auto copy = handle;
#elif defined(CASE_handle_of_nothing)
    // expect: private
    const skyutil::process_handle handle;
#elif defined(CASE_handle_not_used)
    // expect: nodiscard
    skyutil::process_handle::open(1);
#elif defined(CASE_wait_for_a_number)
    // expect: no matching
    return skyutil::process_handle::open(1).wait(5) ? 1 : 0;
#elif defined(CASE_grace_as_a_number)
    // expect: could not convert|no viable conversion|no matching|no known conversion|cannot convert
    return static_cast<int>(skyutil::kill_process_tree(1, {.grace = 5}).left.size());
#elif defined(CASE_report_not_used)
    // expect: nodiscard
    skyutil::kill_process_tree(1);
#elif defined(CASE_children_not_used)
    // expect: nodiscard
    skyutil::child_processes(1);
#elif defined(CASE_threads_not_used)
    // expect: nodiscard
    skyutil::get_parallel_threads();
#elif defined(CASE_workers_not_used)
    // expect: nodiscard
    get_max_workers_for_file_mounts(std::vector<std::filesystem::path>{});
#elif defined(CASE_estimate_not_used)
    // expect: nodiscard
    get_max_workers_for_file_mounts(10);
#elif defined(CASE_descriptors_not_used)
    // expect: nodiscard
    skyutil::estimate_fd_for_directory("/data");
#endif
    return get_max_workers_for_file_mounts(std::vector<std::string>{"/data"}) +
           get_max_workers_for_file_mounts(
               std::map<std::string, std::filesystem::path>{{"/x", "/data"}}) +
           get_max_workers_for_file_mounts(10, 100, "kubernetes") +
           (skyutil::pid_exists(1) ? 1 : 0);
}
