// SPDX-License-Identifier: MIT
//
// detail/subprocess/output_pipe.hpp: the pipes between this process and its children: what comes
// from a child is kept, or given to functions as it comes or line by line. Included at the end of
// skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/files.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
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
    line_splitter(const line_function& function, line_end wanted, output_stream from) noexcept
        : function_(function), wanted_(wanted), from_(from) {}

    void add(std::string_view more) {
        while (!more.empty()) {
            if (std::exchange(after_return_, false) && more.front() == '\n') {
                more.remove_prefix(1);  // the other half of an end
                continue;
            }
            const std::size_t end =
                wanted_ == line_end::any ? more.find_first_of("\r\n") : more.find('\n');
            const bool complete = end != std::string_view::npos;
            const std::size_t size = complete ? end + 1 : more.size();
            if (rest_.empty() && complete) {
                give(more.substr(0, end), 1);
            } else {
                add_to_rest(more.substr(0, (std::min)(end, size)));
                if (complete) {
                    rest_ += more[end];
                    give(std::string_view(rest_).substr(0, rest_.size() - 1), 1);
                    rest_.clear();
                }
            }
            after_return_ = complete && more[end] == '\r';
            more.remove_prefix(size);
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

    void add_to_rest(std::string_view more) {
        while (rest_.size() + more.size() > longest) {
            const std::size_t room = longest - rest_.size();
            rest_.append(more.substr(0, room));
            more.remove_prefix(room);
            give_rest();
        }
        rest_.append(more);
    }

    void give_rest() {
        give(rest_, 0);
        rest_.clear();
    }

    /// Passes on a line, which has an end of that size behind it.
    void give(std::string_view line, std::size_t end_size) {
        line = with_wanted_end(line, end_size, wanted_);
        if (wanted_ == line_end::terminal && line.find('\r') != std::string_view::npos) {
            std::string shown;
            append_shown(shown, line);
            function_(from_, shown);
        } else {
            function_(from_, line);
        }
    }

    const line_function& function_;
    line_end wanted_;
    output_stream from_;
    bool after_return_ = false;  ///< a "\r" that ended a line came last
    std::string rest_;
};

/// The end of a pipe that a child reads from, and what is to be written to it.
class input_pipe {
public:
    input_pipe() = default;
    input_pipe(unique_fd end, const command_input& input) noexcept
        : fd(std::move(end)), text_(input), function_(&input.function()) {}

    /// Returns what is to be written next; nothing at the end.
    std::string_view next(std::error_code& error) {
        if (function_ == nullptr || !*function_) {
            return std::exchange(text_, std::string_view());
        }
        if (!room_) {
            room_ = std::make_unique_for_overwrite<char[]>(room_size);  // NOLINT(*-c-arrays)
        }
        const std::size_t size = (*function_)(std::span(room_.get(), room_size));
        if (size > room_size) {
            error = os::make_error(std::errc::result_out_of_range);
            return {};
        }
        return {room_.get(), size};
    }

    unique_fd fd;

private:
    static constexpr std::size_t room_size = 1U << 16;  // what a pipe holds

    std::string_view text_;
    const input_function* function_ = nullptr;
    std::unique_ptr<char[]> room_;  // NOLINT(*-c-arrays)
};

/// The end of a pipe that a child writes to, and what becomes of its text.
struct output_pipe {
    unique_fd fd;
    std::optional<bounded_text> text;    ///< where the text is kept
    std::optional<line_splitter> lines;  ///< where it is cut into lines
    const output_function* pieces;       ///< where it is passed on as it comes, else nullptr
    std::size_t child;                   ///< the index of the child
    output_stream from;
    bool incomplete = false;  ///< another process still held the pipe open when it was closed here

    /// Returns whether the text that still comes is of any use.
    [[nodiscard]] bool is_wanted() const noexcept {
        return fd && (lines || pieces != nullptr || (text && !text->is_full()));
    }

    /// Returns whether the tree has to be ended when there is more text than is kept.
    [[nodiscard]] bool fails_on_overflow() const noexcept {
        return text && text->keep() == output_overflow::fail;
    }

    /// Takes what was read; returns false if the tree has to be ended.
    bool take(std::string_view read) {
        const bool has_room = !text || text->add(read);
        if (pieces != nullptr) {
            (*pieces)(read, from);
        }
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
