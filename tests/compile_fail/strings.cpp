// SPDX-License-Identifier: MIT
//
// What strings.hpp refuses at compile time.

#include <skyutil/strings.hpp>

#include <string>

enum colour { red };
enum class fruit : unsigned { apple };

// The compiler's 128-bit integer, which is no std::integral without GNU extensions.
#if defined(__SIZEOF_INT128__)
__extension__ typedef __int128 int128;
const std::string wide = skyutil::format_float((static_cast<int128>(1) << 70) + 1);
#endif

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
#elif defined(CASE_enumeration_encoded)
    // expect: no matching function for call to .*base36_encode
    return skyutil::base36_encode(red);
#elif defined(CASE_scoped_enumeration_encoded)
    // expect: no matching function for call to .*base36_encode
    return skyutil::base36_encode(fruit::apple);
#elif defined(CASE_enumeration_decoded)
    // expect: no matching function for call to .*base36_decode
    return skyutil::base36_decode<fruit>("z") == fruit::apple ? "" : "z";
#elif defined(CASE_enumeration_formatted)
    // expect: (use of deleted function|call to deleted function).*format_float
    return skyutil::format_float(red);
#elif defined(CASE_scoped_enumeration_formatted)
    // expect: (use of deleted function|call to deleted function).*format_float
    return skyutil::format_float(fruit::apple);
#elif defined(CASE_pointer_formatted)
    // expect: (use of deleted function|call to deleted function).*format_float
    return skyutil::format_float("1.5");
#elif defined(CASE_enumeration_compacted)
    // expect: (use of deleted function|call to deleted function).*format_compact
    return skyutil::format_compact(red);
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
