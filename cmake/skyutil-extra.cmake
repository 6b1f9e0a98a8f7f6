# SPDX-License-Identifier: MIT
#
# What find_package(skyutil COMPONENTS ...) says where FetchContent made the library from its sources.

foreach(_skyutil_component IN LISTS skyutil_FIND_COMPONENTS)
    if(TARGET skyutil::${_skyutil_component})
        set(skyutil_${_skyutil_component}_FOUND TRUE)
        continue()
    endif()
    set(skyutil_${_skyutil_component}_FOUND FALSE)
    if(NOT skyutil_FIND_REQUIRED_${_skyutil_component})
        continue()
    endif()
    set(skyutil_FOUND FALSE)
    if(_skyutil_component MATCHES "^(hash|hash_openssl|asio)$")
        skyutil_options_for(${_skyutil_component} _skyutil_options)
        list(JOIN _skyutil_options " and " _skyutil_options)
        string(APPEND skyutil_NOT_FOUND_MESSAGE "skyutil was added without skyutil::${_skyutil_component}: to make it, "
            "set ${_skyutil_options} to ON before FetchContent_MakeAvailable(skyutil); where they are, the lines "
            "of configuring skyutil say what was not found. ")
    else()
        string(APPEND skyutil_NOT_FOUND_MESSAGE "skyutil has no component \"${_skyutil_component}\"; there are "
            "core, hash, hash_openssl and asio. ")
    endif()
endforeach()
unset(_skyutil_component)
unset(_skyutil_options)
