// SPDX-License-Identifier: MIT
//
// detail/hash/read_blocks.hpp: reads a file block by block.

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/files/input.hpp>
#include <skyutil/stop_token.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

inline constexpr std::size_t file_block_size = std::size_t{256} * 1024;

/// Calls `update` with each block of an input until its end, or until an error.
template <class Input, class Update>
void read_blocks(Input& input, std::span<char> block, std::error_code& error, const Update& update,
                 const stop_token& stop = {}) {
    for (;;) {
        const std::size_t count = input.read(block, error, stop);
        if (error || count == 0) {
            return;
        }
        update(std::as_bytes(block.first(count)));
    }
}

/// Calls `update` with each block of a file. Blocks have 256 KiB; a file that is known to be
/// smaller is read at once.
template <class Update>
void read_file_blocks(const std::filesystem::path& path, const stop_token& stop,
                      std::error_code& error, const Update& update) {
    constexpr std::size_t smallest_block = std::size_t{16} * 1024;
    error.clear();
    input_file file(path, error, fifo_patience, stop);
    if (error) {
        return;
    }
    std::size_t size = file_block_size;
    if (file.has_size() && file.size() < file_block_size) {
        size = (std::max)(cast_to<std::size_t>(file.size()) + 1, smallest_block);
    }
    const auto block = std::make_unique_for_overwrite<char[]>(size);
    read_blocks(file, {block.get(), size}, error, update, stop);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
