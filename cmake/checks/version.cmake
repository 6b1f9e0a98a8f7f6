# SPDX-License-Identifier: MIT
#
# The newest entry of CHANGELOG.md and every inline namespace agree with VERSION, the build's version.

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

if(EXISTS "${SOURCE_DIR}/vcpkg.json")
    file(READ "${SOURCE_DIR}/vcpkg.json" text)
    string(JSON manifest ERROR_VARIABLE error GET "${text}" version)
    if(NOT error AND NOT manifest STREQUAL VERSION)
        message(FATAL_ERROR "vcpkg.json says ${manifest}, the build ${VERSION}")
    endif()
endif()
