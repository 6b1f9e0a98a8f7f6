# SPDX-License-Identifier: MIT
#
# Whoever enters a public header as C++17 with COMPILER is told which flag to add, and nothing else but that the
# compilation ends there; MSVC says what the language is in _MSVC_LANG.

find_program(compiler NAMES "${COMPILER}")
if(NOT compiler)
    message("skipped: ${COMPILER} is not on this machine")
    return()
endif()
set(advice "skyutil needs C\\+\\+20: add -std=c\\+\\+20 \\(g\\+\\+, clang\\) or /std:c\\+\\+20 \\(MSVC\\)")

# enter(<header> <flag>...) leaves result and output.
function(enter header)
    execute_process(COMMAND "${compiler}" ${ARGN} -I "${SOURCE_DIR}/include" -fsyntax-only -x c++ "${header}"
        ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
    set(output "${output}" PARENT_SCOPE)
    set(result "${result}" PARENT_SCOPE)
endfunction()

file(GLOB headers "${SOURCE_DIR}/include/skyutil/*.hpp")
foreach(header IN LISTS headers)
    enter("${header}" -w -std=c++17)
    string(REGEX MATCHALL "error: [^\n]*" errors "${output}")
    list(LENGTH errors count)
    if(result EQUAL 0 OR NOT count EQUAL 2 OR NOT errors MATCHES "${advice}" OR NOT errors MATCHES "error: '?C\\+\\+20'?[: ]")
        message("${output}")
        message(FATAL_ERROR "${header} is not refused as C++17 with one sentence")
    endif()
endforeach()

set(header "${SOURCE_DIR}/include/skyutil/detail/base/compiler.hpp")
enter("${header}" -w -std=c++20 -D_MSVC_LANG=201703L)
if(result EQUAL 0 OR NOT output MATCHES "${advice}")
    message(FATAL_ERROR "MSVC's C++17 is not refused: ${output}")
endif()
enter("${header}" -w -std=c++17 -D_MSVC_LANG=202002L)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "MSVC's C++20 is refused: ${output}")
endif()
