// SPDX-License-Identifier: MIT
//
// detail/os/windows/pipes.hpp: what detail/os/pipes.hpp declares, on Windows. CreatePipe() makes
// none that can be waited for, so a pipe is a named one, whose name nobody can guess. It has one
// instance: who finds the name all the same is refused, or takes the place of the other end, and
// then the pipe is given up for another.
//
// Sources: "Named Pipes", CreateNamedPipeW, CreateFileW and DuplicateHandle of Microsoft's
// reference.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/windows/api/programs.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {

/// The handle that a call returned; none, and why, if it returned INVALID_HANDLE_VALUE.
inline handle opened(handle returned, std::error_code& error) noexcept {
    if (reinterpret_cast<std::intptr_t>(returned) == -1) {
        error = last_error();
        return no_handle;
    }
    return returned;
}

inline constexpr unsigned long pipe_buffer_size = 1UL << 16;

struct pipe_name {
    std::array<wchar_t, 64> text{};
};

/// A name of 128 random bits.
inline pipe_name new_pipe_name(std::error_code& error) noexcept {
    std::array<unsigned char, 16> bytes{};
    random_bytes(bytes, error);
    constexpr std::wstring_view start = L"\\\\.\\pipe\\skyutil-";
    pipe_name name;
    wchar_t* end = name.text.data() + start.copy(name.text.data(), start.size());
    for (const unsigned char byte : bytes) {
        *end++ = L"0123456789abcdef"[byte >> 4];
        *end++ = L"0123456789abcdef"[byte & 0xf];
    }
    return name;
}

/// The end of a new pipe that is read from.
inline handle make_pipe(const pipe_name& name, pipe_use use, std::error_code& error) noexcept {
    constexpr unsigned long inbound = 0x1;           // PIPE_ACCESS_INBOUND
    constexpr unsigned long first = 0x80000;         // FILE_FLAG_FIRST_PIPE_INSTANCE
    constexpr unsigned long overlapped = 1UL << 30;  // FILE_FLAG_OVERLAPPED
    constexpr unsigned long bytes_from_here = 0x8;   // PIPE_TYPE_BYTE | PIPE_REJECT_REMOTE_CLIENTS
    return opened(CreateNamedPipeW(
                      name.text.data(), inbound | first | (use == pipe_use::loop ? overlapped : 0),
                      bytes_from_here, 1, pipe_buffer_size, pipe_buffer_size, 0, nullptr),
                  error);
}

/// The end of a pipe that is written to.
inline handle join_pipe(const pipe_name& name, pipe_use use, std::error_code& error) noexcept {
    constexpr unsigned long overlapped = 1UL << 30;  // FILE_FLAG_OVERLAPPED
    return opened(
        CreateFileW(name.text.data(), access::file_generic_write | access::file_read_attributes, 0,
                    nullptr, open_existing, as_nobody | (use == pipe_use::loop ? overlapped : 0),
                    nullptr),
        error);
}

}  // namespace sys

inline pipe_ends open_pipe(pipe_use reading, pipe_use writing, std::error_code& error) noexcept {
    std::error_code failed;
    for (int tries = 3; tries != 0; --tries) {
        failed.clear();
        const sys::pipe_name name = sys::new_pipe_name(failed);
        unique_fd read(failed ? no_handle : sys::make_pipe(name, reading, failed));
        unique_fd write(failed ? no_handle : sys::join_pipe(name, writing, failed));
        if (!failed) {
            return {read.release(), write.release()};
        }
    }
    error = failed;
    return {};
}

/// What a pipe is for is said when it is made.
inline void use_in_loop(native_handle, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline native_handle open_null(std::error_code& error) noexcept {
    constexpr unsigned long write = 1UL << 30;  // GENERIC_WRITE
    return sys::opened(sys::CreateFileW(L"NUL", sys::access::generic_read | write, sys::share_all,
                                        nullptr, sys::open_existing, 0, nullptr),
                       error);
}

namespace sys {

inline handle open_named(const path_text& name, unsigned long rights, unsigned long how,
                         std::error_code& error) noexcept {
    if (name.find(L'\0') != path_text::npos) {
        error = make_error(std::errc::invalid_argument);
        return no_handle;
    }
    constexpr unsigned long no_special = 0x80;  // FILE_ATTRIBUTE_NORMAL
    path_buffer buffer;
    return opened(CreateFileW(extended(name, buffer), rights, share_all, nullptr, how,
                              no_special | as_nobody, nullptr),
                  error);
}

}  // namespace sys

inline native_handle open_output(const path_text& name, output_start start, unsigned,
                                 std::error_code& error) noexcept {
    constexpr unsigned long append = 0x4;       // FILE_APPEND_DATA
    constexpr unsigned long write = 1UL << 30;  // GENERIC_WRITE
    constexpr unsigned long create_always = 2;  // CREATE_ALWAYS
    constexpr unsigned long open_always = 4;    // OPEN_ALWAYS
    constexpr unsigned long attributes =
        sys::access::file_read_attributes | sys::access::synchronize;
    return start == output_start::append
               ? sys::open_named(name, append | attributes, open_always, error)
               : sys::open_named(name, write | attributes, create_always, error);
}

inline native_handle open_input(const path_text& name, std::error_code& error) noexcept {
    return sys::open_named(name, sys::access::generic_read, sys::open_existing, error);
}

inline native_handle duplicate(native_handle handle, std::error_code& error) noexcept {
    constexpr unsigned long same_access = 0x2;  // DUPLICATE_SAME_ACCESS
    sys::handle copy = no_handle;
    const sys::handle self = sys::this_process();
    if (sys::DuplicateHandle(self, handle, self, &copy, 0, 0, same_access) == 0) {
        error = last_error();
    }
    return copy;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
