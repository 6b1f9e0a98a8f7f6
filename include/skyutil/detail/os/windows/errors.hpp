// SPDX-License-Identifier: MIT
//
// detail/os/windows/errors.hpp: what the numbers of errors mean: those of GetLastError() and of
// WSAGetLastError(), which do not overlap.
//
// std::system_category() cannot be asked: libstdc++, libc++ and Microsoft's library each say
// something else of the same number, and libc++ takes it for an errno. A number that std::errc has
// nothing for keeps its own text.
//
// Sources: "System Error Codes" and "Windows Sockets Error Codes" of Microsoft's reference.

#pragma once

#include <skyutil/version.hpp>

#include <algorithm>
#include <iterator>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

struct meaning {
    unsigned long number;
    std::errc code;
};

/// In the order of the numbers.
inline constexpr meaning meanings[] = {
    {1, std::errc::function_not_supported},              // ERROR_INVALID_FUNCTION
    {2, std::errc::no_such_file_or_directory},           // ERROR_FILE_NOT_FOUND
    {3, std::errc::no_such_file_or_directory},           // ERROR_PATH_NOT_FOUND
    {4, std::errc::too_many_files_open},                 // ERROR_TOO_MANY_OPEN_FILES
    {5, std::errc::permission_denied},                   // ERROR_ACCESS_DENIED
    {6, std::errc::bad_file_descriptor},                 // ERROR_INVALID_HANDLE
    {8, std::errc::not_enough_memory},                   // ERROR_NOT_ENOUGH_MEMORY
    {12, std::errc::permission_denied},                  // ERROR_INVALID_ACCESS
    {14, std::errc::not_enough_memory},                  // ERROR_OUTOFMEMORY
    {15, std::errc::no_such_device},                     // ERROR_INVALID_DRIVE
    {16, std::errc::device_or_resource_busy},            // ERROR_CURRENT_DIRECTORY
    {17, std::errc::cross_device_link},                  // ERROR_NOT_SAME_DEVICE
    {19, std::errc::read_only_file_system},              // ERROR_WRITE_PROTECT
    {20, std::errc::no_such_device},                     // ERROR_BAD_UNIT
    {21, std::errc::resource_unavailable_try_again},     // ERROR_NOT_READY
    {23, std::errc::io_error},                           // ERROR_CRC
    {25, std::errc::io_error},                           // ERROR_SEEK
    {27, std::errc::io_error},                           // ERROR_SECTOR_NOT_FOUND
    {29, std::errc::io_error},                           // ERROR_WRITE_FAULT
    {30, std::errc::io_error},                           // ERROR_READ_FAULT
    {31, std::errc::io_error},                           // ERROR_GEN_FAILURE
    {32, std::errc::device_or_resource_busy},            // ERROR_SHARING_VIOLATION
    {33, std::errc::device_or_resource_busy},            // ERROR_LOCK_VIOLATION
    {39, std::errc::no_space_on_device},                 // ERROR_HANDLE_DISK_FULL
    {50, std::errc::operation_not_supported},            // ERROR_NOT_SUPPORTED
    {53, std::errc::no_such_file_or_directory},          // ERROR_BAD_NETPATH
    {65, std::errc::permission_denied},                  // ERROR_NETWORK_ACCESS_DENIED
    {67, std::errc::no_such_file_or_directory},          // ERROR_BAD_NET_NAME
    {80, std::errc::file_exists},                        // ERROR_FILE_EXISTS
    {82, std::errc::permission_denied},                  // ERROR_CANNOT_MAKE
    {87, std::errc::invalid_argument},                   // ERROR_INVALID_PARAMETER
    {109, std::errc::broken_pipe},                       // ERROR_BROKEN_PIPE
    {110, std::errc::io_error},                          // ERROR_OPEN_FAILED
    {111, std::errc::filename_too_long},                 // ERROR_BUFFER_OVERFLOW
    {112, std::errc::no_space_on_device},                // ERROR_DISK_FULL
    {120, std::errc::function_not_supported},            // ERROR_CALL_NOT_IMPLEMENTED
    {121, std::errc::timed_out},                         // ERROR_SEM_TIMEOUT
    {123, std::errc::no_such_file_or_directory},         // ERROR_INVALID_NAME
    {127, std::errc::function_not_supported},            // ERROR_PROC_NOT_FOUND
    {131, std::errc::invalid_argument},                  // ERROR_NEGATIVE_SEEK
    {142, std::errc::device_or_resource_busy},           // ERROR_BUSY_DRIVE
    {145, std::errc::directory_not_empty},               // ERROR_DIR_NOT_EMPTY
    {148, std::errc::device_or_resource_busy},           // ERROR_PATH_BUSY
    {161, std::errc::no_such_file_or_directory},         // ERROR_BAD_PATHNAME
    {164, std::errc::resource_unavailable_try_again},    // ERROR_MAX_THRDS_REACHED
    {167, std::errc::no_lock_available},                 // ERROR_LOCK_FAILED
    {170, std::errc::device_or_resource_busy},           // ERROR_BUSY
    {183, std::errc::file_exists},                       // ERROR_ALREADY_EXISTS
    {193, std::errc::executable_format_error},           // ERROR_BAD_EXE_FORMAT
    {206, std::errc::filename_too_long},                 // ERROR_FILENAME_EXCED_RANGE
    {223, std::errc::file_too_large},                    // ERROR_FILE_TOO_LARGE
    {231, std::errc::device_or_resource_busy},           // ERROR_PIPE_BUSY
    {232, std::errc::broken_pipe},                       // ERROR_NO_DATA
    {233, std::errc::broken_pipe},                       // ERROR_PIPE_NOT_CONNECTED
    {258, std::errc::timed_out},                         // WAIT_TIMEOUT
    {267, std::errc::not_a_directory},                   // ERROR_DIRECTORY
    {303, std::errc::device_or_resource_busy},           // ERROR_DELETE_PENDING
    {336, std::errc::is_a_directory},                    // ERROR_DIRECTORY_NOT_SUPPORTED
    {487, std::errc::bad_address},                       // ERROR_INVALID_ADDRESS
    {740, std::errc::operation_not_permitted},           // ERROR_ELEVATION_REQUIRED
    {995, std::errc::operation_canceled},                // ERROR_OPERATION_ABORTED
    {997, std::errc::operation_in_progress},             // ERROR_IO_PENDING
    {998, std::errc::bad_address},                       // ERROR_NOACCESS
    {1117, std::errc::io_error},                         // ERROR_IO_DEVICE
    {1131, std::errc::resource_deadlock_would_occur},    // ERROR_POSSIBLE_DEADLOCK
    {1142, std::errc::too_many_links},                   // ERROR_TOO_MANY_LINKS
    {1223, std::errc::operation_canceled},               // ERROR_CANCELLED
    {1224, std::errc::device_or_resource_busy},          // ERROR_USER_MAPPED_FILE
    {1225, std::errc::connection_refused},               // ERROR_CONNECTION_REFUSED
    {1227, std::errc::address_in_use},                   // ERROR_ADDRESS_ALREADY_ASSOCIATED
    {1231, std::errc::network_unreachable},              // ERROR_NETWORK_UNREACHABLE
    {1232, std::errc::host_unreachable},                 // ERROR_HOST_UNREACHABLE
    {1234, std::errc::connection_refused},               // ERROR_PORT_UNREACHABLE
    {1236, std::errc::connection_aborted},               // ERROR_CONNECTION_ABORTED
    {1314, std::errc::operation_not_permitted},          // ERROR_PRIVILEGE_NOT_HELD
    {1392, std::errc::io_error},                         // ERROR_FILE_CORRUPT
    {1393, std::errc::io_error},                         // ERROR_DISK_CORRUPT
    {1450, std::errc::not_enough_memory},                // ERROR_NO_SYSTEM_RESOURCES
    {1453, std::errc::not_enough_memory},                // ERROR_WORKING_SET_QUOTA
    {1455, std::errc::not_enough_memory},                // ERROR_COMMITMENT_LIMIT
    {1460, std::errc::timed_out},                        // ERROR_TIMEOUT
    {1464, std::errc::operation_not_supported},          // ERROR_SYMLINK_NOT_SUPPORTED
    {1816, std::errc::not_enough_memory},                // ERROR_NOT_ENOUGH_QUOTA
    {1921, std::errc::too_many_symbolic_link_levels},    // ERROR_CANT_RESOLVE_FILENAME
    {4390, std::errc::invalid_argument},                 // ERROR_NOT_A_REPARSE_POINT
    {10004, std::errc::interrupted},                     // WSAEINTR
    {10009, std::errc::bad_file_descriptor},             // WSAEBADF
    {10013, std::errc::permission_denied},               // WSAEACCES
    {10014, std::errc::bad_address},                     // WSAEFAULT
    {10022, std::errc::invalid_argument},                // WSAEINVAL
    {10024, std::errc::too_many_files_open},             // WSAEMFILE
    {10035, std::errc::operation_would_block},           // WSAEWOULDBLOCK
    {10036, std::errc::operation_in_progress},           // WSAEINPROGRESS
    {10037, std::errc::connection_already_in_progress},  // WSAEALREADY
    {10038, std::errc::not_a_socket},                    // WSAENOTSOCK
    {10039, std::errc::destination_address_required},    // WSAEDESTADDRREQ
    {10040, std::errc::message_size},                    // WSAEMSGSIZE
    {10041, std::errc::wrong_protocol_type},             // WSAEPROTOTYPE
    {10042, std::errc::no_protocol_option},              // WSAENOPROTOOPT
    {10043, std::errc::protocol_not_supported},          // WSAEPROTONOSUPPORT
    {10045, std::errc::operation_not_supported},         // WSAEOPNOTSUPP
    {10047, std::errc::address_family_not_supported},    // WSAEAFNOSUPPORT
    {10048, std::errc::address_in_use},                  // WSAEADDRINUSE
    {10049, std::errc::address_not_available},           // WSAEADDRNOTAVAIL
    {10050, std::errc::network_down},                    // WSAENETDOWN
    {10051, std::errc::network_unreachable},             // WSAENETUNREACH
    {10052, std::errc::network_reset},                   // WSAENETRESET
    {10053, std::errc::connection_aborted},              // WSAECONNABORTED
    {10054, std::errc::connection_reset},                // WSAECONNRESET
    {10055, std::errc::no_buffer_space},                 // WSAENOBUFS
    {10056, std::errc::already_connected},               // WSAEISCONN
    {10057, std::errc::not_connected},                   // WSAENOTCONN
    {10060, std::errc::timed_out},                       // WSAETIMEDOUT
    {10061, std::errc::connection_refused},              // WSAECONNREFUSED
    {10062, std::errc::too_many_symbolic_link_levels},   // WSAELOOP
    {10063, std::errc::filename_too_long},               // WSAENAMETOOLONG
    {10065, std::errc::host_unreachable},                // WSAEHOSTUNREACH
    {10066, std::errc::directory_not_empty},             // WSAENOTEMPTY
};

/// An error by its number.
inline std::error_code error_of(unsigned long number) noexcept {
    const meaning* const found = std::lower_bound(
        std::begin(meanings), std::end(meanings), number,
        [](const meaning& entry, unsigned long wanted) { return entry.number < wanted; });
    if (found != std::end(meanings) && found->number == number) {
        return std::make_error_code(found->code);
    }
    return {static_cast<int>(number), std::system_category()};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
