# SPDX-License-Identifier: MIT
#
# Uses the library as other projects do: SCENARIO names how. The scenario "install" comes first: it
# installs the build BINARY_DIR and moves the result to WORK_DIR/moved, which the others use.

set(prefix "${WORK_DIR}/moved")
set(build "${WORK_DIR}/${SCENARIO}")
set(hide_cryptopp -D CMAKE_DISABLE_FIND_PACKAGE_cryptopp=ON)
set(hide_openssl -D CMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON)
set(hide_boost -D CMAKE_DISABLE_FIND_PACKAGE_Boost=ON)

# configure(<source directory> <argument>...) leaves result and output.
function(configure source)
    file(REMOVE_RECURSE "${build}")
    set(toolchain "")
    if(TOOLCHAIN)
        set(toolchain -D "CMAKE_TOOLCHAIN_FILE=${TOOLCHAIN}")
    endif()
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -S "${source}" -B "${build}" -G "${GENERATOR}"
            -D "CMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" -D "CMAKE_CXX_COMPILER=${CXX}"
            -D "CMAKE_CXX_FLAGS=${CXX_FLAGS} -Wall -Wextra -Wconversion -Wshadow -Werror"
            -D "CMAKE_BUILD_TYPE=${CONFIG}" -D "CMAKE_PREFIX_PATH=${prefix}" ${toolchain} ${ARGN}
        ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
    set(output "${output}" PARENT_SCOPE)
    set(result "${result}" PARENT_SCOPE)
endfunction()

# build_and_run(<program>...) builds what configure() configured; leaves the last program's output.
function(build_and_run)
    if(NOT result EQUAL 0)
        message("${output}")
        message(FATAL_ERROR "configuring ${build} failed")
    endif()
    execute_process(COMMAND "${CMAKE_COMMAND}" --build "${build}" --config "${CONFIG}"
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

set(consumer "${SOURCE_DIR}/tests/consumer")

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

    # Every header is installed, and nothing names where it came from.
    file(GLOB_RECURSE wanted RELATIVE "${SOURCE_DIR}" "${SOURCE_DIR}/include/*.hpp")
    file(GLOB openssl_targets "${prefix}/*/cmake/skyutil/skyutil-hash_openssl-targets.cmake")
    if(NOT openssl_targets)  # built where there is no OpenSSL
        list(REMOVE_ITEM wanted include/skyutil/hash_openssl.hpp)
    endif()
    foreach(header IN LISTS wanted)
        if(NOT EXISTS "${prefix}/${header}")
            message(FATAL_ERROR "${header} is not installed")
        endif()
    endforeach()
    file(GLOB_RECURSE installed "${prefix}/*")
    foreach(file IN LISTS installed)
        file(READ "${file}" text)
        foreach(path "${SOURCE_DIR}" "${BINARY_DIR}" "${WORK_DIR}")
            string(FIND "${text}" "${path}" position)
            if(NOT position EQUAL -1)
                message(FATAL_ERROR "${file} names ${path}")
            endif()
        endforeach()
    endforeach()

elseif(SCENARIO STREQUAL "found")
    configure("${consumer}" "-DCOMPONENTS=core hash subprocess" "-DPROGRAMS=core hash subprocess")
    build_and_run(core hash subprocess)

elseif(SCENARIO STREQUAL "everything")
    configure("${consumer}" "-DPROGRAMS=core hash everything")
    build_and_run(core hash everything)

elseif(SCENARIO STREQUAL "core_alone")
    configure("${consumer}" -DCOMPONENTS=core -DPROGRAMS=core -DABSENT=skyutil::hash
        ${hide_cryptopp} ${hide_boost})
    build_and_run(core)

elseif(SCENARIO STREQUAL "optional")
    configure("${consumer}" -DPROGRAMS=core "-DABSENT=skyutil::hash skyutil::hash_openssl skyutil::subprocess"
        ${hide_cryptopp} ${hide_boost})
    build_and_run(core)

elseif(SCENARIO STREQUAL "hash_missing")
    configure("${consumer}" "-DCOMPONENTS=core hash" -DPROGRAMS=core ${hide_cryptopp})
    must_say("skyutil::hash needs Crypto++, which was not found (Debian, Ubuntu: libcrypto++-dev;")

elseif(SCENARIO STREQUAL "hash_openssl")
    configure("${consumer}" "-DCOMPONENTS=hash_openssl" "-DPROGRAMS=hash hash_openssl"
        -DABSENT=skyutil::subprocess ${hide_boost})
    build_and_run(hash hash_openssl)

elseif(SCENARIO STREQUAL "hash_openssl_missing")
    # Installed without it, or without OpenSSL where it is used.
    configure("${consumer}" "-DCOMPONENTS=core hash_openssl" -DPROGRAMS=core ${hide_openssl})
    must_say("skyutil::hash_openssl")

elseif(SCENARIO STREQUAL "subprocess_missing")
    configure("${consumer}" "-DCOMPONENTS=core subprocess" -DPROGRAMS=core ${hide_boost})
    must_say("skyutil::subprocess needs Boost 1.81 or newer, which was not found (Debian, Ubuntu: libboost-dev")

elseif(SCENARIO STREQUAL "unknown")
    configure("${consumer}" "-DCOMPONENTS=core strings" -DPROGRAMS=core)
    must_say("skyutil has no component \"strings\"; there are core, hash, hash_openssl and subprocess.")

elseif(SCENARIO STREQUAL "other_version")
    configure("${consumer}" -DVERSION=0.0.1 -DPROGRAMS=core)
    must_say("compatible with requested version \"0.0.1\"")

elseif(SCENARIO STREQUAL "subdirectory")
    configure("${consumer}" "-DSUBDIRECTORY=${SOURCE_DIR}" -DPROGRAMS=core
        "-DABSENT=skyutil::hash skyutil::subprocess skyutil_warnings"
        ${hide_cryptopp} ${hide_boost})
    build_and_run(core)

elseif(SCENARIO STREQUAL "subdirectory_all")
    configure("${consumer}" "-DSUBDIRECTORY=${SOURCE_DIR}" "-DPROGRAMS=core hash everything"
        -DSKYUTIL_WITH_HASH=ON -DSKYUTIL_WITH_SUBPROCESS=ON)
    build_and_run(core hash everything)

elseif(SCENARIO STREQUAL "build_without_cryptopp")
    configure("${SOURCE_DIR}" ${hide_cryptopp})
    must_say("skyutil::hash needs Crypto++, which was not found (Debian, Ubuntu: libcrypto++-dev;")
    must_say("configure with -DSKYUTIL_WITH_HASH=OFF.")

elseif(SCENARIO STREQUAL "readme")
    # The first block ```cpp is a whole program; a block ```text next after it is what it prints.
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
    if(text MATCHES "^\n```text *\n(.*)$")
        set(text "${CMAKE_MATCH_1}")
        string(FIND "${text}" "\n```" end)
        string(SUBSTRING "${text}" 0 ${end} expected)
        if(NOT output STREQUAL "${expected}\n")
            message("README.md says the example prints\n${expected}\nbut it prints\n${output}")
            message(FATAL_ERROR "README.md and its example disagree")
        endif()
    endif()

else()
    message(FATAL_ERROR "There is no scenario \"${SCENARIO}\"")
endif()
