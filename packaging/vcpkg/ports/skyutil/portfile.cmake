# SPDX-License-Identifier: MIT

set(VCPKG_BUILD_TYPE release) # header-only

# In skyutil's own tree the port is made of the sources around it. (Not in a registry: "./dev recipes" leaves it out.)
cmake_path(SET SOURCE_PATH NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../../../..")
if(NOT EXISTS "${SOURCE_PATH}/include/skyutil/version.hpp")
    # (End of what is not in a registry.)
    vcpkg_from_github(
        OUT_SOURCE_PATH SOURCE_PATH
        REPO skyutil/skyutil
        REF "v${VERSION}"
        SHA512 0
        HEAD_REF main
    )
endif()

vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS
    FEATURES
        asio SKYUTIL_WITH_ASIO
        hash SKYUTIL_WITH_HASH
        openssl SKYUTIL_WITH_HASH_OPENSSL
)

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        ${FEATURE_OPTIONS}
        -DSKYUTIL_BUILD_TESTS=OFF
        -DSKYUTIL_BUILD_BENCHMARKS=OFF
        -DSKYUTIL_BUILD_EXAMPLES=OFF
        -DSKYUTIL_INSTALL_PKGCONFIGDIR=lib/pkgconfig
        -DSKYUTIL_PKGCONFIG_CRYPTOPP=cryptopp
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/skyutil)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/licenses")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
