# SPDX-License-Identifier: MIT
#
# Uses the library as other projects do: SCENARIO names how. The scenario "install" comes first: it
# installs the build BINARY_DIR and moves the result to WORK_DIR/moved, which the others use.

cmake_policy(VERSION 3.25)

if(NOT CONFIG)
    set(CONFIG Debug)  # a build of no type
endif()
set(prefix "${WORK_DIR}/moved")
set(build "${WORK_DIR}/${SCENARIO}")
set(hide_cryptopp -D CMAKE_DISABLE_FIND_PACKAGE_cryptopp=ON)
set(hide_openssl -D CMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON)
set(hide_boost -D CMAKE_DISABLE_FIND_PACKAGE_Boost=ON)

include("${CMAKE_CURRENT_LIST_DIR}/must_work.cmake")

# configure(<source directory> <argument>...) leaves result and output.
function(configure source)
    file(REMOVE_RECURSE "${build}")
    set(toolchain "")
    if(TOOLCHAIN)
        set(toolchain -D "CMAKE_TOOLCHAIN_FILE=${TOOLCHAIN}")
    endif()
    execute_process(
        COMMAND "${CMAKE_COMMAND}" --no-warn-unused-cli -S "${source}" -B "${build}" -G "${GENERATOR}"
            -D "CMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" -D "CMAKE_CXX_COMPILER=${CXX}"
            -D "CMAKE_CXX_FLAGS=${CXX_FLAGS} -Wall -Wextra -Wconversion -Wshadow -Werror"
            -D "CMAKE_BUILD_TYPE=${CONFIG}" -D "CMAKE_PREFIX_PATH=${prefix}" ${toolchain} ${ARGN}
        ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
    if(result EQUAL 0 AND output MATCHES "Warning|CMP[0-9][0-9][0-9][0-9]")
        message("${output}")
        message(FATAL_ERROR "CMake warns")
    endif()
    set(output "${output}" PARENT_SCOPE)
    set(result "${result}" PARENT_SCOPE)
endfunction()

# build_and_run(<program>...) builds what configure() configured; leaves the last program's output.
macro(build_and_run)
    build_and_run_as("${CONFIG}" ${ARGN})
endmacro()
function(build_and_run_as config)
    if(NOT result EQUAL 0)
        message("${output}")
        message(FATAL_ERROR "configuring ${build} failed")
    endif()
    execute_process(COMMAND "${CMAKE_COMMAND}" --build "${build}" --config "${config}"
        ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message("${output}")
        message(FATAL_ERROR "building ${build} failed")
    endif()
    foreach(program IN LISTS ARGN)
        execute_process(COMMAND "${build}/bin/${program}"
            ERROR_VARIABLE errors OUTPUT_VARIABLE output RESULT_VARIABLE result)
        if(NOT result EQUAL 0)
            message("${output}${errors}")
            message(FATAL_ERROR "${program} ended with ${result}")
        endif()
    endforeach()
    set(output "${output}" PARENT_SCOPE)
endfunction()

# must_say(<text>): configure() must have failed with this text, whatever the line breaks.
function(must_say text)
    string(REGEX REPLACE "[ \n]+" " " words "${output}")
    string(FIND "${words}" "${text}" position)
    if(result EQUAL 0 OR position EQUAL -1)
        message("${output}")
        message(FATAL_ERROR "Expected a failure with \"${text}\"; the result was ${result}")
    endif()
endfunction()

# must_not_name(<file> <absolute path>...)
function(must_not_name file)
    file(READ "${file}" text)
    foreach(path IN LISTS ARGN)
        string(REGEX REPLACE "([][+.*^$()|?\\])" "\\\\\\1" regex "${path}")
        if(text MATCHES "(^|-[IL]|[^A-Za-z0-9_.>}])${regex}")
            message(FATAL_ERROR "${file} names ${path}")
        endif()
    endforeach()
endfunction()

# with_pkg_config(<program> <module>) compiles, links and runs a program of the consumer with the flags of pkg-config
# and nothing else.
function(with_pkg_config program module)
    must_work("pkg-config --validate ${module}" "${pkg_config}" --validate ${module})
    must_work("pkg-config --cflags ${module}" "${pkg_config}" --cflags ${module})
    if(output MATCHES "${SOURCE_DIR}/include")
        message(FATAL_ERROR "${module} names the sources: ${output}")
    endif()
    separate_arguments(cflags UNIX_COMMAND "${output}")
    must_work("pkg-config --libs ${module}" "${pkg_config}" --libs ${module})
    separate_arguments(libs UNIX_COMMAND "${output}")
    separate_arguments(flags UNIX_COMMAND "${CXX_FLAGS}")
    must_work("${program} with the flags of ${module}" "${CXX}" ${flags} -std=c++20 ${cflags}
        "${consumer}/${program}.cpp" -o "${build}/${program}" ${libs})
    must_work("${program}" "${build}/${program}")
endfunction()

set(consumer "${SOURCE_DIR}/tests/consumer")
find_program(pkg_config NAMES pkg-config pkgconf)

if(NOT SCENARIO)  # included for these functions
    return()
endif()

if(SCENARIO STREQUAL "install")
    file(REMOVE_RECURSE "${WORK_DIR}/installed" "${prefix}")
    execute_process(
        COMMAND "${CMAKE_COMMAND}" --install "${BINARY_DIR}" --config "${CONFIG}"
            --prefix "${WORK_DIR}/installed"
        ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message("${output}")
        message(FATAL_ERROR "installing ${BINARY_DIR} failed")
    endif()
    file(RENAME "${WORK_DIR}/installed" "${prefix}")

    # What is installed is this and nothing else, and nothing names where it came from.
    file(GLOB_RECURSE wanted RELATIVE "${SOURCE_DIR}" "${SOURCE_DIR}/include/*.hpp")
    list(APPEND wanted
        share/cmake/skyutil/skyutil-all-targets.cmake
        share/cmake/skyutil/skyutil-config-version.cmake
        share/cmake/skyutil/skyutil-config.cmake
        share/cmake/skyutil/skyutil-core-targets.cmake
        share/cmake/skyutil/skyutil-dependencies.cmake
        share/cmake/skyutil/skyutil-hash-targets.cmake
        share/cmake/skyutil/skyutil-hash_openssl-targets.cmake
        share/cmake/skyutil/skyutil-asio-targets.cmake
        share/licenses/skyutil/LICENSE
        share/pkgconfig/skyutil-hash.pc
        share/pkgconfig/skyutil-hash_openssl.pc
        share/pkgconfig/skyutil-asio.pc
        share/pkgconfig/skyutil.pc)
    if(NOT HASH_OPENSSL)  # built where there is no OpenSSL
        list(FILTER wanted EXCLUDE REGEX "hash_openssl")
    endif()
    file(GLOB_RECURSE installed RELATIVE "${prefix}" "${prefix}/*")
    foreach(file IN LISTS installed)
        if(NOT file IN_LIST wanted)
            message(FATAL_ERROR "${file} is installed and is not to be")
        endif()
        if(NOT file MATCHES "\\.hpp$")  # copied as they are
            must_not_name("${prefix}/${file}" "${SOURCE_DIR}" "${BINARY_DIR}" "${WORK_DIR}")
        endif()
    endforeach()
    list(REMOVE_ITEM wanted ${installed})
    if(wanted)
        message(FATAL_ERROR "not installed: ${wanted}")
    endif()

elseif(SCENARIO STREQUAL "found")
    configure("${consumer}" "-DCOMPONENTS=core hash asio" "-DPROGRAMS=core hash asio")
    build_and_run(core hash asio)

elseif(SCENARIO STREQUAL "everything")
    configure("${consumer}" "-DPROGRAMS=core hash everything")
    build_and_run(core hash everything)

elseif(SCENARIO STREQUAL "core_alone")
    configure("${consumer}" -DCOMPONENTS=core -DPROGRAMS=core -DABSENT=skyutil::hash
        ${hide_cryptopp} ${hide_boost})
    build_and_run(core)

elseif(SCENARIO STREQUAL "hard")
    configure("${consumer}" -DCOMPONENTS=core "-DPROGRAMS=without_rtti without_exceptions hostile_macros")
    build_and_run(without_rtti without_exceptions hostile_macros)

    # Where nothing can be thrown, the program ends, and says what would have been.
    foreach(case "path|cannot read the last lines: No such file or directory [/nowhere]"
            "text|does not belong in a hexadecimal number, at position 0"
            "process|cannot open process 9223372036854775807: No such process")
        string(REGEX MATCH "^([a-z]+)\\|(.*)$" _ "${case}")
        execute_process(COMMAND "${build}/bin/without_exceptions" ${CMAKE_MATCH_1}
            ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
        if(NOT result MATCHES "abort|SIGABRT")
            message("${output}")
            message(FATAL_ERROR "without_exceptions ${CMAKE_MATCH_1} ended with ${result}")
        endif()
        must_say("${CMAKE_MATCH_2}")
    endforeach()

elseif(SCENARIO STREQUAL "optional")
    configure("${consumer}" -DPROGRAMS=core "-DABSENT=skyutil::hash skyutil::hash_openssl skyutil::asio"
        ${hide_cryptopp} ${hide_boost})
    build_and_run(core)

elseif(SCENARIO STREQUAL "hash_missing")
    configure("${consumer}" "-DCOMPONENTS=core hash" -DPROGRAMS=core ${hide_cryptopp})
    must_say("skyutil::hash needs Crypto++, which was not found (Debian, Ubuntu: libcrypto++-dev;")

elseif(SCENARIO STREQUAL "hash_openssl")
    configure("${consumer}" "-DCOMPONENTS=hash_openssl" "-DPROGRAMS=hash hash_openssl"
        -DABSENT=skyutil::asio ${hide_boost})
    build_and_run(hash hash_openssl)

elseif(SCENARIO STREQUAL "test_package")
    # The program that Conan tests a package with, without Conan.
    set(with_openssl OFF)
    if(HASH_OPENSSL)
        set(with_openssl ON)
    endif()
    configure("${SOURCE_DIR}/test_package" -DWITH_HASH=ON -DWITH_OPENSSL=${with_openssl} -DWITH_ASIO=ON
        "-DCMAKE_RUNTIME_OUTPUT_DIRECTORY=$<1:${build}/bin>")
    build_and_run(test_package)

elseif(SCENARIO STREQUAL "hash_openssl_missing")
    # Installed without it, or without OpenSSL where it is used.
    configure("${consumer}" "-DCOMPONENTS=core hash_openssl" -DPROGRAMS=core ${hide_openssl})
    must_say("skyutil::hash_openssl")

elseif(SCENARIO STREQUAL "asio_missing")
    configure("${consumer}" "-DCOMPONENTS=core asio" -DPROGRAMS=core ${hide_boost})
    must_say("skyutil::asio needs Boost 1.81 or newer, which was not found (Debian 12: libboost1.81-dev")

elseif(SCENARIO STREQUAL "unknown")
    configure("${consumer}" "-DCOMPONENTS=core strings" -DPROGRAMS=core)
    must_say("skyutil has no component \"strings\"; there are core, hash, hash_openssl and asio.")

elseif(SCENARIO STREQUAL "other_version")
    configure("${consumer}" -DVERSION=0.0.1 -DPROGRAMS=core)
    must_say("compatible with requested version \"0.0.1\"")

elseif(SCENARIO STREQUAL "subdirectory")
    configure("${consumer}" "-DSUBDIRECTORY=${SOURCE_DIR}" -DPROGRAMS=core
        "-DABSENT=skyutil::hash skyutil::asio skyutil_warnings"
        ${hide_cryptopp} ${hide_boost})
    build_and_run(core)

elseif(SCENARIO STREQUAL "subdirectory_all")
    configure("${consumer}" "-DSUBDIRECTORY=${SOURCE_DIR}" "-DPROGRAMS=core hash everything"
        -DSKYUTIL_WITH_HASH=ON -DSKYUTIL_WITH_ASIO=ON)
    build_and_run(core hash everything)

elseif(SCENARIO STREQUAL "fetch_content")
    configure("${consumer}" "-DFETCH=${SOURCE_DIR}" -DCOMPONENTS=core -DPROGRAMS=core
        "-DABSENT=skyutil::hash skyutil::asio skyutil_warnings" ${hide_cryptopp} ${hide_boost})
    build_and_run(core)

elseif(SCENARIO STREQUAL "subdirectory_asked")
    # What is linked and was not made is CMake's error; the line above it names the option.
    configure("${consumer}" "-DSUBDIRECTORY=${SOURCE_DIR}" -DPROGRAMS=hash)
    must_say("Without skyutil::hash: to make it, set SKYUTIL_WITH_HASH to ON before skyutil is added")
    must_say("Without skyutil::hash_openssl: to make it, set SKYUTIL_WITH_HASH and SKYUTIL_WITH_HASH_OPENSSL to ON")
    must_say("Without skyutil::asio: to make it, set SKYUTIL_WITH_ASIO to ON")

elseif(SCENARIO STREQUAL "subdirectory_exported")
    configure("${consumer}" "-DSUBDIRECTORY=${SOURCE_DIR}" -DEXPORTED=ON)
    must_say("to export a library that links skyutil, set SKYUTIL_INSTALL to ON before skyutil is added")
    configure("${consumer}" "-DSUBDIRECTORY=${SOURCE_DIR}" -DEXPORTED=ON -DSKYUTIL_INSTALL=ON
        "-DCMAKE_INSTALL_PREFIX=${build}/prefix")
    build_and_run()
    must_work("installing" "${CMAKE_COMMAND}" --install "${build}" --config "${CONFIG}")
    if(NOT EXISTS "${build}/prefix/lib/exported.cmake" OR output MATCHES "SKYUTIL_INSTALL")
        message(FATAL_ERROR "not exported with SKYUTIL_INSTALL=ON: ${output}")
    endif()
    # Without the component of skyutil the project installs its own files.
    must_work("installing the rest" "${CMAKE_COMMAND}" --install "${build}" --config "${CONFIG}"
        --component Unspecified --prefix "${build}/rest")
    if(NOT EXISTS "${build}/rest/lib/exported.cmake" OR EXISTS "${build}/rest/include" OR EXISTS "${build}/rest/share")
        message(FATAL_ERROR "skyutil is not a component of its own: ${output}")
    endif()

elseif(SCENARIO STREQUAL "fetch_content_asked")
    configure("${consumer}" "-DFETCH=${SOURCE_DIR}" "-DCOMPONENTS=core hash" -DPROGRAMS=hash)
    must_say("skyutil was added without skyutil::hash: to make it, set SKYUTIL_WITH_HASH to ON before FetchContent_MakeAvailable(skyutil);")
    configure("${consumer}" "-DFETCH=${SOURCE_DIR}" "-DCOMPONENTS=core strings" -DPROGRAMS=core)
    must_say("skyutil has no component \"strings\"; there are core, hash, hash_openssl and asio.")

elseif(SCENARIO STREQUAL "installed_asked")
    # Installed with nothing but core.
    configure("${SOURCE_DIR}" -DSKYUTIL_BUILD_TESTS=OFF -DSKYUTIL_BUILD_EXAMPLES=OFF -DSKYUTIL_BUILD_BENCHMARKS=OFF
        -DSKYUTIL_WITH_HASH=OFF -DSKYUTIL_WITH_HASH_OPENSSL=OFF -DSKYUTIL_WITH_ASIO=OFF)
    build_and_run()
    set(prefix "${WORK_DIR}/core_only")
    must_work("installing" "${CMAKE_COMMAND}" --install "${build}" --config "${CONFIG}" --prefix "${prefix}")
    foreach(wanted "hash|SKYUTIL_WITH_HASH" "hash_openssl|SKYUTIL_WITH_HASH and SKYUTIL_WITH_HASH_OPENSSL"
            "asio|SKYUTIL_WITH_ASIO")
        string(REGEX MATCH "^([a-z_]+)\\|(.*)$" _ "${wanted}")
        set(component ${CMAKE_MATCH_1})
        set(options "${CMAKE_MATCH_2}")
        configure("${consumer}" "-DCOMPONENTS=core ${component}" -DPROGRAMS=core)
        must_say("installed without skyutil::${component}: to make it, set ${options} to ON where skyutil is configured")
    endforeach()

elseif(SCENARIO STREQUAL "fetch_content_all")
    configure("${consumer}" "-DFETCH=${SOURCE_DIR}" "-DCOMPONENTS=core hash asio" -DPROGRAMS=hash
        -DSKYUTIL_WITH_HASH=ON -DSKYUTIL_WITH_ASIO=ON)
    build_and_run(hash)

elseif(SCENARIO STREQUAL "configurations")
    if(NOT GENERATOR MATCHES "Ninja")
        message("skipped: the generator of this build is ${GENERATOR}")
        return()
    endif()
    set(GENERATOR "Ninja Multi-Config")
    configure("${consumer}" -DCOMPONENTS=hash -DPROGRAMS=hash)
    build_and_run_as(Debug hash)
    build_and_run_as(RelWithDebInfo hash)

elseif(SCENARIO STREQUAL "absolute")
    # As distributions that give each kind of file a prefix of its own do. CMake takes none below the sources.
    string(MD5 place "${WORK_DIR}")
    set(place "/tmp/skyutil-package-${place}")
    if(DEFINED ENV{TMPDIR})
        string(REGEX REPLACE "^/tmp" "$ENV{TMPDIR}" place "${place}")
    endif()
    file(REMOVE_RECURSE "${place}")
    configure("${SOURCE_DIR}" -DSKYUTIL_BUILD_TESTS=OFF -DSKYUTIL_BUILD_EXAMPLES=OFF -DSKYUTIL_BUILD_BENCHMARKS=OFF
        "-DCMAKE_INSTALL_PREFIX=${place}/prefix"
        "-DCMAKE_INSTALL_INCLUDEDIR=${place}/dev/headers" "-DCMAKE_INSTALL_DATADIR=${place}/dev/data")
    build_and_run()
    must_work("installing" "${CMAKE_COMMAND}" --install "${build}" --config "${CONFIG}")
    if(EXISTS "${place}/prefix" OR NOT EXISTS "${place}/dev/headers/skyutil/files.hpp")
        message(FATAL_ERROR "not installed where it was to be")
    endif()
    set(prefix "${place}/dev/data")
    if(pkg_config)
        set(ENV{PKG_CONFIG_PATH} "${prefix}/pkgconfig")
        with_pkg_config(core skyutil)
    endif()
    configure("${consumer}" "-Dskyutil_DIR=${prefix}/cmake/skyutil" -DCOMPONENTS=hash -DPROGRAMS=hash)
    build_and_run(hash)
    file(REMOVE_RECURSE "${place}")

elseif(SCENARIO STREQUAL "archives")
    find_program(dpkg_deb dpkg-deb)
    if(NOT dpkg_deb)
        message("skipped: dpkg-deb is not on this machine")
        return()
    endif()
    configure("${SOURCE_DIR}" -DSKYUTIL_BUILD_TESTS=OFF -DSKYUTIL_BUILD_EXAMPLES=OFF -DSKYUTIL_BUILD_BENCHMARKS=OFF)
    build_and_run()
    set(archives "${WORK_DIR}/archives_unpacked")
    file(REMOVE_RECURSE "${archives}")
    must_work("installing the component" "${CMAKE_COMMAND}" --install "${build}" --config "${CONFIG}"
        --component skyutil_Development --prefix "${archives}/component")
    cmake_path(GET CMAKE_COMMAND PARENT_PATH programs)
    foreach(format TGZ DEB)
        must_work("cpack -G ${format}" "${programs}/cpack" --config "${build}/CPackConfig.cmake" -G ${format} -C "${CONFIG}"
            -B "${archives}/${format}")
    endforeach()
    file(GLOB tgz "${archives}/TGZ/skyutil-*.tar.gz")
    file(GLOB deb "${archives}/DEB/libskyutil-dev_*_all.deb")
    file(ARCHIVE_EXTRACT INPUT "${tgz}" DESTINATION "${archives}/unpacked")
    must_work("dpkg-deb" "${dpkg_deb}" -x "${deb}" "${archives}/root")
    must_work("dpkg-deb" "${dpkg_deb}" -f "${deb}" Package Section Depends)
    if(NOT output STREQUAL "Package: libskyutil-dev\nSection: libdevel")
        message(FATAL_ERROR "the DEB says ${output}")
    endif()
    file(GLOB unpacked "${archives}/unpacked/skyutil-*")
    file(GLOB_RECURSE wanted RELATIVE "${archives}/component" "${archives}/component/*")
    if(NOT "include/skyutil/strings.hpp" IN_LIST wanted OR NOT "share/cmake/skyutil/skyutil-config.cmake" IN_LIST wanted)
        message(FATAL_ERROR "The component skyutil_Development has ${wanted}")
    endif()
    foreach(tree "${unpacked}" "${archives}/root/usr")
        file(GLOB_RECURSE files RELATIVE "${tree}" "${tree}/*")
        if(NOT files STREQUAL wanted)
            message(FATAL_ERROR "${tree} has ${files}, skyutil_Development ${wanted}")
        endif()
    endforeach()

    # One compiler takes the DEB, the other the archive.
    set(tree_of_g++ "${archives}/root/usr")
    set(tree_of_clang++-16 "${unpacked}")
    foreach(name g++ clang++-16)
        find_program(CXX_${name} ${name})
        if(NOT CXX_${name})
            message("without ${name}, which is not on this machine")
            continue()
        endif()
        set(CXX "${CXX_${name}}")
        set(CXX_FLAGS "")
        set(prefix "${tree_of_${name}}")
        configure("${consumer}" -DCOMPONENTS=core -DPROGRAMS=core)
        build_and_run(core)
    endforeach()

elseif(SCENARIO STREQUAL "pkg_config")
    if(NOT pkg_config)
        message("skipped: pkg-config is not on this machine")
        return()
    endif()
    set(ENV{PKG_CONFIG_PATH} "${prefix}/share/pkgconfig:$ENV{PKG_CONFIG_PATH}")
    file(REMOVE_RECURSE "${build}")
    file(MAKE_DIRECTORY "${build}")
    with_pkg_config(core skyutil)
    with_pkg_config(asio skyutil-asio)
    with_pkg_config(hash skyutil-hash)
    if(HASH_OPENSSL)
        with_pkg_config(hash_openssl skyutil-hash_openssl)
    endif()

elseif(SCENARIO STREQUAL "module")
    if(CMAKE_VERSION VERSION_LESS 3.28 OR NOT GENERATOR MATCHES "Ninja")
        message("skipped: CMake ${CMAKE_VERSION} with ${GENERATOR} builds no modules")
        return()
    endif()
    if(CXX_ID STREQUAL "GNU" AND CXX_VERSION VERSION_LESS 14)
        message("skipped: g++ ${CXX_VERSION} builds no modules")
        return()
    endif()
    configure("${consumer}" "-DSUBDIRECTORY=${SOURCE_DIR}" -DPROGRAMS=module -DSKYUTIL_BUILD_MODULE=ON)
    if(output MATCHES "compiler does not provide a way to discover the import graph")
        message("skipped: this compiler, or its clang-scan-deps, builds no modules")
        return()
    endif()
    build_and_run(module)

elseif(SCENARIO STREQUAL "build_without_cryptopp")
    configure("${SOURCE_DIR}" ${hide_cryptopp})
    must_say("skyutil::hash needs Crypto++, which was not found (Debian, Ubuntu: libcrypto++-dev;")
    must_say("configure with -DSKYUTIL_WITH_HASH=OFF.")

elseif(SCENARIO STREQUAL "readme")
    # The first block ```cpp is a whole program; the next block is ```text: what it prints, but for numbers and for what
    # limits the CPUs, which are those of the machine.
    file(READ "${SOURCE_DIR}/README.md" text)
    if(NOT text MATCHES "\n```cpp *\n(.*)$")
        message(FATAL_ERROR "README.md has no block that starts with the line ```cpp")
    endif()
    set(text "${CMAKE_MATCH_1}")
    string(FIND "${text}" "\n```" end)
    if(end EQUAL -1)
        message(FATAL_ERROR "The block ```cpp of README.md has no end")
    endif()
    string(SUBSTRING "${text}" 0 ${end} example)
    math(EXPR end "${end} + 4")
    string(SUBSTRING "${text}" ${end} -1 text)
    file(REMOVE_RECURSE "${WORK_DIR}/readme_source")
    file(WRITE "${WORK_DIR}/readme_source/example.cpp" "${example}\n")

    configure("${consumer}" "-DPROGRAMS=readme" "-DREADME=${WORK_DIR}/readme_source/example.cpp")
    build_and_run(readme)

    string(FIND "${text}" "\n```" next)
    if(next GREATER -1)
        string(SUBSTRING "${text}" ${next} -1 text)
    endif()
    if(NOT text MATCHES "^\n```text *\n(.*)$")
        message(FATAL_ERROR "README.md does not say in a block ```text what its example prints")
    endif()
    set(text "${CMAKE_MATCH_1}")
    string(FIND "${text}" "\n```" end)
    string(SUBSTRING "${text}" 0 ${end} expected)
    string(APPEND expected "\n")
    foreach(words expected output)
        string(REGEX REPLACE "[0-9]+(\\.[0-9]+)?" "N" masked_${words} "${${words}}")
        string(REGEX REPLACE "limited by the [^\n]+" "limited by the ..." masked_${words} "${masked_${words}}")
    endforeach()
    if(NOT masked_output STREQUAL masked_expected)
        message("README.md says the example prints\n${expected}\nbut it prints\n${output}")
        message(FATAL_ERROR "README.md and its example disagree")
    endif()

else()
    message(FATAL_ERROR "There is no scenario \"${SCENARIO}\"")
endif()
