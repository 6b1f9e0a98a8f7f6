# SPDX-License-Identifier: MIT
#
# COMPILER finds nothing to warn of in any public header, included as the user's own (-I), by itself and with what is
# instantiated by use, with more warnings than anybody has.

cmake_policy(VERSION 3.25)
include("${COMPILER_FILE}")
separate_arguments(WITH)
list(TRANSFORM system_include PREPEND -isystem)
find_program(program "${COMPILER}")
if(NOT program)
    message("skipped: ${COMPILER} is not installed")
    return()
endif()

if(COMPILER MATCHES "clang")
    set(warnings -Weverything
        # What this C++ is not, and what it no longer has to be.
        -Wno-c++98-compat -Wno-c++98-compat-pedantic -Wno-c++20-compat -Wno-pre-c++20-compat-pedantic
        # Layout is no mistake; classes of headers have their tables in every unit.
        -Wno-padded -Wno-weak-vtables
        # Of all use of pointers, of std::array's deduction, of a std::mutex that is to be freed at the end.
        -Wno-unsafe-buffer-usage -Wno-unsafe-buffer-usage-in-container -Wno-unknown-warning-option
        -Wno-ctad-maybe-unsupported -Wno-exit-time-destructors
        # g++ wants a default in every switch, clang none.
        -Wno-switch-default -Wno-covered-switch-default
        # The system's: errno, __vfork.
        -Wno-disabled-macro-expansion -Wno-reserved-identifier)
else()
    set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wuseless-cast
        -Wlogical-op -Wswitch-default -Wswitch-enum -Wfloat-equal -Wundef -Wnull-dereference -Wduplicated-cond
        -Wredundant-decls -Wcast-align -Wnon-virtual-dtor -Woverloaded-virtual)
endif()

string(MAKE_C_IDENTIFIER "warnings-${COMPILER}" id)
set(source "${WORK_DIR}/${id}.cpp")
file(GLOB headers "${include}/skyutil/*.hpp")
set(text "")
foreach(header IN LISTS headers)
    cmake_path(GET header STEM name)
    if(NOT name MATCHES "^(hash|hash_openssl|asio|skyutil)$" OR name IN_LIST WITH)
        string(APPEND text "#include <skyutil/${name}.hpp>\n")
    endif()
endforeach()
file(WRITE "${source}" "${text}#define SKYUTIL_TEST_ALL_OF_CORE\n#include \"${SOURCE_DIR}/tests/link/plugin.cpp\"\n")
# Some warnings come from optimising.
execute_process(
    COMMAND "${program}" ${flags} ${warnings} -Werror -O2 -c -o "${source}.o" -I "${include}" ${system_include} "${source}"
    ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
file(REMOVE "${source}" "${source}.o")
if(NOT result EQUAL 0)
    message("${output}")
    message(FATAL_ERROR "${COMPILER} warns")
endif()
