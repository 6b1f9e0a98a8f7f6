# SPDX-License-Identifier: MIT
#
# Clang's -fsanitize=integer,implicit-conversion finds nothing in core: what is to wrap around says so.

include("${COMPILER_FILE}")
find_program(clang NAMES clang++-19 clang++-18 clang++-17 clang++-16 clang++)
if(NOT clang)
    message("skipped: clang is not installed")
    return()
endif()
set(sanitize -fsanitize=integer,implicit-conversion -fno-sanitize-recover=all)
set(source "${WORK_DIR}/integer_sanitizer.cpp")
set(program "${WORK_DIR}/integer_sanitizer")
set(ignored "${WORK_DIR}/integer_sanitizer.txt")
file(WRITE "${ignored}" "src:*/include/c++/*\n")  # the standard library's
file(WRITE "${source}" "int main() { return 0; }\n")
execute_process(COMMAND "${clang}" ${flags} ${sanitize} "${source}" -o "${program}"
    ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message("skipped: ${clang} has no sanitizers here (libclang-rt-dev)")
    file(REMOVE "${source}" "${program}" "${ignored}")
    return()
endif()
file(WRITE "${source}" "#define SKYUTIL_TEST_ALL_OF_CORE
#include \"${SOURCE_DIR}/tests/link/plugin.cpp\"
#include <cstdio>
#include <string>
int main() {
    // Texts of every length and kind of character: what is taken in blocks, and what is left of them.
    for (const std::string piece : {\"a\", \"word \", \"\\xc3\\xa9 \", \"\\xe6\\x97\\xa5\", \"\\xff\", \"\\xf0\\x9f\\x98\\x80x\"}) {
        for (std::string text; text.size() < 200; text += piece) {
            for (const std::size_t most : {0, 3, 17, 35, 80}) {
                for (const auto mode : {skyutil::truncate_mode::word, skyutil::truncate_mode::middle, skyutil::truncate_mode::exact}) {
                    static_cast<void>(skyutil::truncate_long_string(text, most, mode));
                }
            }
        }
    }
    std::string hex;
    for (unsigned i = 1; i < 3000; i += 1 + i / 9) {
        hex.assign(i, \"0123456789abcdef\"[1 + i % 15]);
        if (skyutil::base36_decode(skyutil::base36_encode(hex)) != hex) {
            return 11;
        }
    }
    for (const double x : {0.0, 5e-324, 0.1, 2.5, 999999.0, 1e22, 1e308}) {
        for (const int precision : {0, 1, 17, 40}) {
            static_cast<void>(skyutil::format_float(x, precision) + skyutil::format_compact(-x, precision));
        }
    }
    return use_skyutil();
}
")
execute_process(COMMAND "${clang}" ${flags} ${sanitize} -fsanitize-ignorelist=${ignored} -O1 -pthread -I "${include}" "${source}"
        -o "${program}"
    ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(result EQUAL 0)
    execute_process(COMMAND "${program}" ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
endif()
file(REMOVE "${source}" "${program}" "${ignored}")
if(NOT result EQUAL 0)
    message("${output}")
    message(FATAL_ERROR "the program with the sanitizer ended with ${result}")
endif()
