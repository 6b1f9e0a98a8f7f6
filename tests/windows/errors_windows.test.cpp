// SPDX-License-Identifier: MIT
//
// What the errors of Windows mean, under the names that <windows.h> and <winsock2.h> have for them.

#include <skyutil/detail/os/base.hpp>

#include <iterator>
#include <system_error>

#include <winsock2.h>
// After it.
#include <windows.h>

#include "catch.hpp"

// Not in the headers of mingw-w64 10.
#if !defined(ERROR_DIRECTORY_NOT_SUPPORTED)
#define ERROR_DIRECTORY_NOT_SUPPORTED 336
#endif
#if !defined(ERROR_ELEVATION_REQUIRED)
#define ERROR_ELEVATION_REQUIRED 740
#endif

namespace os = skyutil::detail::os;

namespace {

struct row {
    unsigned long number;
    std::errc code;
};

constexpr row rows[] = {
    {ERROR_INVALID_FUNCTION, std::errc::function_not_supported},
    {ERROR_FILE_NOT_FOUND, std::errc::no_such_file_or_directory},
    {ERROR_PATH_NOT_FOUND, std::errc::no_such_file_or_directory},
    {ERROR_TOO_MANY_OPEN_FILES, std::errc::too_many_files_open},
    {ERROR_ACCESS_DENIED, std::errc::permission_denied},
    {ERROR_INVALID_HANDLE, std::errc::bad_file_descriptor},
    {ERROR_NOT_ENOUGH_MEMORY, std::errc::not_enough_memory},
    {ERROR_INVALID_ACCESS, std::errc::permission_denied},
    {ERROR_OUTOFMEMORY, std::errc::not_enough_memory},
    {ERROR_INVALID_DRIVE, std::errc::no_such_device},
    {ERROR_CURRENT_DIRECTORY, std::errc::device_or_resource_busy},
    {ERROR_NOT_SAME_DEVICE, std::errc::cross_device_link},
    {ERROR_WRITE_PROTECT, std::errc::read_only_file_system},
    {ERROR_BAD_UNIT, std::errc::no_such_device},
    {ERROR_NOT_READY, std::errc::resource_unavailable_try_again},
    {ERROR_CRC, std::errc::io_error},
    {ERROR_SEEK, std::errc::io_error},
    {ERROR_SECTOR_NOT_FOUND, std::errc::io_error},
    {ERROR_WRITE_FAULT, std::errc::io_error},
    {ERROR_READ_FAULT, std::errc::io_error},
    {ERROR_GEN_FAILURE, std::errc::io_error},
    {ERROR_SHARING_VIOLATION, std::errc::device_or_resource_busy},
    {ERROR_LOCK_VIOLATION, std::errc::device_or_resource_busy},
    {ERROR_HANDLE_DISK_FULL, std::errc::no_space_on_device},
    {ERROR_NOT_SUPPORTED, std::errc::operation_not_supported},
    {ERROR_BAD_NETPATH, std::errc::no_such_file_or_directory},
    {ERROR_NETWORK_ACCESS_DENIED, std::errc::permission_denied},
    {ERROR_BAD_NET_NAME, std::errc::no_such_file_or_directory},
    {ERROR_FILE_EXISTS, std::errc::file_exists},
    {ERROR_CANNOT_MAKE, std::errc::permission_denied},
    {ERROR_INVALID_PARAMETER, std::errc::invalid_argument},
    {ERROR_BROKEN_PIPE, std::errc::broken_pipe},
    {ERROR_OPEN_FAILED, std::errc::io_error},
    {ERROR_BUFFER_OVERFLOW, std::errc::filename_too_long},
    {ERROR_DISK_FULL, std::errc::no_space_on_device},
    {ERROR_CALL_NOT_IMPLEMENTED, std::errc::function_not_supported},
    {ERROR_SEM_TIMEOUT, std::errc::timed_out},
    {ERROR_INVALID_NAME, std::errc::no_such_file_or_directory},
    {ERROR_PROC_NOT_FOUND, std::errc::function_not_supported},
    {ERROR_NEGATIVE_SEEK, std::errc::invalid_argument},
    {ERROR_BUSY_DRIVE, std::errc::device_or_resource_busy},
    {ERROR_DIR_NOT_EMPTY, std::errc::directory_not_empty},
    {ERROR_PATH_BUSY, std::errc::device_or_resource_busy},
    {ERROR_BAD_PATHNAME, std::errc::no_such_file_or_directory},
    {ERROR_MAX_THRDS_REACHED, std::errc::resource_unavailable_try_again},
    {ERROR_LOCK_FAILED, std::errc::no_lock_available},
    {ERROR_BUSY, std::errc::device_or_resource_busy},
    {ERROR_ALREADY_EXISTS, std::errc::file_exists},
    {ERROR_BAD_EXE_FORMAT, std::errc::executable_format_error},
    {ERROR_FILENAME_EXCED_RANGE, std::errc::filename_too_long},
    {ERROR_FILE_TOO_LARGE, std::errc::file_too_large},
    {ERROR_PIPE_BUSY, std::errc::device_or_resource_busy},
    {ERROR_NO_DATA, std::errc::broken_pipe},
    {ERROR_PIPE_NOT_CONNECTED, std::errc::broken_pipe},
    {WAIT_TIMEOUT, std::errc::timed_out},
    {ERROR_DIRECTORY, std::errc::not_a_directory},
    {ERROR_DELETE_PENDING, std::errc::device_or_resource_busy},
    {ERROR_DIRECTORY_NOT_SUPPORTED, std::errc::is_a_directory},
    {ERROR_INVALID_ADDRESS, std::errc::bad_address},
    {ERROR_ELEVATION_REQUIRED, std::errc::operation_not_permitted},
    {ERROR_OPERATION_ABORTED, std::errc::operation_canceled},
    {ERROR_IO_PENDING, std::errc::operation_in_progress},
    {ERROR_NOACCESS, std::errc::bad_address},
    {ERROR_IO_DEVICE, std::errc::io_error},
    {ERROR_POSSIBLE_DEADLOCK, std::errc::resource_deadlock_would_occur},
    {ERROR_TOO_MANY_LINKS, std::errc::too_many_links},
    {ERROR_CANCELLED, std::errc::operation_canceled},
    {ERROR_USER_MAPPED_FILE, std::errc::device_or_resource_busy},
    {ERROR_CONNECTION_REFUSED, std::errc::connection_refused},
    {ERROR_ADDRESS_ALREADY_ASSOCIATED, std::errc::address_in_use},
    {ERROR_NETWORK_UNREACHABLE, std::errc::network_unreachable},
    {ERROR_HOST_UNREACHABLE, std::errc::host_unreachable},
    {ERROR_PORT_UNREACHABLE, std::errc::connection_refused},
    {ERROR_CONNECTION_ABORTED, std::errc::connection_aborted},
    {ERROR_PRIVILEGE_NOT_HELD, std::errc::operation_not_permitted},
    {ERROR_FILE_CORRUPT, std::errc::io_error},
    {ERROR_DISK_CORRUPT, std::errc::io_error},
    {ERROR_NO_SYSTEM_RESOURCES, std::errc::not_enough_memory},
    {ERROR_WORKING_SET_QUOTA, std::errc::not_enough_memory},
    {ERROR_COMMITMENT_LIMIT, std::errc::not_enough_memory},
    {ERROR_TIMEOUT, std::errc::timed_out},
    {ERROR_SYMLINK_NOT_SUPPORTED, std::errc::operation_not_supported},
    {ERROR_NOT_ENOUGH_QUOTA, std::errc::not_enough_memory},
    {ERROR_CANT_RESOLVE_FILENAME, std::errc::too_many_symbolic_link_levels},
    {ERROR_NOT_A_REPARSE_POINT, std::errc::invalid_argument},
    {WSAEINTR, std::errc::interrupted},
    {WSAEBADF, std::errc::bad_file_descriptor},
    {WSAEACCES, std::errc::permission_denied},
    {WSAEFAULT, std::errc::bad_address},
    {WSAEINVAL, std::errc::invalid_argument},
    {WSAEMFILE, std::errc::too_many_files_open},
    {WSAEWOULDBLOCK, std::errc::operation_would_block},
    {WSAEINPROGRESS, std::errc::operation_in_progress},
    {WSAEALREADY, std::errc::connection_already_in_progress},
    {WSAENOTSOCK, std::errc::not_a_socket},
    {WSAEDESTADDRREQ, std::errc::destination_address_required},
    {WSAEMSGSIZE, std::errc::message_size},
    {WSAEPROTOTYPE, std::errc::wrong_protocol_type},
    {WSAENOPROTOOPT, std::errc::no_protocol_option},
    {WSAEPROTONOSUPPORT, std::errc::protocol_not_supported},
    {WSAEOPNOTSUPP, std::errc::operation_not_supported},
    {WSAEAFNOSUPPORT, std::errc::address_family_not_supported},
    {WSAEADDRINUSE, std::errc::address_in_use},
    {WSAEADDRNOTAVAIL, std::errc::address_not_available},
    {WSAENETDOWN, std::errc::network_down},
    {WSAENETUNREACH, std::errc::network_unreachable},
    {WSAENETRESET, std::errc::network_reset},
    {WSAECONNABORTED, std::errc::connection_aborted},
    {WSAECONNRESET, std::errc::connection_reset},
    {WSAENOBUFS, std::errc::no_buffer_space},
    {WSAEISCONN, std::errc::already_connected},
    {WSAENOTCONN, std::errc::not_connected},
    {WSAETIMEDOUT, std::errc::timed_out},
    {WSAECONNREFUSED, std::errc::connection_refused},
    {WSAELOOP, std::errc::too_many_symbolic_link_levels},
    {WSAENAMETOOLONG, std::errc::filename_too_long},
    {WSAEHOSTUNREACH, std::errc::host_unreachable},
    {WSAENOTEMPTY, std::errc::directory_not_empty},
};

}  // namespace

TEST_CASE("each error of the system is the generic error that it means") {
    CHECK(std::size(rows) == std::size(os::sys::meanings));
    for (const auto& [number, code] : rows) {
        INFO(number);
        ::SetLastError(number);
        CHECK(os::last_error() == std::make_error_code(code));
    }
}

TEST_CASE("an error that means nothing generic keeps its number and its text") {
    ::SetLastError(ERROR_INVALID_SERVICE_CONTROL);
    const std::error_code error = os::last_error();
    CHECK(error.category() == std::system_category());
    CHECK(error.value() == ERROR_INVALID_SERVICE_CONTROL);
    CHECK_FALSE(error.message().empty());
}
