// SPDX-License-Identifier: MIT

#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>
#if defined(WITH_HASH)
#include <skyutil/hash.hpp>
#endif
#if defined(WITH_OPENSSL)
#include <skyutil/hash_openssl.hpp>
#endif
#if defined(WITH_ASIO)
#include <skyutil/asio.hpp>

#include <boost/asio/io_context.hpp>
#endif

#include <iostream>

int main() {
    std::cout << "skyutil " << skyutil::version << ": " << skyutil::get_cpu_count() << " CPUs, "
              << skyutil::format_float(skyutil::get_mem_size_gb()) << " GiB\n";
#if defined(WITH_HASH)
    std::cout << skyutil::hash_bytes({}, skyutil::hash_algorithm::sha256).hex() << '\n';
#endif
#if defined(WITH_OPENSSL)
    std::cout << skyutil::hash_file<skyutil::openssl::sha256>("/dev/null").hex() << '\n';
#endif
#if defined(WITH_ASIO)
    boost::asio::io_context context;
    skyutil::child_process child({"echo", "a child"});
    skyutil::to_boost_process(child, context.get_executor()).wait();
#endif
}
