// SPDX-License-Identifier: MIT
//
// Sources: CommandLineToArgvW, WriteConsoleW, "Console Virtual Terminal Sequences" of Microsoft's
// reference.

#include "system.hpp"

#include <skyutil/detail/os/windows/errors.hpp>
#include <skyutil/detail/os/windows/text.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <new>
#include <optional>
#include <stdexcept>
#include <streambuf>
#include <string_view>

#include <fcntl.h>
#include <io.h>

#include <windows.h>

#include <shellapi.h>

namespace program {

namespace {

namespace sys = skyutil::detail::os::sys;

std::error_code last_error() { return sys::error_of(::GetLastError()); }

bool is_console(DWORD stream) {
    DWORD mode = 0;
    return ::GetConsoleMode(::GetStdHandle(stream), &mode) != 0;
}

/// Returns how many bytes there are before a character whose end is still missing.
std::size_t whole_characters(std::string_view text) {
    const std::size_t end = text.size();
    for (std::size_t back = 1; back <= (std::min)(end, std::size_t{3}); ++back) {
        const auto byte = static_cast<unsigned char>(text[end - back]);
        if ((byte & 0xc0) != 0x80) {
            const std::size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
            return size > back ? end - back : end;
        }
    }
    return end;
}

/// Prints UTF-8 on a console, whatever its code page.
class console_buffer : public std::streambuf {
public:
    explicit console_buffer(HANDLE console) : console_(console) {}

protected:
    int_type overflow(int_type c) override {
        if (!traits_type::eq_int_type(c, traits_type::eof())) {
            text_ += traits_type::to_char_type(c);
        }
        return text_.size() < most || print(whole_characters(text_)) ? traits_type::not_eof(c)
                                                                     : traits_type::eof();
    }

    std::streamsize xsputn(const char* text, std::streamsize size) override {
        text_.append(text, static_cast<std::size_t>(size));
        return text_.size() < most || print(whole_characters(text_)) ? size : 0;
    }

    int sync() override { return print(whole_characters(text_)) ? 0 : -1; }

private:
    static constexpr std::size_t most = 8192;  // old consoles take no more than 64 KiB at once

    bool print(std::size_t size) {
        bool printed = true;
        for (std::size_t begin = 0; printed && begin != size;) {
            const std::string_view part = std::string_view(text_).substr(
                begin, size - begin <= most ? size - begin
                                            : whole_characters({text_.data() + begin, most}));
            printed = print(part);
            begin += part.size();
        }
        text_.erase(0, size);
        return printed;
    }

    bool print(std::string_view text) {
        std::wstring wide(text.size(), L'\0');
        const int units =
            ::MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()),
                                  wide.data(), static_cast<int>(wide.size()));
        const wchar_t* next = wide.data();
        for (auto left = static_cast<DWORD>(units); left != 0;) {
            DWORD written = 0;
            if (::WriteConsoleW(console_, next, left, &written, nullptr) == 0 || written == 0) {
                return false;
            }
            next += written;
            left -= written;
        }
        return true;
    }

    HANDLE console_;
    std::string text_;
};

/// Gives a stream its console for as long as this object lives, and then what it had.
class console_stream {
public:
    console_stream(std::ostream& stream, DWORD which)
        : stream_(stream), console_(::GetStdHandle(which)), buffer_(console_) {
        if (::GetConsoleMode(console_, &mode_) != 0) {
            ::SetConsoleMode(console_, mode_ | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
            before_ = stream_.rdbuf(&buffer_);
        }
    }
    console_stream(const console_stream&) = delete;
    console_stream& operator=(const console_stream&) = delete;
    ~console_stream() {
        if (before_ != nullptr) {
            stream_.flush();
            stream_.rdbuf(before_);
            ::SetConsoleMode(console_, mode_);
        }
    }

private:
    std::ostream& stream_;
    HANDLE console_;
    DWORD mode_ = 0;
    console_buffer buffer_;
    std::streambuf* before_ = nullptr;
};

}  // namespace

std::vector<std::string> arguments_of(int, char**) {
    int count = 0;
    wchar_t** const words = ::CommandLineToArgvW(::GetCommandLineW(), &count);
    if (words == nullptr) {
        throw std::bad_alloc();
    }
    std::vector<std::string> found;
    for (int i = 1; i < count; ++i) {
        found.push_back(sys::to_utf8(std::wstring_view(words[i])));
    }
    ::LocalFree(static_cast<HLOCAL>(words));
    return found;
}

void set_up_streams() {
    ::_setmode(::_fileno(stdout), _O_BINARY);
    ::_setmode(::_fileno(stderr), _O_BINARY);
    static const console_stream out(std::cout, STD_OUTPUT_HANDLE);
    static const console_stream err(std::cerr, STD_ERROR_HANDLE);
}

bool output_is_terminal() { return is_console(STD_OUTPUT_HANDLE); }
bool errors_go_to_terminal() { return is_console(STD_ERROR_HANDLE); }

std::int64_t own_process_id() { return ::GetCurrentProcessId(); }

std::filesystem::path to_path(const std::string& text) {
    std::optional<std::wstring> name = sys::to_utf16<wchar_t>(text);
    if (!name) {
        throw std::invalid_argument("'" + text + "' is not UTF-8, as names of files are");
    }
    return *std::move(name);
}

std::string to_text(const std::filesystem::path& path) {
    return sys::to_utf8(std::wstring_view(path.native()));
}

bool is_readable(const std::filesystem::path& path) {
    std::error_code error;
    static_cast<void>(input(path, error));
    return !error;
}

input::input() : used_(::GetStdHandle(STD_INPUT_HANDLE)) {}

input::input(const std::filesystem::path& path, std::error_code& error) : used_(nullptr) {
    namespace os = skyutil::detail::os;
    own_.reset(os::open_file(path.native(), error));
    used_ = own_.get();
    if (own_ && os::is_directory(path.native())) {
        error = std::make_error_code(std::errc::is_a_directory);
    }
}

std::size_t input::read(std::span<char> buffer, std::error_code& error) const {
    DWORD size = 0;
    if (::ReadFile(used_, buffer.data(), static_cast<DWORD>(buffer.size()), &size, nullptr) == 0 &&
        ::GetLastError() != ERROR_BROKEN_PIPE && ::GetLastError() != ERROR_HANDLE_EOF) {
        error = last_error();
        return 0;
    }
    return size;
}

std::uint64_t input::size() const {
    LARGE_INTEGER size{};
    return ::GetFileType(used_) == FILE_TYPE_DISK && ::GetFileSizeEx(used_, &size) != 0
               ? static_cast<std::uint64_t>(size.QuadPart)
               : 0;
}

void input::go_to(std::uint64_t byte, std::error_code& error) const {
    LARGE_INTEGER where{};
    where.QuadPart = static_cast<LONGLONG>(byte);
    if (::SetFilePointerEx(used_, where, nullptr, FILE_BEGIN) == 0) {
        error = last_error();
    }
}

}  // namespace program
