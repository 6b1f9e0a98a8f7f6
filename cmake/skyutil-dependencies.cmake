# SPDX-License-Identifier: MIT
#
# Finds what skyutil::hash, skyutil::hash_openssl and skyutil::subprocess need. The build uses this file, and so does
# find_package(skyutil) from its installed copy.
#
# Each function makes one imported target and leaves "" in <problem>, or a sentence that says what is
# missing. CMAKE_FIND_PACKAGE_TARGETS_GLOBAL makes the targets visible everywhere.

# skyutil_find_cryptopp(<problem>) makes skyutil::cryptopp from a CMake package (vcpkg, Conan), from
# pkg-config, or from a plain search.
function(skyutil_find_cryptopp problem)
    set(${problem} "" PARENT_SCOPE)
    if(TARGET skyutil::cryptopp)
        return()
    endif()
    set(scope "")
    if(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL)
        set(scope GLOBAL)
    endif()

    set(link "")
    set(include "")
    if(NOT CMAKE_DISABLE_FIND_PACKAGE_cryptopp)
        if(NOT TARGET cryptopp::cryptopp)
            find_package(cryptopp CONFIG QUIET)
        endif()
        if(TARGET cryptopp::cryptopp)
            set(link cryptopp::cryptopp)
        endif()

        if(NOT link)
            find_package(PkgConfig QUIET)
            if(PkgConfig_FOUND)
                pkg_search_module(skyutil_cryptopp QUIET IMPORTED_TARGET ${scope}
                    libcrypto++ libcryptopp cryptopp)
            endif()
            if(TARGET PkgConfig::skyutil_cryptopp)
                set(link PkgConfig::skyutil_cryptopp)
            endif()
        endif()

        if(NOT link)
            find_path(SKYUTIL_CRYPTOPP_INCLUDE_DIR cryptopp/cryptlib.h)
            find_library(SKYUTIL_CRYPTOPP_LIBRARY NAMES cryptopp crypto++)
            mark_as_advanced(SKYUTIL_CRYPTOPP_INCLUDE_DIR SKYUTIL_CRYPTOPP_LIBRARY)
            if(SKYUTIL_CRYPTOPP_INCLUDE_DIR AND SKYUTIL_CRYPTOPP_LIBRARY)
                set(include "${SKYUTIL_CRYPTOPP_INCLUDE_DIR}")
                set(link "${SKYUTIL_CRYPTOPP_LIBRARY}")
            endif()
        endif()
    endif()

    if(NOT link)
        string(CONCAT sentence "skyutil::hash needs Crypto++, which was not found (Debian, Ubuntu: "
            "libcrypto++-dev; Fedora: cryptopp-devel; Homebrew, vcpkg, Conan: cryptopp).")
        set(${problem} "${sentence}" PARENT_SCOPE)
        return()
    endif()
    add_library(skyutil::cryptopp INTERFACE IMPORTED ${scope})
    set_target_properties(skyutil::cryptopp PROPERTIES
        INTERFACE_LINK_LIBRARIES "${link}"
        INTERFACE_INCLUDE_DIRECTORIES "${include}")
endfunction()

# skyutil_find_openssl(<problem>) makes OpenSSL::Crypto.
function(skyutil_find_openssl problem)
    set(${problem} "" PARENT_SCOPE)
    if(NOT TARGET OpenSSL::Crypto)
        find_package(OpenSSL 1.1.1 QUIET COMPONENTS Crypto)
    endif()
    if(NOT TARGET OpenSSL::Crypto)
        string(CONCAT sentence "skyutil::hash_openssl needs OpenSSL 1.1.1 or newer, which was not found "
            "(Debian, Ubuntu: libssl-dev; Fedora: openssl-devel; Homebrew, vcpkg, Conan: openssl).")
        set(${problem} "${sentence}" PARENT_SCOPE)
    endif()
endfunction()

# skyutil_find_boost_process(<problem>) makes skyutil::boost_process. Boost.Process v2 is header only
# up to Boost 1.85 and a library, Boost::process, from 1.86 on.
function(skyutil_find_boost_process problem)
    set(${problem} "" PARENT_SCOPE)
    if(TARGET skyutil::boost_process)
        return()
    endif()
    set(scope "")
    if(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL)
        set(scope GLOBAL)
    endif()

    if(NOT TARGET Boost::process)
        find_package(Boost 1.81 CONFIG QUIET OPTIONAL_COMPONENTS process)
    endif()

    set(packages "(Debian, Ubuntu: libboost-dev or libboost1.81-dev, with libboost-process-dev from \
1.86 on; Fedora: boost-devel; Homebrew, Conan: boost; vcpkg: boost-process)")
    if(TARGET Boost::process)
        set(link Boost::process)
    elseif(NOT Boost_FOUND)
        set(${problem} "skyutil::subprocess needs Boost 1.81 or newer, which was not found ${packages}."
            PARENT_SCOPE)
        return()
    elseif(Boost_VERSION VERSION_GREATER_EQUAL 1.86)
        set(${problem} "skyutil::subprocess needs the library Boost.Process, which was not found beside \
Boost ${Boost_VERSION} ${packages}." PARENT_SCOPE)
        return()
    else()
        set(link Boost::headers)
    endif()
    add_library(skyutil::boost_process INTERFACE IMPORTED ${scope})
    set_target_properties(skyutil::boost_process PROPERTIES
        INTERFACE_LINK_LIBRARIES "${link};Threads::Threads")
endfunction()
