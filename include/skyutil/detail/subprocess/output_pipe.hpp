// SPDX-License-Identifier: MIT
//
// detail/subprocess/output_pipe.hpp: the pipes between this process and its children: what comes
// from a child is kept, or given to a function line by line. Included at the end of
// skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// The head or the tail of a text, of at most a number of bytes.
class bounded_text {
public:
    bounded_text(std::size_t most, output_overflow keep) noexcept : most_(most), keep_(keep) {}

    /// Adds to the text; returns false if that is more than it can hold.
    bool add(std::string_view more) {
        if (keep_ != output_overflow::keep_tail) {
            const std::size_t room = most_ - text_.size();
            grow(more.size());
            text_.append(more.substr(0, room));
            truncated_ = truncated_ || more.size() > room;
            return more.size() <= room;
        }
        text_.append(more);
        if (text_.size() > most_ && text_.size() - most_ >= (std::max)(most_, slack)) {
            cut();  // not each time: what is kept has to move
        }
        return true;
    }

    std::string take() {
        cut();
        return std::move(text_);
    }

    [[nodiscard]] output_overflow keep() const noexcept { return keep_; }

    /// Returns whether nothing more will be kept.
    [[nodiscard]] bool is_full() const noexcept { return truncated_; }

    /// Returns whether there was more text than is kept; to be called after take().
    [[nodiscard]] bool truncated() const noexcept { return truncated_; }

private:
    static constexpr std::size_t slack = 1U << 16;

    /// Makes room in a large text for more than std::string would: memory that is not touched costs
    /// nothing, and each byte is moved less often.
    void grow(std::size_t more) {
        constexpr std::size_t large = 1U << 20;
        if (text_.size() >= large && text_.capacity() - text_.size() < more) {
            const auto move_to_larger = [this] {
                std::string larger;
                larger.reserve((std::min)(most_, 4 * text_.capacity()));
                os::advise_large_pages(larger.data(), larger.capacity());
                text_ = std::move(larger.append(text_));
            };
            catch_std_exception(move_to_larger, [] {});  // without memory: as std::string does
        }
    }

    void cut() {
        if (text_.size() > most_) {
            truncated_ = true;
            text_.erase(0, text_.size() - most_);
        }
    }

    std::string text_;
    std::size_t most_;
    output_overflow keep_;
    bool truncated_ = false;
};

/// Cuts a text that comes in pieces into lines.
class line_splitter {
public:
    line_splitter(const line_function& function, output_stream from) noexcept
        : function_(function), from_(from) {}

    void add(std::string_view more) {
        while (!more.empty()) {
            const std::size_t end = more.find('\n');
            const std::size_t size = (std::min)(end, more.size());
            if (rest_.empty() && end != std::string_view::npos) {
                function_(from_, more.substr(0, size));
            } else {
                add_to_rest(more.substr(0, size), end != std::string_view::npos);
            }
            more.remove_prefix((std::min)(more.size(), size + 1));
        }
    }

    /// Passes on what came after the last newline, which is a line too.
    void finish() {
        if (!rest_.empty()) {
            give_rest();
        }
    }

private:
    static constexpr std::size_t longest = 1U << 20;

    void add_to_rest(std::string_view more, bool complete) {
        while (rest_.size() + more.size() > longest) {
            const std::size_t room = longest - rest_.size();
            rest_.append(more.substr(0, room));
            more.remove_prefix(room);
            give_rest();
        }
        rest_.append(more);
        if (complete) {
            give_rest();
        }
    }

    void give_rest() {
        function_(from_, rest_);
        rest_.clear();
    }

    const line_function& function_;
    output_stream from_;
    std::string rest_;
};

/// The end of a pipe that a child reads from, and the text for it.
struct input_pipe {
    unique_fd fd;
    std::string_view text;
};

/// The end of a pipe that a child writes to, and what becomes of its text.
struct output_pipe {
    unique_fd fd;
    std::optional<bounded_text> text;    ///< where the text is kept
    std::optional<line_splitter> lines;  ///< where it is cut into lines
    std::size_t child;                   ///< the index of the child
    output_stream from;
    bool incomplete = false;  ///< another process still held the pipe open when it was closed here

    /// Returns whether the text that still comes is of any use.
    [[nodiscard]] bool is_wanted() const noexcept {
        return fd && (lines || (text && !text->is_full()));
    }

    /// Returns whether the tree has to be ended when there is more text than is kept.
    [[nodiscard]] bool fails_on_overflow() const noexcept {
        return text && text->keep() == output_overflow::fail;
    }

    /// Takes what was read; returns false if the tree has to be ended.
    bool take(std::string_view read) {
        const bool has_room = !text || text->add(read);
        if (lines) {
            lines->add(read);
        }
        return has_room || !fails_on_overflow();
    }

    void close() {
        fd.reset();
        if (lines) {
            lines->finish();
        }
    }
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
