// SPDX-License-Identifier: MIT
//
// detail/files/input.hpp: a file opened for reading, of any kind: regular, in /proc, a pipe, a FIFO
// or a device.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/waiting.hpp>
#include <skyutil/stop_token.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// How long a FIFO may stay without a writer before reading it is an error.
inline constexpr std::chrono::milliseconds fifo_patience = std::chrono::seconds(10);

/// How often a thread that waits for another process checks whether it is to stop.
inline constexpr std::chrono::milliseconds stop_interval(20);

class input_file {
public:
    /// Opens a file. A directory is an error, and so is a device that never ends. A stop that was
    /// requested before, or while another process holds a lease on the file, is
    /// errc::operation_canceled. `patience` is how long a FIFO may stay without a writer.
    input_file(const std::filesystem::path& path, std::error_code& error,
               std::chrono::milliseconds patience = fifo_patience,
               const stop_token& stop = {}) noexcept
        : fd_(open(path, stop, error)), patience_(patience) {
        if (fd_) {
            status_ = os::status(fd_.get(), error);
            if (!error && status_.kind == os::file_kind::directory) {
                error = os::make_error(std::errc::is_a_directory);
            }
            if (!error && status_.kind == os::file_kind::endless) {
                error = os::make_error(std::errc::file_too_large);
            }
        }
    }

    /// Whether the size is known and reading at an offset works. False also for an empty file:
    /// files in /proc look empty, but have content.
    [[nodiscard]] bool has_size() const noexcept {
        return status_.kind == os::file_kind::regular && status_.size != 0;
    }

    [[nodiscard]] os::native_handle handle() const noexcept { return fd_.get(); }

    [[nodiscard]] bool is_regular() const noexcept {
        return status_.kind == os::file_kind::regular;
    }

    /// The size in bytes when the file was opened, or when it was last asked for; 0 for anything
    /// but a regular file.
    [[nodiscard]] std::uint64_t size() const noexcept { return status_.size; }

    /// Asks for the size and the times again.
    void refresh(std::error_code& error) noexcept { status_ = os::status(fd_.get(), error); }

    /// Whether size and times are still those last asked for.
    [[nodiscard]] bool is_same(std::error_code& error) const noexcept {
        return os::status(fd_.get(), error) == status_ && !error;
    }

    /// Whether every change since size and times were asked for shows in them. It may not if the
    /// file was being written to at that moment, as times are only so fine.
    [[nodiscard]] bool shows_changes() const noexcept { return os::is_past(status_.changed); }

    /// Reads until the buffer is full or the file ends.
    std::size_t read_at(std::span<char> buffer, std::uint64_t offset,
                        std::error_code& error) const noexcept {
        return os::read_at(fd_.get(), buffer.data(), buffer.size(), offset, error);
    }

    /// Fills the buffer, checking for a stop now and then. Returns false when the file ends before.
    bool read_at(std::span<char> buffer, std::uint64_t offset, const stop_token& stop,
                 std::error_code& error) const noexcept {
        constexpr std::size_t largest_piece = std::size_t{1} << 20;
        while (!buffer.empty()) {
            if (stop.stop_requested()) {
                error = os::make_error(std::errc::operation_canceled);
                return false;
            }
            const std::size_t size =
                stop.stop_possible() ? (std::min)(buffer.size(), largest_piece) : buffer.size();
            if (read_at(buffer.first(size), offset, error) != size || error) {
                return false;
            }
            buffer = buffer.subspan(size);
            offset += size;
        }
        return true;
    }

    /// Reads at least one byte, waiting for it if necessary, and returns how many; 0 at the end. A
    /// FIFO that had no writer for the time of `patience` is errc::timed_out; a stop is
    /// errc::operation_canceled.
    std::size_t read(std::span<char> buffer, std::error_code& error,
                     const stop_token& stop = {}) noexcept {
        for (;;) {
            if (stop.stop_requested()) {
                error = os::make_error(std::errc::operation_canceled);
                return 0;
            }
            bool would_block = false;
            const std::size_t count =
                os::read_some(fd_.get(), buffer.data(), buffer.size(), would_block, error);
            if (count != 0 || error) {
                had_writer_ = true;
                position_ += count;
                return count;
            }
            if (would_block) {
                had_writer_ = true;
                wait(std::chrono::milliseconds(-1), stop, error);
            } else if (had_writer_ || status_.kind != os::file_kind::fifo) {
                return 0;
            } else if (patience_.count() <= 0) {
                error = os::make_error(std::errc::timed_out);
            } else if (wait(patience_, stop, error) == os::readiness::timed_out) {
                patience_ = {};  // a writer that came but wrote nothing shows in the next read
            } else {
                had_writer_ = true;
            }
            if (error) {
                return 0;
            }
        }
    }

    /// How many bytes read() has returned since the start of the file.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

    /// Goes back to the start of the file, and asks for the size and the times again.
    void rewind(std::error_code& error) noexcept {
        os::rewind_file(fd_.get(), error);
        position_ = 0;
        if (!error) {
            refresh(error);
        }
    }

private:
    static os::native_handle open(const std::filesystem::path& path, const stop_token& stop,
                                  std::error_code& error) noexcept {
        if (!stop.stop_possible()) {
            return os::open_file(path.native(), error);
        }
        while (!stop.stop_requested()) {
            const os::native_handle fd = os::open_at_once(path.native(), error);
            if (error != std::errc::operation_would_block) {
                return fd;
            }
            error.clear();
            os::sleep_until(std::chrono::steady_clock::now() + stop_interval, error);
        }
        error = os::make_error(std::errc::operation_canceled);
        return os::no_handle;
    }

    /// Waits until there is something to read, until the time is over (never if it is negative) or
    /// until a stop.
    os::readiness wait(std::chrono::milliseconds left, const stop_token& stop,
                       std::error_code& error) const noexcept {
        if (!stop.stop_possible()) {
            return os::wait_readable(fd_.get(), left, error);
        }
        const bool unlimited = left.count() < 0;
        for (;;) {
            const auto slice = unlimited ? stop_interval : (std::min)(left, stop_interval);
            const os::readiness found = os::wait_readable(fd_.get(), slice, error);
            left -= slice;
            if (found != os::readiness::timed_out || error || stop.stop_requested() ||
                (!unlimited && left.count() <= 0)) {
                return found;
            }
        }
    }

    unique_fd fd_;
    os::file_status status_{};
    std::uint64_t position_ = 0;
    std::chrono::milliseconds patience_;
    bool had_writer_ = false;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
