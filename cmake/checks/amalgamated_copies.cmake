# SPDX-License-Identifier: MIT
#
# Copies of one header with namespaces of their own meet neither in a unit, nor in a program, nor beside the library; a
# second copy without one is an error that says what to do.

cmake_policy(VERSION 3.25)
include("${COMPILER_FILE}")
include("${CMAKE_CURRENT_LIST_DIR}/must_work.cmake")
set(work "${WORK_DIR}/amalgamated_copies")
file(REMOVE_RECURSE "${work}")
set(amalgamate "${PYTHON}" "${SOURCE_DIR}/packaging/amalgamate" --output "${work}")
must_work("a header" ${amalgamate} system)
must_work("another" ${amalgamate} strings)
must_work("one of acme" ${amalgamate} --namespace acme system)
must_work("one of other::deps" ${amalgamate} --namespace other::deps strings system)

set(compile "${compiler}" ${flags} ${warnings} -Werror)
set(copies "#include \"acme_skyutil_system.hpp\"\n#include \"other_deps_skyutil_strings_system.hpp\"\n")
set(asked "acme::get_cpu_count() >= 1 && other::deps::get_cpu_count() == acme::get_cpu_count()")
file(WRITE "${work}/together.cpp" "${copies}#if defined(SKYUTIL_VERSION)\n#error the macros have the old names\n#endif
int other_unit();\nint main() { return ${asked} && other_unit() >= 1 ? 0 : 1; }\n")
file(WRITE "${work}/unit.cpp" "#include \"skyutil_system.hpp\"\n#include \"skyutil_system.hpp\"
int other_unit();\nint other_unit() { return skyutil::get_cpu_count(); }\n")
file(WRITE "${work}/beside.cpp" "#include <skyutil/system.hpp>\n${copies}#include <skyutil/strings.hpp>
int other_unit();\nint other_unit() { return ${asked} ? skyutil::get_cpu_count() : 0; }\n")
must_work("two copies in a unit" ${compile} -c "${work}/together.cpp" -o "${work}/together.o")
must_work("a copy twice in a unit" ${compile} -c "${work}/unit.cpp" -o "${work}/unit.o")
must_work("copies beside the library" ${compile} -I "${include}" -c "${work}/beside.cpp" -o "${work}/beside.o")
foreach(unit unit beside)
    must_work("linking" "${compiler}" ${flags} -pthread "${work}/together.o" "${work}/${unit}.o" -o "${work}/${unit}")
    must_work("running" "${work}/${unit}")
endforeach()

# No name with a linkage outside of the unit is the library's own.
must_work("the symbols" nm --defined-only "${work}/together.o")
if(output MATCHES "7skyutil")
    message(FATAL_ERROR "a name of namespace skyutil is left:\n${output}")
endif()

foreach(others "\"skyutil_strings.hpp\"" "<skyutil/strings.hpp>")
    file(WRITE "${work}/wrong.cpp" "#include ${others}\n#include \"skyutil_system.hpp\"\n")
    execute_process(COMMAND "${compiler}" ${flags} -I "${include}" -fsyntax-only "${work}/wrong.cpp"
        RESULT_VARIABLE result ERROR_VARIABLE errors)
    if(result EQUAL 0 OR NOT errors MATCHES "skyutil_system.hpp and another copy of skyutil are included: make one header")
        message(FATAL_ERROR "${others} and skyutil_system.hpp:\n${errors}")
    endif()
endforeach()
