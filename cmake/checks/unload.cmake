# SPDX-License-Identifier: MIT
#
# A shared library that uses core can be unloaded by dlclose(3), whichever threads used it. With g++ that takes
# -fno-gnu-unique where code of the standard library is used that has static tables: std::to_string() is enough.

include("${COMPILER_FILE}")
include("${CMAKE_CURRENT_LIST_DIR}/must_work.cmake")
set(work "${WORK_DIR}/unload")
file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")

must_work("compiling the host" "${compiler}" ${flags} ${warnings} -pthread "${SOURCE_DIR}/tests/link/plugin_host.cpp"
    -o "${work}/host" -ldl)
execute_process(COMMAND "${compiler}" -dM -E -x c++ /dev/null OUTPUT_VARIABLE macros)
set(not_unique "")
if(NOT macros MATCHES "__clang__")
    set(not_unique -fno-gnu-unique)
endif()
foreach(options "" "-DSKYUTIL_TEST_ALL_OF_CORE;${not_unique}")
    must_work("compiling the library with \"${options}\"" "${compiler}" ${flags} ${warnings} ${options} -O1 -fPIC -shared
        -pthread -I "${include}" "${SOURCE_DIR}/tests/link/plugin.cpp" -o "${work}/skyutil_plugin.so")
    must_work("unloading the library compiled with \"${options}\"" "${work}/host" "${work}/skyutil_plugin.so")
endforeach()
file(REMOVE_RECURSE "${work}")
