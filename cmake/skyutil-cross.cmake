# SPDX-License-Identifier: MIT
#
# What the project's own programs need, for another system: the headers that this one has of libraries that are headers
# alone, Catch2 of version 2 among them. They are linked to a folder of their own, as what is beside them is for this
# system.

set(SKYUTIL_header_of_Catch2 catch2/catch.hpp)
set(SKYUTIL_header_of_CLI11 CLI/CLI.hpp)
set(SKYUTIL_header_of_nlohmann_json nlohmann/json.hpp)
set(Catch2_VERSION 2)

# skyutil_find_for(<what> <package> <its name in Debian>)
function(skyutil_find_for what package debian)
    set(target ${package}::${package})
    if(TARGET ${target})
        return()
    endif()
    set(header ${SKYUTIL_header_of_${package}})
    cmake_path(GET header PARENT_PATH folder)
    find_path(SKYUTIL_${folder} ${header} PATHS /usr/include /usr/local/include NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    if(NOT SKYUTIL_${folder})
        message(FATAL_ERROR "The ${what} need <${header}>, which was not found (Debian, Ubuntu: ${debian}).")
    endif()
    set(headers ${PROJECT_BINARY_DIR}/headers)
    file(MAKE_DIRECTORY ${headers})
    file(CREATE_LINK ${SKYUTIL_${folder}}/${folder} ${headers}/${folder} SYMBOLIC)
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${target} SYSTEM INTERFACE ${headers})
endfunction()

find_path(SKYUTIL_catch_module Catch.cmake PATHS /usr/lib /usr/share /usr/local/lib PATH_SUFFIXES cmake/Catch2
    NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
list(APPEND CMAKE_MODULE_PATH ${SKYUTIL_catch_module})
