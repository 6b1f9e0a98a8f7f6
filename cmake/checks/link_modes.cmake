# SPDX-License-Identifier: MIT
#
# Units compiled with and without exceptions, with the containers of a debug build, without RTTI and with -ffast-math,
# and as for a system that nothing is known of, are linked into one program, in both orders, without optimising and at
# link time: each keeps what it was compiled with.

include("${COMPILER_FILE}")
include("${CMAKE_CURRENT_LIST_DIR}/must_work.cmake")
set(work "${WORK_DIR}/link_modes")
file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")

set(settings_of_with_exceptions "")
set(settings_of_noexcept -fno-exceptions)
set(settings_of_debug -D_GLIBCXX_DEBUG)
set(settings_of_unsupported -DSKYUTIL_OS_UNSUPPORTED)
set(settings_of_fast -fno-rtti -DNDEBUG -ffast-math -std=gnu++20)
foreach(level "-O0" "-O2;-flto")
    set(objects "")
    foreach(unit with_exceptions noexcept debug fast unsupported)
        set(source other_mode.cpp)
        if(unit STREQUAL "with_exceptions")
            set(source with_exceptions.cpp)
        endif()
        must_work("compiling ${unit} with ${level}" "${compiler}" ${flags} ${level} ${settings_of_${unit}}
            -DSKYUTIL_TEST_UNIT=${unit}_unit -DSKYUTIL_TEST_CALL=call_${unit} -I "${include}"
            -c "${SOURCE_DIR}/tests/link/${source}" -o "${work}/${unit}.o")
        list(APPEND objects "${work}/${unit}.o")
    endforeach()
    foreach(order forwards backwards)
        must_work("linking ${order} with ${level}" "${compiler}" ${flags} ${level} -pthread ${objects} -o "${work}/program")
        must_work("the program linked ${order} with ${level}" "${work}/program")
        list(REVERSE objects)
    endforeach()
endforeach()
file(REMOVE_RECURSE "${work}")
