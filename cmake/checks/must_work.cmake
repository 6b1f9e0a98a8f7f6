# SPDX-License-Identifier: MIT
#
# must_work(<what> <command> <argument>...): leaves the output, and ends the check unless the command
# succeeds.
function(must_work what)
    execute_process(COMMAND ${ARGN} ERROR_VARIABLE output OUTPUT_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message("${output}")
        message(FATAL_ERROR "${what} failed: ${result}")
    endif()
    string(STRIP "${output}" output)
    set(output "${output}" PARENT_SCOPE)
endfunction()
