# SPDX-License-Identifier: MIT
#
# Makes and installs the files for pkg-config: skyutil.pc, which is skyutil::core, and
# skyutil-<component>.pc. What lies below the prefix is named relative to the file: the tree can be moved.

set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
if(NOT IS_ABSOLUTE "${SKYUTIL_INSTALL_PKGCONFIGDIR}")
    file(RELATIVE_PATH pc_prefix "/prefix/${SKYUTIL_INSTALL_PKGCONFIGDIR}" /prefix)
    string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${pc_prefix}")
endif()
set(pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${pc_includedir}")
    string(PREPEND pc_includedir "\${prefix}/")
endif()

# skyutil_install_pc(<name> <description> [REQUIRES <text>] [LIBS <text>] [CFLAGS <text>])
function(skyutil_install_pc pc_name pc_description)
    cmake_parse_arguments(PARSE_ARGV 2 pc "" "REQUIRES;LIBS;CFLAGS" "")
    configure_file(cmake/skyutil.pc.in ${pc_name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${pc_name}.pc DESTINATION "${SKYUTIL_INSTALL_PKGCONFIGDIR}")
endfunction()

set(pthread "")
if(NOT MSVC)
    set(pthread -pthread)
endif()
set(libs "${pthread}")
if(WIN32)
    string(APPEND libs " -lbcrypt -lntdll -lws2_32")
endif()
skyutil_install_pc(skyutil "${PROJECT_DESCRIPTION}"
    LIBS "${libs}" CFLAGS "-I\${includedir} ${pthread}")

set(requires_core "skyutil = ${PROJECT_VERSION}")
set(SKYUTIL_PKGCONFIG_CRYPTOPP "" CACHE STRING
    "The name of Crypto++ for pkg-config, where pkg-config is not what finds it")
if(SKYUTIL_PKGCONFIG_CRYPTOPP)
    set(skyutil_cryptopp_module ${SKYUTIL_PKGCONFIG_CRYPTOPP})
endif()
if(TARGET skyutil_hash)
    # Crypto++ has a name of its own in each distribution, and in some none.
    if(skyutil_cryptopp_module)
        skyutil_install_pc(skyutil-hash "Hashes of files and bytes, over Crypto++"
            REQUIRES "${requires_core}, ${skyutil_cryptopp_module}")
    else()
        skyutil_install_pc(skyutil-hash "Hashes of files and bytes, over Crypto++"
            REQUIRES "${requires_core}" LIBS "-L\${libdir} -lcryptopp")
    endif()
endif()
if(TARGET skyutil_hash_openssl)
    skyutil_install_pc(skyutil-hash_openssl "OpenSSL's hash functions for skyutil-hash"
        REQUIRES "skyutil-hash = ${PROJECT_VERSION}, libcrypto >= 1.1.1")
endif()
if(TARGET skyutil_asio)
    # Boost has no files for pkg-config. Its Process is a library from 1.86 on.
    set(libs "")
    if(TARGET Boost::process)
        set(libs "-L\${libdir} -lboost_process")
    endif()
    skyutil_install_pc(skyutil-asio "Children for programs that use Boost.Asio"
        REQUIRES "${requires_core}" LIBS "${libs}")
endif()
