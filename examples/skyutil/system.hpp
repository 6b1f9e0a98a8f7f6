// SPDX-License-Identifier: MIT
//
// system.hpp: what the program itself asks of the system. Texts of the command line, and all that
// is printed, are UTF-8 on Windows, and the bytes that they are elsewhere.

#pragma once

#include <skyutil/files.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace program {

/// Returns what follows the name of the program, exactly as it was given.
[[nodiscard]] std::vector<std::string> arguments_of(int argc, char** argv);

/// Makes sure that no file opened later becomes standard input, output or error, and that
/// std::cout and std::cerr print bytes as they are, and UTF-8 on a console.
void set_up_streams();

[[nodiscard]] bool output_is_terminal();
[[nodiscard]] bool errors_go_to_terminal();

[[nodiscard]] std::int64_t own_process_id();

/// Throws std::invalid_argument for what names no file on this system.
[[nodiscard]] std::filesystem::path to_path(const std::string& text);
[[nodiscard]] std::string to_text(const std::filesystem::path& path);

/// Whether this process may read the file.
[[nodiscard]] bool is_readable(const std::filesystem::path& path);

/// A file that is read from where it is, or standard input.
class input {
public:
    /// Standard input.
    input();
    input(const std::filesystem::path& path, std::error_code& error);

    /// Reads what there is, at most so many bytes; 0 at the end, and on an error.
    std::size_t read(std::span<char> buffer, std::error_code& error) const;

    /// Returns how many bytes the file has; 0 for what has no size, such as a pipe.
    [[nodiscard]] std::uint64_t size() const;

    /// Goes to a byte of a file that has a size.
    void go_to(std::uint64_t byte, std::error_code& error) const;

private:
    skyutil::unique_fd own_;
    skyutil::unique_fd::handle used_;
};

}  // namespace program
