// SPDX-License-Identifier: MIT

#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>
#if defined(WITH_HASH)
#include <skyutil/hash.hpp>
#endif
#if defined(WITH_SUBPROCESS)
#include <skyutil/subprocess.hpp>
#endif

#include <iostream>

int main() {
    std::cout << "skyutil " << skyutil::version << ": " << skyutil::get_cpu_count() << " CPUs, "
              << skyutil::format_float(skyutil::get_mem_size_gb()) << " GiB\n";
#if defined(WITH_HASH)
    std::cout << skyutil::hash_bytes({}, skyutil::hash_algorithm::sha256).hex() << '\n';
#endif
#if defined(WITH_SUBPROCESS)
    std::cout << skyutil::run({"echo", "a child"}).stdout_text;
#endif
}
