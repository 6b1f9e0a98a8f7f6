# SPDX-License-Identifier: MIT
#
# Finds what skyutil::hash, skyutil::hash_openssl and skyutil::asio need. The build uses this file, and so does
# find_package(skyutil) from its installed copy.
#
# skyutil_find_<dependency>(<problem>) leaves "" in <problem>, or a sentence that says what is missing, and in
# skyutil_<dependency>_libraries and skyutil_<dependency>_include what skyutil_link() gives to a target. It makes no
# target of its own. CMAKE_FIND_PACKAGE_TARGETS_GLOBAL makes the targets that packages make visible everywhere.

# skyutil_link(<target> <dependency>): the exported target names none of it; whoever finds it there links it anew.
function(skyutil_link target dependency)
    foreach(library IN LISTS skyutil_${dependency}_libraries)
        target_link_libraries(${target} INTERFACE $<BUILD_INTERFACE:${library}>)
    endforeach()
    foreach(directory IN LISTS skyutil_${dependency}_include)
        target_include_directories(${target} SYSTEM INTERFACE $<BUILD_INTERFACE:${directory}>)
    endforeach()
endfunction()

# skyutil_options_for(<component> <result>): the list of the options that make the component.
function(skyutil_options_for component result)
    string(TOUPPER "SKYUTIL_WITH_${component}" options)
    if(component STREQUAL "hash_openssl")
        list(PREPEND options SKYUTIL_WITH_HASH)
    endif()
    set(${result} "${options}" PARENT_SCOPE)
endfunction()

# Crypto++ is a CMake package (vcpkg, Conan), or known to pkg-config, or found by a plain search.
# skyutil_cryptopp_module is its name for pkg-config, if that knows it.
function(skyutil_find_cryptopp problem)
    set(libraries "")
    set(include "")
    set(module "")
    if(NOT CMAKE_DISABLE_FIND_PACKAGE_cryptopp)
        if(NOT TARGET cryptopp::cryptopp)
            find_package(cryptopp CONFIG QUIET)
        endif()
        if(TARGET cryptopp::cryptopp)
            set(libraries cryptopp::cryptopp)
        endif()

        if(NOT libraries)
            find_package(PkgConfig QUIET)
            if(PkgConfig_FOUND)
                pkg_search_module(skyutil_pc_cryptopp QUIET libcrypto++ libcryptopp cryptopp)
                set(libraries ${skyutil_pc_cryptopp_LINK_LIBRARIES})
                set(include ${skyutil_pc_cryptopp_INCLUDE_DIRS})
                set(module ${skyutil_pc_cryptopp_MODULE_NAME})
            endif()
        endif()

        if(NOT libraries)
            find_path(SKYUTIL_CRYPTOPP_INCLUDE_DIR cryptopp/cryptlib.h)
            find_library(SKYUTIL_CRYPTOPP_LIBRARY NAMES cryptopp crypto++)
            mark_as_advanced(SKYUTIL_CRYPTOPP_INCLUDE_DIR SKYUTIL_CRYPTOPP_LIBRARY)
            if(SKYUTIL_CRYPTOPP_INCLUDE_DIR AND SKYUTIL_CRYPTOPP_LIBRARY)
                set(include ${SKYUTIL_CRYPTOPP_INCLUDE_DIR})
                set(libraries ${SKYUTIL_CRYPTOPP_LIBRARY})
            endif()
        endif()
    endif()

    set(sentence "")
    if(NOT libraries)
        string(CONCAT sentence "skyutil::hash needs Crypto++, which was not found (Debian, Ubuntu: "
            "libcrypto++-dev; Fedora: cryptopp-devel; Homebrew, vcpkg, Conan: cryptopp).")
    endif()
    set(${problem} "${sentence}" PARENT_SCOPE)
    set(skyutil_cryptopp_libraries "${libraries}" PARENT_SCOPE)
    set(skyutil_cryptopp_include "${include}" PARENT_SCOPE)
    set(skyutil_cryptopp_module "${module}" PARENT_SCOPE)
endfunction()

# OpenSSL::Crypto.
function(skyutil_find_openssl problem)
    if(NOT TARGET OpenSSL::Crypto)
        find_package(OpenSSL 1.1.1 QUIET COMPONENTS Crypto)
    endif()
    set(sentence "")
    if(NOT TARGET OpenSSL::Crypto)
        string(CONCAT sentence "skyutil::hash_openssl needs OpenSSL 1.1.1 or newer, which was not found "
            "(Debian, Ubuntu: libssl-dev; Fedora: openssl-devel; Homebrew, vcpkg, Conan: openssl).")
    endif()
    set(${problem} "${sentence}" PARENT_SCOPE)
    set(skyutil_openssl_libraries OpenSSL::Crypto PARENT_SCOPE)
endfunction()

# Boost.Process v2 is header only up to Boost 1.85 and a library, Boost::process, from 1.86 on.
function(skyutil_find_boost problem)
    if(NOT TARGET Boost::process)
        find_package(Boost 1.81 CONFIG QUIET OPTIONAL_COMPONENTS process)
    endif()

    set(packages "(Debian 12: libboost1.81-dev; newer Debian, Ubuntu: libboost-dev, with libboost-process-dev from \
1.86 on; Fedora: boost-devel; Homebrew, Conan: boost; vcpkg: boost-process)")
    set(libraries "")
    set(sentence "")
    if(TARGET Boost::process)
        set(libraries Boost::process)
    elseif(NOT Boost_FOUND)
        set(sentence "skyutil::asio needs Boost 1.81 or newer, which was not found ${packages}.")
    elseif(Boost_VERSION VERSION_GREATER_EQUAL 1.86)
        set(sentence "skyutil::asio needs the library Boost.Process, which was not found beside \
Boost ${Boost_VERSION} ${packages}.")
    else()
        set(libraries Boost::headers)
    endif()
    set(${problem} "${sentence}" PARENT_SCOPE)
    set(skyutil_boost_libraries "${libraries}" PARENT_SCOPE)
endfunction()
