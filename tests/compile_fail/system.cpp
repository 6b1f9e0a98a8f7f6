// SPDX-License-Identifier: MIT

#include <skyutil/system.hpp>

#include <system_error>

int main() {
    std::error_code error;
#if defined(CASE_cpu_count_not_used)
    // expect: nodiscard
    skyutil::get_cpu_count();
#elif defined(CASE_cpu_count_with_error_not_used)
    // expect: nodiscard
    skyutil::get_cpu_count(error);
#elif defined(CASE_memory_size_not_used)
    // expect: nodiscard
    skyutil::get_mem_size_gb();
#elif defined(CASE_budget_not_used)
    // expect: nodiscard
    skyutil::get_cpu_budget();
#elif defined(CASE_memory_budget_not_used)
    // expect: nodiscard
    skyutil::get_memory_budget();
#elif defined(CASE_usable_not_used)
    // expect: nodiscard
    skyutil::cpu_budget().usable();
#elif defined(CASE_rounding_as_a_bool)
    // expect: bool
    return skyutil::cpu_budget().usable(true);
#elif defined(CASE_path_as_a_sysroot)
    // expect: no matching function
    return skyutil::get_cpu_budget("/copy").usable();
#endif
    return skyutil::get_cpu_count(error) +
           skyutil::get_cpu_budget(skyutil::sysroot{"/copy"}, error).usable();
}
