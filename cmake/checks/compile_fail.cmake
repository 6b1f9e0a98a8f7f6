# SPDX-License-Identifier: MIT
#
# SOURCE compiles without warnings; with CASE_<CASE> defined it does not, and the compiler's output
# matches every regular expression of the case:
#
#     #if defined(CASE_name)
#     // expect: deleted function|is deleted
#     ...
#     #elif defined(CASE_other)  // expect: no matching function

include("${COMPILER_FILE}")
list(TRANSFORM system_include PREPEND -isystem)

set(ENV{LC_ALL} C)
if(CASE)
    list(APPEND flags -DCASE_${CASE})
endif()
execute_process(
    COMMAND "${compiler}" ${flags} ${warnings} -Werror -fsyntax-only -I "${include}" ${system_include}
        "${SOURCE}"
    ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)

if(NOT CASE)
    if(NOT result EQUAL 0)
        message("${output}")
        message(FATAL_ERROR "This must compile")
    endif()
    return()
endif()

# The compiler may quote the expectation.
string(REGEX REPLACE "// expect: [^\n]*" "" output "${output}")

# The case's text: from its #if to the next #elif, #else or #endif.
file(READ "${SOURCE}" text)
string(REGEX MATCH "#(el)?if defined\\(CASE_${CASE}\\)(.*)" text "${text}")
set(text "${CMAKE_MATCH_2}")
string(REGEX REPLACE "\n#(elif|else|endif).*" "" text "${text}")
set(expectations 0)
while(text MATCHES "// expect: ([^\n]+)(.*)")
    set(expect "${CMAKE_MATCH_1}")
    set(text "${CMAKE_MATCH_2}")
    math(EXPR expectations "${expectations} + 1")
    if(result EQUAL 0)
        message(FATAL_ERROR "CASE_${CASE} compiles; expected was: ${expect}")
    elseif(NOT output MATCHES "${expect}")
        message("${output}")
        message(FATAL_ERROR "CASE_${CASE} fails, but not with: ${expect}")
    endif()
endwhile()
if(expectations EQUAL 0)
    message(FATAL_ERROR "CASE_${CASE} has no line \"// expect: REGEX\"")
endif()
