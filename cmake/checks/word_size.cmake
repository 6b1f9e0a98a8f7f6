# SPDX-License-Identifier: MIT
#
# Compiled for a 32-bit system with OPTIONS, core has nothing to warn of, and reads and replaces files of 5 GiB.

include("${COMPILER_FILE}")
list(APPEND flags -m32 ${OPTIONS})
file(WRITE "${WORK_DIR}/word_size.cpp" "#include <cstdio>\n#include <string>\nint main() { std::puts(std::string().c_str()); }\n")
execute_process(COMMAND "${compiler}" ${flags} "${WORK_DIR}/word_size.cpp" -o "${WORK_DIR}/word_size"
    ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(result EQUAL 0)
    execute_process(COMMAND "${WORK_DIR}/word_size" ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
endif()
file(REMOVE "${WORK_DIR}/word_size.cpp" "${WORK_DIR}/word_size")
if(NOT result EQUAL 0)
    message("skipped: no programs for a 32-bit system can be made and run here (g++-multilib)")
    return()
endif()

string(MD5 id "${OPTIONS}")
foreach(source plugin large_file)
    set(program "${WORK_DIR}/word_size-${source}-${id}")
    set(what -o "${program}")
    if(source STREQUAL "plugin")
        set(what -fsyntax-only -DSKYUTIL_TEST_ALL_OF_CORE)
    endif()
    execute_process(COMMAND "${compiler}" ${flags} ${warnings} -Wsign-conversion -Werror -pthread -I "${include}" ${what}
            "${SOURCE_DIR}/tests/link/${source}.cpp"
        ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
    if(result EQUAL 0 AND EXISTS "${program}")
        execute_process(COMMAND "${program}" ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
        file(REMOVE "${program}")
    endif()
    message("${output}")
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${source}.cpp fails: ${result}")
    endif()
endforeach()
