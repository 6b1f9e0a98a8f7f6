// SPDX-License-Identifier: MIT
//
// What strings.hpp refuses at compile time.

#include <skyutil/strings.hpp>

#include <string>

std::string call() {
#if defined(CASE_signed_integer)
    // expect: (use of deleted function|call to deleted function).*base36_encode
    return skyutil::base36_encode(-1);
#elif defined(CASE_literal_zero)
    // expect: (use of deleted function|call to deleted function).*base36_encode
    return skyutil::base36_encode(0);
#elif defined(CASE_null_pointer)
    // expect: (use of deleted function|call to deleted function).*base36_encode
    return skyutil::base36_encode(nullptr);
#elif defined(CASE_signed_result)
    // expect: no matching function for call to .*base36_decode
    return std::to_string(skyutil::base36_decode<int>("z"));
#elif defined(CASE_flag_as_mode)
    // expect: no matching function for call to .*truncate_long_string
    return skyutil::truncate_long_string("text", 10, true);
#elif defined(CASE_result_not_used)
    // expect: ignoring return value of .*nodiscard
    skyutil::format_float(1.5);
    return {};
#elif defined(CASE_malformed_at_compile_time)
    // expect: throw_invalid_text
    constexpr std::size_t size = skyutil::base36_encode("no number").size();
    return std::to_string(size);
#else
    return skyutil::base36_encode("ff") + skyutil::base36_encode(1U) + skyutil::format_float(1.5);
#endif
}
