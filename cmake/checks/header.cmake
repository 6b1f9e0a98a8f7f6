# SPDX-License-Identifier: MIT
#
# HEADER compiles on its own, twice in a row, without a warning; with OPTIONS where there are.

include("${COMPILER_FILE}")
list(TRANSFORM system_include PREPEND -isystem)

string(MD5 id "${HEADER}${OPTIONS}")
set(source "${CMAKE_CURRENT_BINARY_DIR}/header-${id}.cpp")
file(WRITE "${source}" "#include \"${HEADER}\"\n#include \"${HEADER}\"\n")
execute_process(
    COMMAND "${compiler}" ${flags} ${OPTIONS} ${warnings} -Werror -fsyntax-only -I "${include}" ${system_include}
        "${source}"
    ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
file(REMOVE "${source}")
if(NOT result EQUAL 0)
    message("${output}")
    message(FATAL_ERROR "${HEADER} does not compile on its own")
endif()
