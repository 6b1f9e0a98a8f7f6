# SPDX-License-Identifier: MIT
#
# Core in one header is the same each time, does not grow unnoticed, and compiles alone, from a directory with nothing
# else.

include("${COMPILER_FILE}")
file(REMOVE_RECURSE "${WORK_DIR}/amalgamated")
foreach(time first second)
    execute_process(COMMAND "${PYTHON}" "${SOURCE_DIR}/packaging/amalgamate" --output "${WORK_DIR}/amalgamated/${time}"
        OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endforeach()
set(header "${WORK_DIR}/amalgamated/first/skyutil_core.hpp")
file(SHA256 "${header}" first)
file(SHA256 "${WORK_DIR}/amalgamated/second/skyutil_core.hpp" second)
file(SIZE "${header}" size)
file(STRINGS "${header}" left REGEX "#.*include.*skyutil")
file(READ "${header}" text)
string(FIND "${text}" "${SOURCE_DIR}/" place)
if(NOT first STREQUAL second)
    message(FATAL_ERROR "skyutil_core.hpp is another each time")
elseif(size GREATER 850000)
    message(FATAL_ERROR "skyutil_core.hpp has ${size} bytes")
elseif(left)
    message(FATAL_ERROR "skyutil_core.hpp names ${left}")
elseif(NOT place EQUAL -1)
    message(FATAL_ERROR "skyutil_core.hpp names ${SOURCE_DIR}")
endif()
file(WRITE "${WORK_DIR}/amalgamated/main.cpp" "#include \"first/skyutil_core.hpp\"
int main() { return skyutil::get_cpu_count() >= 1 && skyutil::format_float(0.25) == \"0.2\" ? 0 : 1; }\n")
execute_process(
    COMMAND "${compiler}" ${flags} ${warnings} -Werror -pthread main.cpp -o main
    WORKING_DIRECTORY "${WORK_DIR}/amalgamated" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${WORK_DIR}/amalgamated/main" COMMAND_ERROR_IS_FATAL ANY)
