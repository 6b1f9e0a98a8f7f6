// SPDX-License-Identifier: MIT
//
// detail/os/files.hpp: the seam to the operating system: files, directories and their names, files
// as memory, temporary files, random bytes.
//
// To open a name with a NUL in it is errc::invalid_argument. A name below a directory is looked up
// in that open directory, whatever has become of the directory's own name, and a link of that name
// is not followed.

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

using path_char = path_text::value_type;

// -------------------------------------------------------------------------------------------------
// what a file is

enum class file_kind {
    regular,
    directory,
    fifo,     ///< with a name: it can be opened before it has a writer
    endless,  ///< a device that gives bytes for ever
    stream,
};

/// As the file system keeps it, in parts of a second as fine as it can.
struct file_time {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;

    friend auto operator<=>(const file_time&, const file_time&) = default;
};

/// Only a regular file has a size and times.
struct file_status {
    file_kind kind{};
    std::uint64_t size = 0;
    file_time written{};  ///< when bytes were last written
    file_time changed{};  ///< when that or anything else about the file was

    friend bool operator==(const file_status&, const file_status&) = default;
};

inline file_status status(native_handle file, std::error_code& error) noexcept;

/// Whether a change from now on would give a file another time than this one; false also when that
/// cannot be told.
inline bool is_past(const file_time& time) noexcept;

/// What tells a file from every other one there is.
struct file_id {
    std::uint64_t device;  ///< the file system
    file_number number;

    friend bool operator==(const file_id&, const file_id&) = default;
};

inline file_id identify(native_handle file, std::error_code& error) noexcept;

/// The same for a name, which may be a link's.
inline file_id identify(const path_text& name, std::error_code& error) noexcept;
inline file_id identify(native_handle directory, const path_char* name,
                        std::error_code& error) noexcept;

/// Whether the name can be told to be a directory's, following links.
inline bool is_directory(const path_text& name) noexcept;

/// Where a link leads; nullopt for what is no link or is not there.
inline std::optional<std::filesystem::path> read_link(const path_text& name,
                                                      std::error_code& error);

/// Whether links in a directory may lead to what their text does not name.
inline bool has_magic_links(const path_text& directory) noexcept;

// -------------------------------------------------------------------------------------------------
// opening and making: no_handle on an error

/// For reading, without waiting for anybody. errc::operation_would_block: another process has the
/// right to be asked first, and has been.
inline native_handle open_at_once(const path_text& name, std::error_code& error) noexcept;

/// For reading, without waiting for the writer of a FIFO, but for a process that has to be asked.
inline native_handle open_file(const path_text& name, std::error_code& error) noexcept;

/// Opens a directory to read its entries or name one.
inline native_handle open_directory(const path_text& name, std::error_code& error) noexcept;

/// Opens a directory to name entries in, which takes no permission to read it.
inline native_handle open_location(const path_text& name, std::error_code& error) noexcept;

/// Opens an entry that is a directory itself, as open_directory() does. One that its owner may not
/// read is made readable. errc::not_a_directory for a link.
inline native_handle open_entry_directory(native_handle directory, const path_char* name,
                                          std::error_code& error) noexcept;

/// Opens the directory that a directory is in, as open_entry_directory() does.
inline native_handle open_parent(native_handle directory, std::error_code& error) noexcept;

/// Opens a regular file that is there for writing what it has over.
inline native_handle open_to_overwrite(native_handle directory, const path_char* name,
                                       std::error_code& error) noexcept;

/// Who may do something with a new file: less where the process, or the directory, has it so.
enum class audience { owner, everyone };

/// Makes a file that was not there, for reading and writing.
inline native_handle create_file(native_handle directory, const path_char* name, audience who,
                                 std::error_code& error) noexcept;

/// Makes a directory for its owner.
inline void create_directory(native_handle parent, const path_char* name,
                             std::error_code& error) noexcept;

// -------------------------------------------------------------------------------------------------
// reading and writing

/// Reads until the buffer is full or the file ends.
inline std::size_t read_at(native_handle file, char* buffer, std::size_t size, std::uint64_t offset,
                           std::error_code& error) noexcept;

/// Reads what there is, at least one byte, or 0 at the end. would_block is set, and 0 returned,
/// where a writer has written nothing to read yet.
inline std::size_t read_some(native_handle file, char* buffer, std::size_t size, bool& would_block,
                             std::error_code& error) noexcept;

enum class readiness { ready, hung_up, timed_out };

/// Waits until there is something to read or the other side is gone; a negative time is for ever.
/// no_handle is never ready.
inline readiness wait_readable(native_handle file, std::chrono::milliseconds timeout,
                               std::error_code& error) noexcept;

/// Has read_some() begin with the first byte again.
inline void rewind_file(native_handle file, std::error_code& error) noexcept;

inline void write_all(native_handle file, std::string_view text, std::error_code& error) noexcept;

/// Cuts a file off, or fills it up with NULs.
inline void resize(native_handle file, std::uint64_t size, std::error_code& error) noexcept;

/// Waits until the file is on the disk.
inline void sync(native_handle file, std::error_code& error) noexcept;

/// The same for a directory's entries, on file systems that have it.
inline void sync_directory(native_handle directory, std::error_code& error) noexcept;

/// Maps a regular file for reading. One that has no bytes gets an empty view.
/// errc::operation_not_supported for what cannot be mapped, even if its size is 0.
inline std::string_view map(native_handle file, std::size_t size, std::error_code& error) noexcept;

/// Takes what map() returned; not an empty view.
inline void unmap(std::string_view bytes) noexcept;

// -------------------------------------------------------------------------------------------------
// directories

struct directory_entry {
    const path_char* name;
    bool is_directory;  ///< as far as the file system tells; false for a link
};

/// Whether the entries of an open directory have been read before.
enum class entries { unread, read_before };

/// Calls `visit` with each entry of a directory but "." and "..", the first one first, until it
/// returns true.
template <class Visit>
void find_entry(native_handle directory, entries state, Visit visit, std::error_code& error);

/// How many entries a directory has but "." and ".."; they are unread.
inline std::size_t count_entries(native_handle directory, std::error_code& error) noexcept;

/// Lets the owner do everything with an open directory, if the caller may allow it.
inline void unlock_directory(native_handle directory) noexcept;

/// errc::is_a_directory for a directory.
inline void remove_file(native_handle directory, const path_char* name,
                        std::error_code& error) noexcept;

/// Removes a link itself.
inline void remove_file(const path_text& name, std::error_code& error) noexcept;

/// errc::directory_not_empty or errc::file_exists for one that is not empty, errc::not_a_directory
/// for anything but a directory.
inline void remove_directory(native_handle parent, const path_char* name,
                             std::error_code& error) noexcept;

/// Removes an open directory, whose name is the last one of the path, from the directory that it is
/// in now.
inline void remove_open_directory(native_handle directory, const path_text& path,
                                  std::error_code& error) noexcept;

/// Atomic: another process finds the old file or the new one.
inline void rename(native_handle directory, const path_char* from, const path_char* to,
                   std::error_code& error) noexcept;

// -------------------------------------------------------------------------------------------------
// what else files need

/// Where temporary files go; a program with more rights than its caller does not ask its caller.
inline std::filesystem::path temporary_location(std::error_code& error);

/// Fills with unpredictable bytes, 256 at most.
inline void random_bytes(std::span<unsigned char> bytes, std::error_code& error) noexcept;

/// Returns the last `c` in the text, or nullptr.
inline const char* find_last(std::string_view text, char c) noexcept;

/// Asks for large pages under a buffer about to be filled: a fault for each small page would cost
/// more than the reading. A hint that may go unheard.
inline void advise_large_pages(char* buffer, std::size_t size) noexcept;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/files.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/files.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/files.hpp>  // IWYU pragma: export
#endif
