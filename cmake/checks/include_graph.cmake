# SPDX-License-Identifier: MIT
#
# The compiler's own list of the files that SOURCE includes, system headers too, names nothing of
# Boost, Crypto++ or OpenSSL; with EXPECT (boost, cryptopp or openssl) it must name that library.

include("${COMPILER_FILE}")
list(TRANSFORM system_include PREPEND -isystem)

execute_process(
    COMMAND "${compiler}" ${flags} -M -x c++ -I "${include}" ${system_include} "${SOURCE}"
    ERROR_VARIABLE errors OUTPUT_VARIABLE files RESULT_VARIABLE result)
if(EXPECT AND NOT result EQUAL 0 AND errors MATCHES "No such file|not found")
    message("skipped: ${EXPECT} is not on this machine")
    return()
elseif(NOT result EQUAL 0)
    message("${errors}")
    message(FATAL_ERROR "listing the includes of ${SOURCE} failed")
endif()
cmake_path(GET SOURCE FILENAME name)
string(FIND "${files}" "/${name}" position)
if(position EQUAL -1)
    message("${files}")
    message(FATAL_ERROR "This is no list of the files of ${SOURCE}")
endif()

string(REGEX MATCHALL "[^ \n]*[/\\](boost|cryptopp|crypto\\+\\+|openssl)[/\\][^ \n]*" found "${files}")
if(EXPECT AND NOT found MATCHES "[/\\](${EXPECT})[/\\]")
    message("${files}")
    message(FATAL_ERROR "${SOURCE} includes ${EXPECT}, and the check does not notice")
elseif(found AND NOT EXPECT)
    list(JOIN found "\n  " found)
    message(FATAL_ERROR "${SOURCE} must not include\n  ${found}")
endif()
