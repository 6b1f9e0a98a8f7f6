# SPDX-License-Identifier: MIT
#
# Compiled for a 32-bit system with OPTIONS, core has nothing to warn of, reads and replaces files of 5 GiB, and knows a
# file system of 64 TiB.

cmake_policy(VERSION 3.25)
include("${COMPILER_FILE}")
list(APPEND flags -m32 ${OPTIONS})
file(WRITE "${WORK_DIR}/word_size.cpp" "#include <cstdio>\n#include <string>\nint main() { std::puts(std::string().c_str()); }\n")
execute_process(COMMAND "${compiler}" ${flags} "${WORK_DIR}/word_size.cpp" -o "${WORK_DIR}/word_size"
    ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message("skipped: no programs for a 32-bit system can be made here (g++-multilib)")
    return()
endif()
# By the kernel, else by an emulator, else compiled only.
set(runs FALSE)
find_program(emulator NAMES qemu-i386-static qemu-i386)
foreach(run "" "${emulator}")
    execute_process(COMMAND ${run} "${WORK_DIR}/word_size" OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE result)
    if(result EQUAL 0 AND NOT runs)
        set(runs TRUE)
        set(runner ${run})
    endif()
endforeach()
file(REMOVE "${WORK_DIR}/word_size.cpp" "${WORK_DIR}/word_size")

string(MD5 id "${OPTIONS}")
foreach(source plugin large_file large_file_system)
    set(program "${WORK_DIR}/word_size-${source}-${id}")
    set(what -o "${program}")
    if(source STREQUAL "plugin")
        set(what -fsyntax-only -DSKYUTIL_TEST_ALL_OF_CORE)
    endif()
    execute_process(COMMAND "${compiler}" ${flags} ${warnings} -Wsign-conversion -Werror -pthread -I "${include}" ${what}
            "${SOURCE_DIR}/tests/link/${source}.cpp"
        ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
    if(result EQUAL 0 AND EXISTS "${program}" AND runs)
        execute_process(COMMAND ${runner} "${program}" ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
    endif()
    file(REMOVE "${program}")
    message("${output}")
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${source}.cpp fails: ${result}")
    endif()
endforeach()
if(NOT runs)
    message("skipped: the programs compile, but this kernel and no emulator run them (qemu-user-static)")
endif()
