# SPDX-License-Identifier: MIT
#
# The newest entry of CHANGELOG.md, pyproject.toml, the manifests of vcpkg and every inline namespace agree with VERSION, the build's
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

# While the major version is 0 every minor version breaks the ABI.
string(REGEX MATCH "^([0-9]+)\\.([0-9]+)" _ "${VERSION}")
set(namespace "v${CMAKE_MATCH_1}")
set(layout " SKYUTIL_VERSION_LAYOUT SKYUTIL_VERSION_SYSTEM")
if(CMAKE_MATCH_1 EQUAL 0)
    string(APPEND namespace "_${CMAKE_MATCH_2}")
endif()
file(STRINGS "${SOURCE_DIR}/include/skyutil/version.hpp" lines REGEX "^#define SKYUTIL_VERSION_NAMESPACE ")
if(NOT lines STREQUAL
    "#define SKYUTIL_VERSION_NAMESPACE ${namespace}${layout};#define SKYUTIL_VERSION_NAMESPACE ${namespace}_noexcept${layout}")
    message(FATAL_ERROR "version.hpp does not name the namespaces ${namespace} and ${namespace}_noexcept: ${lines}")
endif()
file(GLOB_RECURSE headers "${SOURCE_DIR}/include/skyutil/*.hpp")
foreach(header IN LISTS headers)
    file(STRINGS "${header}" lines REGEX "^namespace skyutil")
    # Its name is a macro: what it is comes with another header of the library, in the end version.hpp.
    file(STRINGS "${header}" includes REGEX "^#include <skyutil/")
    if(lines AND NOT includes AND NOT header MATCHES "/version\\.hpp$")
        message(FATAL_ERROR "${header} opens the versioned namespace and does not include <skyutil/version.hpp>")
    endif()
    foreach(line IN LISTS lines)
        if(NOT line MATCHES "^namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE(::[a-z_:]+)? {")
            message(FATAL_ERROR
                "${header}: \"${line}\" does not open the versioned namespace")
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

file(STRINGS "${SOURCE_DIR}/pyproject.toml" lines REGEX "^version = ")
if(NOT lines STREQUAL "version = \"${VERSION}\"")
    message(FATAL_ERROR "pyproject.toml says ${lines}, the build ${VERSION}")
endif()
