# SPDX-License-Identifier: MIT
#
# The header of GROUP compiles alone, from a directory with nothing else, without a warning, with each of COMPILERS (the
# tests' compiler, where it is empty). On a system that nothing is known of it says so, or it needs none.

cmake_policy(VERSION 3.25)
include("${COMPILER_FILE}")
include("${CMAKE_CURRENT_LIST_DIR}/must_work.cmake")
set(work "${WORK_DIR}/amalgamated_${GROUP}")
file(REMOVE_RECURSE "${work}")
must_work("writing the header" "${PYTHON}" "${SOURCE_DIR}/packaging/amalgamate" --output "${work}" ${GROUP})
file(WRITE "${work}/main.cpp" "#include \"skyutil_${GROUP}.hpp\"\nint main() { return skyutil::version.empty() ? 1 : 0; }\n")
foreach(name IN LISTS COMPILERS)
    find_program(found_${name} ${name})
    if(found_${name})
        must_work("${name}" "${found_${name}}" -std=c++20 -Wall -Wextra -Wconversion -Werror -fsyntax-only "${work}/main.cpp")
    else()
        message(STATUS "without ${name}, which is not installed")
    endif()
endforeach()
if(NOT COMPILERS)
    must_work("${compiler}" "${compiler}" ${flags} ${warnings} -Werror -fsyntax-only "${work}/main.cpp")
endif()

file(STRINGS "${work}/skyutil_${GROUP}.hpp" systems REGEX "knows nothing of this system")
execute_process(COMMAND "${compiler}" ${flags} -DSKYUTIL_OS_UNSUPPORTED -fsyntax-only "${work}/main.cpp"
    RESULT_VARIABLE result ERROR_VARIABLE errors)
if(systems AND NOT errors MATCHES "error: \"?#?(error )?\"?skyutil_${GROUP}.hpp knows nothing of this system: include it #if defined")
    message(FATAL_ERROR "A system that nothing is known of:\n${errors}")
elseif(NOT systems AND NOT result EQUAL 0)
    message(FATAL_ERROR "needs a system and does not say so:\n${errors}")
endif()
