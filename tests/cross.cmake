# SPDX-License-Identifier: MIT
#
# The libraries of the tests for another system: the headers that this one has, Catch2 of version 2 and nlohmann's. They
# are linked to a folder of their own, as what is beside them is for this system alone.

set(headers ${CMAKE_CURRENT_BINARY_DIR}/headers)
foreach(header catch2/catch.hpp nlohmann/json.hpp)
    cmake_path(GET header PARENT_PATH folder)
    find_path(SKYUTIL_${folder} ${header} PATHS /usr/include /usr/local/include NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    if(NOT SKYUTIL_${folder})
        message(FATAL_ERROR "The tests need <${header}>, which was not found (Debian, Ubuntu: catch2 nlohmann-json3-dev).")
    endif()
    file(MAKE_DIRECTORY ${headers})
    file(CREATE_LINK ${SKYUTIL_${folder}}/${folder} ${headers}/${folder} SYMBOLIC)
endforeach()

find_path(SKYUTIL_catch_module Catch.cmake PATHS /usr/lib /usr/share /usr/local/lib PATH_SUFFIXES cmake/Catch2
    NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
list(APPEND CMAKE_MODULE_PATH ${SKYUTIL_catch_module})

set(Catch2_VERSION 2)
foreach(library Catch2::Catch2 nlohmann_json::nlohmann_json)
    add_library(${library} INTERFACE IMPORTED)
    target_include_directories(${library} SYSTEM INTERFACE ${headers})
endforeach()
