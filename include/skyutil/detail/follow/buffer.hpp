// SPDX-License-Identifier: MIT
//
// detail/follow/buffer.hpp: what has been read of a file that is followed.

#pragma once

#include <skyutil/detail/files/text_buffer.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// The bytes of a file that have been read and not been taken, and some of those before.
class follow_buffer {
public:
    /// How many bytes are kept that have been taken.
    static constexpr std::size_t most_history = 256;
    static constexpr std::size_t block = 65536;

    [[nodiscard]] std::string_view unread() const noexcept {
        return {data() + begin_, end_ - begin_};
    }
    [[nodiscard]] std::string_view history() const noexcept {
        const std::size_t size = (std::min)(begin_, most_history);
        return {data() + begin_ - size, size};
    }
    /// Up to that many of the last bytes that were read, taken or not.
    [[nodiscard]] std::string_view last(std::size_t most) const noexcept {
        const std::size_t size = (std::min)(end_, most);
        return {data() + end_ - size, size};
    }

    /// Returns room for a block or more after what is there.
    std::span<char> room() {
        if (capacity() - end_ < block) {
            const std::size_t kept = history().size() + unread().size();
            if (capacity() < kept + block) {
                move_to(text_buffer(2 * kept + block));
            } else {
                std::memmove(data_.bytes().data(), data() + end_ - kept, kept);
                begin_ -= end_ - kept;
                end_ = kept;
            }
        }
        return data_.bytes().subspan(end_);
    }
    void add(std::size_t count) noexcept { end_ += count; }
    void take(std::size_t count) noexcept { begin_ += count; }
    void clear() noexcept { begin_ = end_ = 0; }

    /// Gives memory back that holds nothing.
    void shrink() {
        const std::size_t kept = history().size() + unread().size();
        if (capacity() > 2 * kept + most_history) {
            move_to(text_buffer(kept));
        }
    }

private:
    [[nodiscard]] const char* data() const noexcept { return data_.text().data(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return data_.text().size(); }

    void move_to(text_buffer other) {
        const std::size_t before = history().size();
        const std::size_t kept = before + unread().size();
        std::copy_n(data() + end_ - kept, kept, other.bytes().data());
        data_ = std::move(other);
        begin_ = before;
        end_ = kept;
    }

    text_buffer data_;
    std::size_t begin_ = 0;  // of what has not been taken
    std::size_t end_ = 0;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
