# SPDX-License-Identifier: MIT
#
# cpack -G TGZ and cpack -G DEB pack what developing with the library needs: skyutil_Development and nothing else.

set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_VENDOR ${PROJECT_NAME})
set(CPACK_PACKAGE_CONTACT "skyutil (https://github.com/skyutil/skyutil)")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_FILE_NAME ${PROJECT_NAME}-${PROJECT_VERSION})
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};${PROJECT_NAME};skyutil_Development;/")

set(CPACK_DEBIAN_PACKAGE_NAME libskyutil-dev)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
# hash, hash_openssl and asio say what they need when they are asked for.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libcrypto++-dev, libssl-dev, libboost1.81-dev | libboost-dev")
include(CPack)
