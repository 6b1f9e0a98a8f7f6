# SPDX-License-Identifier: MIT
#
# The newest entry of CHANGELOG.md, the manifests of vcpkg and every inline namespace agree with VERSION, the build's
# version, which is that of version.hpp. conanfile.py reads it there too.

file(READ "${SOURCE_DIR}/CHANGELOG.md" text)
if(NOT text MATCHES "\n## \\[([0-9]+\\.[0-9]+\\.[0-9]+)\\]")
    message(FATAL_ERROR "CHANGELOG.md has no heading \"## [MAJOR.MINOR.PATCH]\"")
endif()
# REGEX MATCH finds the first.
string(REGEX MATCH "\n## \\[([0-9]+\\.[0-9]+\\.[0-9]+)\\]" _ "${text}")
if(NOT CMAKE_MATCH_1 STREQUAL VERSION)
    message(FATAL_ERROR "CHANGELOG.md's newest version is ${CMAKE_MATCH_1}, the build's ${VERSION}")
endif()

string(REGEX MATCH "^[0-9]+" major "${VERSION}")
file(GLOB_RECURSE headers "${SOURCE_DIR}/include/skyutil/*.hpp")
foreach(header IN LISTS headers)
    file(STRINGS "${header}" lines REGEX "^namespace skyutil")
    foreach(line IN LISTS lines)
        if(NOT line MATCHES "^namespace skyutil::inline v${major}(::[a-z_:]+)? {")
            message(FATAL_ERROR
                "${header}: \"${line}\" does not open namespace skyutil::inline v${major}")
        endif()
    endforeach()
endforeach()

foreach(manifest vcpkg.json packaging/vcpkg/ports/skyutil/vcpkg.json)
    file(READ "${SOURCE_DIR}/${manifest}" text)
    string(JSON version GET "${text}" version)
    if(NOT version STREQUAL VERSION)
        message(FATAL_ERROR "${manifest} says ${version}, the build ${VERSION}")
    endif()
endforeach()
