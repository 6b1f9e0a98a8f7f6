# SPDX-License-Identifier: MIT
#
# The code of GUIDE, a file of docs/, compiles. Each block ```cpp is the body of a function; the blocks share the
# includes and names of the first one, which is outside.

include("${COMPILER_FILE}")
list(TRANSFORM system_include PREPEND -isystem)

file(READ "${GUIDE}" text)
set(code "")
set(count 0)
string(FIND "${text}" "\n```cpp\n" start)
while(NOT start EQUAL -1)
    math(EXPR start "${start} + 8")
    string(SUBSTRING "${text}" ${start} -1 text)
    string(FIND "${text}" "\n```" end)
    if(end EQUAL -1)
        message(FATAL_ERROR "A block ```cpp of ${GUIDE} has no end")
    endif()
    string(SUBSTRING "${text}" 0 ${end} block)
    if(count EQUAL 0)
        string(APPEND code "${block}\n")
    else()
        string(APPEND code "void block_${count}() {\n${block}\n}\n")
    endif()
    math(EXPR count "${count} + 1")
    string(FIND "${text}" "\n```cpp\n" start)
endwhile()
if(count LESS 2)
    message(FATAL_ERROR "${GUIDE} has ${count} blocks ```cpp")
endif()

string(MD5 id "${GUIDE}")
set(source "${CMAKE_CURRENT_BINARY_DIR}/guide-${id}.cpp")
file(WRITE "${source}" "${code}")
execute_process(
    COMMAND "${compiler}" ${flags} ${warnings} -Wno-unused-variable -Wno-unused-but-set-variable -Werror -fsyntax-only
        -I "${include}" ${system_include} "${source}"
    ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message("${output}")
    message(FATAL_ERROR "The code of ${GUIDE} does not compile; it is in ${source}")
endif()
file(REMOVE "${source}")
