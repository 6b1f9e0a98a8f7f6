# SPDX-License-Identifier: MIT
#
# HEADER compiles where every name of the list MACROS is a macro whose use is an error. Headers of others, all that
# skyutil includes, come first: they are not to be tried here.

include("${COMPILER_FILE}")
list(TRANSFORM system_include PREPEND -isystem)

# <boost/...> and the like only where the header needs them.
cmake_path(GET HEADER STEM name)
file(GLOB_RECURSE headers "${include}/skyutil/*.hpp")
if(NOT name MATCHES "${THIRD_PARTY}")
    list(FILTER headers EXCLUDE REGEX "${THIRD_PARTY}")
endif()
set(text "")
foreach(header IN LISTS headers)
    file(STRINGS "${header}" lines REGEX "^#include <")
    foreach(line IN LISTS lines)
        string(REGEX MATCH "<[^>]+>" file "${line}")
        if(NOT file MATCHES "^<skyutil/")
            string(APPEND text "#if __has_include(${file})\n#include ${file}\n#endif\n")
        endif()
    endforeach()
endforeach()

file(STRINGS "${MACROS}" lines REGEX "^[^#]")
set(count 0)
foreach(line IN LISTS lines)
    string(REGEX MATCHALL "[^ ]+" macros "${line}")
    foreach(macro IN LISTS macros)
        string(REGEX REPLACE "\\(\\)$" "" word "${macro}")
        if(macro STREQUAL word)
            string(APPEND text "#undef ${word}\n#define ${word} ] the macro ${word} [\n")
        else()
            string(APPEND text "#undef ${word}\n#define ${word}(...) ] the macro ${word} [\n")
        endif()
        math(EXPR count "${count} + 1")
    endforeach()
endforeach()
if(count LESS 150)
    message(FATAL_ERROR "${MACROS} has only ${count} names")
endif()

string(MD5 id "${HEADER}")
set(source "${CMAKE_CURRENT_BINARY_DIR}/foreign-macros-${id}.cpp")
file(WRITE "${source}" "${text}#include \"${HEADER}\"\n")
execute_process(
    COMMAND "${compiler}" ${flags} -fsyntax-only -I "${include}" ${system_include} "${source}"
    ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
file(REMOVE "${source}")
if(NOT result EQUAL 0)
    message("${output}")
    message(FATAL_ERROR "${HEADER} does not compile among other people's macros")
endif()
