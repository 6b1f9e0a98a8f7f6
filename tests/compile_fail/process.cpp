// SPDX-License-Identifier: MIT

#include <skyutil/process.hpp>

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
