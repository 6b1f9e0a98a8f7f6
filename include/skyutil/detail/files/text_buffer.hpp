// SPDX-License-Identifier: MIT
//
// detail/files/text_buffer.hpp: the memory that a part of a file is read into.

#pragma once

#include <skyutil/detail/os/files.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Owns memory for text, which is not set to zero first.
class text_buffer {
public:
    text_buffer() noexcept = default;
    explicit text_buffer(std::size_t size)
        : data_(std::make_unique_for_overwrite<char[]>(size)), size_(size) {
        os::advise_large_pages(bytes().data(), bytes().size());
    }
    explicit text_buffer(std::string_view text) : text_buffer(text.size()) {
        std::copy(text.begin(), text.end(), data_.get());
    }

    std::span<char> bytes() noexcept { return {data_.get(), size_}; }
    [[nodiscard]] std::string_view text() const noexcept {
        return {data_.get() + first_, size_ - first_};
    }

    void remove_prefix(std::size_t count) noexcept { first_ += count; }

private:
    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
    std::size_t first_ = 0;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
