// SPDX-License-Identifier: MIT
//
// detail/follow/followed_file.hpp: a file that is followed, without any waiting: what has been read
// of it is taken line by line, and then more is read. Included at the end of skyutil/follow.hpp.
//
// A name that leads to another file makes that one the next source. The one before it is read on
// until the next has its first byte, as the process that writes may still have it open; then what
// is left of it is read, and only then the next.
//
// Bytes are read at an offset, each time together with a second look at what is before them. A file
// that is truncated and has grown beyond the offset again shows there: it has other bytes now.

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/files/input.hpp>
#include <skyutil/detail/files/lines.hpp>
#include <skyutil/detail/files/tail.hpp>
#include <skyutil/detail/follow/buffer.hpp>
#include <skyutil/detail/follow/watched_name.hpp>
#include <skyutil/detail/follow/watches.hpp>
#include <skyutil/detail/os/file_events.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/text/utf8.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

class followed_file {
public:
    followed_file(std::filesystem::path path, std::size_t number, const follow_options& options,
                  follow_watches& watches)
        : options_(options),
          format_{.line_end = options.line_end, .invalid_utf8 = options.invalid_utf8},
          number_(number),
          watches_(watches),
          name_(std::move(path), number, watches) {}
    followed_file(const followed_file&) = delete;
    followed_file& operator=(const followed_file&) = delete;
    ~followed_file() {
        for (const source& each : sources_) {
            watches_.forget_bytes(each.watch, number_);
        }
    }

    /// Opens the file where it is to begin.
    void start(const follow_position& position, std::error_code& error) {
        if (options_.by_name && watches_.watching()) {
            watch_name(error);
        }
        if (!error) {
            add_source(error);
        }
        const bool stopped = error == std::errc::operation_canceled;
        if (stopped || (options_.by_name && is_not_there(error))) {
            error.clear();
            present_ = told_present_ = false;
            look_ = stopped;
        } else if (!error) {
            seek_start(position, error);
        }
    }

    /// Returns the next event of what has been read; nullopt if more has to be read.
    std::optional<follow_event> take() {
        if (notice_) {
            return std::exchange(notice_, std::nullopt);
        }
        if (after_return_ && !buffer_.unread().empty()) {
            buffer_.take(buffer_.unread().front() == '\n' ? 1 : 0);
            after_return_ = false;
        }
        const std::string_view text = buffer_.unread();
        const std::size_t found = options_.line_end == line_end::any
                                      ? text.find_first_of("\r\n", searched_)
                                      : text.find('\n', searched_);
        const std::size_t size = (std::min)(found, text.size());
        if (size > options_.max_line) {
            searched_ = 0;
            return give(text.substr(0, piece_size(text, options_.max_line)), 0,
                        follow_kind::partial);
        }
        if (found != std::string_view::npos) {
            return give_line(text, found);
        }
        searched_ = text.size();
        if (finished_) {
            return finish(text);
        }
        if (!text.empty() && partial_at_ <= std::chrono::steady_clock::now()) {
            partial_at_ = for_ever;
            if (const std::size_t piece = piece_size(text, text.size()); piece != 0) {
                return give(text.substr(0, piece), 0, follow_kind::partial);
            }
        }
        return std::nullopt;
    }

    /// Reads more. Returns whether there may be something to take, or to read, now. Only an
    /// interruption is an error.
    bool read(std::error_code& error) {
        if (std::exchange(look_, false)) {
            look_at_name(error);
        }
        if (error) {
            return false;
        }
        if (present_ && !told_present_ && sources_.size() == 1) {
            told_present_ = true;
            notice_ = event(follow_kind::appeared);
            return true;
        }
        if (sources_.empty()) {
            return false;
        }
        const bool last_look = is_next_begun();
        std::error_code failed;
        const std::size_t count = read_source(sources_.front(), failed);
        if (failed == std::errc::interrupted) {
            error = failed;
            return false;
        }
        if (failed && failed_ != failed) {
            notice_ = event(follow_kind::failed, {}, failed);
        }
        failed_ = failed;
        if (notice_ || count != 0) {
            return true;
        }
        finished_ = last_look;
        if (!finished_ && is_missed() && missed_at_ <= std::chrono::steady_clock::now()) {
            told_present_ = false;
            notice_ = event(follow_kind::vanished, {}, vanished_);
        }
        return finished_ || notice_;
    }

    /// Its name is to be looked at when it is read next; `lookups` says that a directory or link on
    /// the way may be another.
    void look_again(bool lookups) noexcept {
        look_ = options_.by_name;
        rewatch_ = rewatch_ || lookups;
    }

    /// Gives memory back until more is read.
    void rest() { buffer_.shrink(); }

    /// Whether it has to be looked at now and then.
    [[nodiscard]] bool is_polled() const noexcept {
        if (retry_ || failed_ || is_missed() || !watches_.watching()) {
            return true;
        }
        return options_.wake == follow_wake::automatic &&
               ((options_.by_name && !name_.is_told()) ||
                std::any_of(sources_.begin(), sources_.end(),
                            [](const source& each) { return !each.told; }));
    }

    /// When a part of a line is to be given.
    [[nodiscard]] time_point partial_at() const noexcept { return partial_at_; }

    [[nodiscard]] follow_position position() const {
        if (sources_.empty()) {
            return {};
        }
        const source& from = sources_.front();
        return {from.offset - buffer_.unread().size(), identity(from.id, buffer_.history())};
    }

private:
    struct source {
        input_file file;
        os::file_id id{};
        std::uint64_t offset = 0;  ///< of what is read next
        os::watch_id watch = os::no_watch;
        bool told = false;      ///< whether every change of its bytes is
        bool sizeless = false;  ///< as files in /proc
    };

    // ---------------------------------------------------------------------------------------------
    // events

    [[nodiscard]] follow_event event(follow_kind kind, std::string_view text = {},
                                     std::error_code error = {}) const noexcept {
        return {kind, text, error, number_};
    }

    follow_event give_line(std::string_view text, std::size_t found) {
        after_return_ = text[found] == '\r';
        return give(text.substr(0, found), 1, follow_kind::line);
    }

    follow_event give(std::string_view text, std::size_t end_size, follow_kind kind) {
        buffer_.take(text.size() + end_size);
        searched_ = 0;
        std::string_view wanted = with_wanted_end(text, end_size, options_.line_end);
        if (!keeps_text(format_)) {
            changed_.clear();
            append_line(changed_, wanted, format_);
            wanted = changed_;
        }
        return event(kind, wanted);
    }

    /// What is left of a source that is over, and then what the next one is.
    follow_event finish(std::string_view text) {
        if (!text.empty()) {
            return give(text, 0, follow_kind::line);
        }
        watches_.forget_bytes(sources_.front().watch, number_);
        sources_.erase(sources_.begin());
        restart();
        finished_ = false;
        skip_nuls_ = false;
        return event(std::exchange(told_present_, true) ? follow_kind::rotated
                                                        : follow_kind::appeared);
    }

    /// How much of a text without a line end may be given: no code point is cut that would be
    /// replaced then, and no "\r" given that may belong to the line end.
    [[nodiscard]] std::size_t piece_size(std::string_view text, std::size_t most) const noexcept {
        std::size_t size = (std::min)(text.size(), most);
        if (options_.line_end == line_end::strip_crlf && size != 0 && text[size - 1] == '\r') {
            --size;
        }
        if (options_.invalid_utf8 == invalid_utf8::replace) {
            std::size_t lead = size;
            while (lead != 0 && size - lead < 3 && is_continuation(text[lead - 1])) {
                --lead;
            }
            if (lead != 0) {
                const auto first = static_cast<unsigned char>(text[lead - 1]);
                const std::size_t wanted = first >= 0xf0   ? 4
                                           : first >= 0xe0 ? 3
                                           : first >= 0xc0 ? 2
                                                           : 1;
                size = size - lead + 1 < wanted ? lead - 1 : size;
            }
        }
        return size;
    }

    // ---------------------------------------------------------------------------------------------
    // reading

    void restart() noexcept {
        buffer_.clear();
        searched_ = 0;
        after_return_ = false;
        partial_at_ = for_ever;
    }

    void tell_truncation(source& from) noexcept {
        restart();
        from.offset = 0;
        skip_nuls_ = true;  // a writer that does not append leaves them before what it writes next
        notice_ = event(follow_kind::truncated);
    }

    /// Reads what follows, of which nothing is kept on an error and after a truncation.
    std::size_t read_source(source& from, std::error_code& error) {
        const std::span<char> room = buffer_.room();
        std::size_t count = 0;
        if (from.file.is_regular()) {
            count = from.file.read_at(room, from.offset, error);
            if (!error && !is_continued(from, room.first(count), error)) {
                return 0;
            }
        } else {
            bool would_block = false;
            count = os::read_some(from.file.handle(), room.data(), room.size(), would_block, error);
        }
        if (error) {
            return 0;
        }
        from.offset += count;
        buffer_.add(count);
        if (count != 0) {
            if (options_.partial_after) {
                partial_at_ = deadline_after(*options_.partial_after);
            }
            skip_nuls();
        } else {
            buffer_.shrink();
        }
        return count;
    }

    /// Whether bytes that were read continue those before them; else the file has been truncated.
    bool is_continued(source& from, std::span<const char> bytes, std::error_code& error) {
        if (bytes.empty() || from.offset == 0) {
            const std::uint64_t size = os::status(from.file.handle(), error).size;
            if (error) {
                return false;
            }
            from.sizeless = size == 0 && (from.sizeless || !bytes.empty());
            if (size < from.offset && !from.sizeless) {
                tell_truncation(from);
                return false;
            }
        }
        if (bytes.empty() || from.sizeless) {
            return true;
        }
        constexpr std::size_t most = follow_buffer::most_history;
        const std::string_view before = buffer_.last(most);
        const std::size_t after = (std::min)(bytes.size(), most);
        std::array<char, 2 * most> again;  // NOLINT(*-member-init)
        const std::size_t count = from.file.read_at(std::span(again).first(before.size() + after),
                                                    from.offset - before.size(), error);
        if (error) {
            return false;
        }
        if (count == before.size() + after &&
            std::memcmp(again.data(), before.data(), before.size()) == 0 &&
            std::memcmp(again.data() + before.size(), bytes.data(), after) == 0) {
            return true;
        }
        tell_truncation(from);
        return false;
    }

    void skip_nuls() noexcept {
        if (skip_nuls_) {
            const std::string_view text = buffer_.unread();
            const std::size_t found = text.find_first_not_of('\0');
            skip_nuls_ = found == std::string_view::npos;
            buffer_.take((std::min)(found, text.size()));
        }
    }

    /// Whether there is something in a later source, or too many of them wait.
    [[nodiscard]] bool is_next_begun() const noexcept {
        constexpr std::size_t most_sources = 64;
        return sources_.size() > most_sources ||
               std::any_of(sources_.begin() + 1, sources_.end(), [](const source& each) {
                   std::error_code ignored;
                   return !each.file.is_regular() ||
                          os::status(each.file.handle(), ignored).size != 0;
               });
    }

    // ---------------------------------------------------------------------------------------------
    // names

    static bool is_not_there(const std::error_code& error) noexcept {
        return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    }

    /// Whether the name leads to no file, and that has not been told.
    [[nodiscard]] bool is_missed() const noexcept { return !present_ && told_present_; }

    void watch_name(std::error_code& error) {
        std::error_code failed;
        name_.watch(failed);
        if (options_.wake == follow_wake::events) {
            error = failed;
        }
    }

    void add_source(std::error_code& error) {
        source added{input_file(name_.path(), error, fifo_patience, options_.stop)};
        if (!error) {
            added.id = os::identify(added.file.handle(), error);
        }
        if (!error && watches_.watching()) {
            std::error_code failed;
            added.watch = watches_.watch_bytes(added.file.handle(), number_, failed);
            added.told =
                !failed && added.file.is_regular() && os::tells_of_changes(added.file.handle());
            if (options_.wake == follow_wake::events) {
                error = failed;
            }
        }
        if (!error) {
            sources_.push_back(std::move(added));
        } else {
            watches_.forget_bytes(added.watch, number_);
        }
    }

    /// Looks at which file the name leads to now.
    void look_at_name(std::error_code& error) {
        std::error_code failed;
        os::file_id id = os::identify_target(name_.path().native(), failed);
        const auto is_known = [&] {
            return std::any_of(sources_.begin(), sources_.end(),
                               [&](const source& each) { return each.id == id; });
        };
        const bool changed = failed ? present_ : !is_known();
        if (watches_.watching() && (std::exchange(rewatch_, false) || changed)) {
            failed.clear();
            watch_name(failed);  // and what changes from here on is told
            if (!failed) {
                id = os::identify_target(name_.path().native(), failed);
            }
        }
        if (!failed && !is_known()) {
            add_source(failed);
        }
        if (failed == std::errc::operation_canceled) {
            look_ = true;
            return;
        }
        if (failed == std::errc::interrupted) {
            look_ = true;
            error = failed;
            return;
        }
        // A file that is renamed and made again is away for a moment.
        constexpr std::chrono::milliseconds grace(100);
        if (failed && present_) {
            missed_at_ = deadline_after(grace);
        }
        present_ = !failed;
        vanished_ = failed;
        retry_ = failed && !is_not_there(failed);
    }

    // ---------------------------------------------------------------------------------------------
    // where it begins

    /// Text that tells a file, and what it has before an offset.
    static std::string identity(const os::file_id& id, std::string_view before) {
        constexpr std::string_view digits = "0123456789abcdef";
        std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
        for (const char c : before) {
            hash = wrapping_multiply(hash ^ static_cast<unsigned char>(c));
        }
        std::string text;
        const auto append = [&](std::span<const std::byte> bytes) {
            for (const std::byte each : bytes) {
                text += digits[std::to_integer<std::size_t>(each >> 4)];
                text += digits[std::to_integer<std::size_t>(each & std::byte{15})];
            }
        };
        append(std::as_bytes(std::span(&id, 1)));
        text += '-';
        append(std::as_bytes(std::span(&hash, 1)));
        return text;
    }

    SKYUTIL_WRAPS static std::uint64_t wrapping_multiply(std::uint64_t x) noexcept {
        return x * 0x100000001b3;
    }

    void seek_start(const follow_position& position, std::error_code& error) {
        source& from = sources_.front();
        const bool at_position = options_.start == follow_start::position;
        if (options_.start == follow_start::beginning || !from.file.is_regular() ||
            (!at_position && !from.file.has_size())) {
            return;
        }
        const std::size_t lines =
            options_.start == follow_start::last_lines ? options_.last_lines : 0;
        from.offset = at_position ? position.offset : start_of_last_lines(from.file, lines, error);
        const auto before = static_cast<std::size_t>(
            (std::min)(from.offset, std::uint64_t{follow_buffer::most_history}));
        const std::span<char> room = buffer_.room().first(before);
        const std::size_t count = error ? 0 : from.file.read_at(room, from.offset - before, error);
        if (error) {
            return;
        }
        const std::string known = identity(from.id, {room.data(), count});
        const auto of_file = [](std::string_view text) { return text.substr(0, text.find('-')); };
        if (!at_position) {
            // A file that was truncated meanwhile may have no line end there.
            if (count != before || (before != 0 && !is_line_end(room.back()))) {
                from.offset = 0;
            }
        } else if (!position.file.empty() && of_file(known) != of_file(position.file)) {
            from.offset = 0;
            notice_ = event(follow_kind::rotated);
        } else if (count != before || (!position.file.empty() && known != position.file)) {
            tell_truncation(from);
        }
        if (from.offset != 0) {
            buffer_.add(count);
            buffer_.take(count);
        }
    }

    [[nodiscard]] bool is_line_end(char c) const noexcept {
        return c == '\n' || (options_.line_end == line_end::any && c == '\r');
    }

    /// Returns where the last lines start; 0 lines start with the last one if that is unfinished.
    std::uint64_t start_of_last_lines(const input_file& file, std::size_t lines,
                                      std::error_code& error) const {
        char last = 0;
        if (file.read_at({&last, 1}, file.size() - 1, error) != 1) {
            return 0;
        }
        if (lines == 0 && is_line_end(last)) {
            return file.size();
        }
        lines = (std::max)(lines, std::size_t{1});
        const tail_request request{lines, (std::numeric_limits<std::size_t>::max)(),
                                   ends_for(options_.line_end), options_.stop};
        line_finder finder(lines, request.ends, last);
        constexpr std::size_t first_block = 8192;
        return find_start(file, file.size() - 1, finder, first_block, request, error).value_or(0);
    }

    const follow_options& options_;
    tail_options format_;
    std::size_t number_;
    follow_watches& watches_;
    watched_name name_;
    std::vector<source> sources_;  // the first one is read
    follow_buffer buffer_;
    std::size_t searched_ = 0;   // how much of what is unread has no line end
    std::string changed_;        // a line that is not as in the file
    bool after_return_ = false;  // "\r" was a line end: a "\n" belongs to it
    bool skip_nuls_ = false;
    bool finished_ = false;  // nothing more comes from the first source
    time_point partial_at_ = for_ever;
    std::optional<follow_event> notice_;  // what is told next
    std::error_code failed_;              // of the last reading
    bool look_ = false;                   // at the name
    bool rewatch_ = false;                // what leads to it
    bool present_ = true;                 // the name led to a file when it was looked at
    bool told_present_ = true;
    std::error_code vanished_;  // why it led to none
    time_point missed_at_{};    // when it is time to tell that
    bool retry_ = false;        // to what cannot be opened
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
