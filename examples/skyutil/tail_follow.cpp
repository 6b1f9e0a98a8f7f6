// SPDX-License-Identifier: MIT

#include "common.hpp"
#include "follow_waits.hpp"
#include "system.hpp"
#include "tail.hpp"

#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/process.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace program {

namespace {

std::chrono::milliseconds poll_interval(const tail_arguments& arguments) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(arguments.interval);
}

skyutil::follow_options options_for(const tail_arguments& arguments, bool as_json) {
    skyutil::follow_options options;
    using enum skyutil::follow_start;
    const bool bytes = arguments.counted == tail_arguments::unit::bytes;
    options.start = bytes ? position : arguments.from_start ? beginning : last_lines;
    options.last_lines = static_cast<std::size_t>(arguments.count);
    options.by_name = arguments.by_name || arguments.retry;
    options.line_end = as_json ? skyutil::line_end::strip_lf : skyutil::line_end::keep;
    if (arguments.replace_invalid) {
        options.invalid_utf8 = skyutil::invalid_utf8::replace;
    }
    options.max_line = (std::min)(arguments.max_bytes, options.max_line);
    options.poll_interval = poll_interval(arguments);
    return options;
}

/// Where the bytes begin that are asked for; 0 for what has no size.
std::uint64_t first_byte(const tail_arguments& arguments, const std::string& file) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(to_path(file), error);
    const std::uint64_t end = error ? 0 : size;
    return arguments.from_start ? (std::min)(arguments.skipped(), end)
                                : end - (std::min)(arguments.count, end);
}

class follower {
public:
    follower(const tail_arguments& arguments, bool as_json)
        : arguments_(arguments),
          as_json_(as_json),
          headers_(arguments.files.size() > 1 && !as_json),
          set_(options_for(arguments, as_json)) {
        for (const std::string& file : arguments_.files) {
            add(file);
        }
        for (const std::int64_t pid : arguments_.pids) {
            std::error_code error;
            skyutil::process_handle handle = skyutil::process_handle::open(pid, error);
            if (!error) {
                processes_.push_back(std::move(handle));
            } else if (error != std::errc::no_such_process) {
                throw std::system_error(error, "cannot wait for process " + std::to_string(pid));
            }
        }
    }

    int run() {
        while (!followed_.empty()) {
            // What was written by a process that has ended is read after it has.
            const bool last = is_over();
            drain();
            if (last || !std::cout) {
                break;
            }
            wait();
        }
        return failed_ ? failure : yes;
    }

private:
    void add(const std::string& file) {
        std::error_code error;
        const std::size_t number =
            set_.add(to_path(file), {first_byte(arguments_, file), {}}, error);
        if (error) {
            report(file, error);
            failed_ = true;
            return;
        }
        followed_[number] = {
            file, arguments_.counted == tail_arguments::unit::lines ? arguments_.skipped() : 0};
        std::error_code missing;
        if (!std::filesystem::exists(to_path(file), missing)) {
            report(file,
                   missing ? missing : std::make_error_code(std::errc::no_such_file_or_directory));
        } else if (!as_json_) {
            headers_.print_for(file);
        }
        drain();
    }

    /// Prints what there is. A signal may end this process then.
    void drain() {
        while (std::optional<skyutil::follow_event> event = set_.next(std::chrono::seconds(0))) {
            show(*event);
            if (!std::cout || waits_.is_told()) {
                break;
            }
        }
        std::cout.flush();
        waits_.end_if_told();
    }

    [[nodiscard]] bool is_over() const {
        return !arguments_.pids.empty() &&
               std::none_of(processes_.begin(), processes_.end(),
                            [](const skyutil::process_handle& each) { return each.alive(); });
    }

    /// Waits for something to print, to be ended, or for nobody to read it any more.
    void wait() const {
        if (!waits_.wait(set_, poll_interval(arguments_), !processes_.empty())) {
            std::cout.setstate(std::ios::badbit);
        }
    }

    void show(const skyutil::follow_event& event) {
        using enum skyutil::follow_kind;
        auto& [file, skipped] = followed_[event.file];
        if (as_json_) {
            if (skipped == 0 || event.kind != line) {
                show_as_json(file, event);
            }
            skipped -= event.kind == line && skipped != 0 ? 1 : 0;
            return;
        }
        switch (event.kind) {
            case line:
            case partial:
                if (skipped == 0) {
                    headers_.print_for(file);
                    std::cout << event.text;
                }
                skipped -= event.kind == line && skipped != 0 ? 1 : 0;
                break;
            case rotated:
                say(file + " has been replaced: following the new file");
                break;
            case truncated:
                say(file + " has been truncated");
                break;
            case vanished:
                say(file + " cannot be opened any more: " + event.error.message());
                break;
            case appeared:
                say(file + " has appeared: following it");
                break;
            case failed:
                std::cout.flush();
                report(file, event.error);
                failed_ = true;
                break;
        }
    }

    /// After what has been printed.
    static void say(const std::string& what) {
        std::cout.flush();
        report(what);
    }

    static void show_as_json(const std::string& file, const skyutil::follow_event& event) {
        static const char* const names[] = {"line",     "partial",  "rotated", "truncated",
                                            "vanished", "appeared", "failed"};
        json page;
        set_text(page, "file", file);
        page["event"] = names[static_cast<int>(event.kind)];
        if (event.kind == skyutil::follow_kind::line ||
            event.kind == skyutil::follow_kind::partial) {
            set_text(page, "text", event.text);
        }
        if (event.error) {
            page["error"] = event.error.message();
        }
        std::cout << page.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    }

    struct followed {
        std::string file;
        std::uint64_t skipped = 0;  ///< lines that are still not to be printed
    };

    const follow_waits waits_;
    const tail_arguments& arguments_;
    bool as_json_;
    tail_headers headers_;
    skyutil::file_follower_set set_;
    std::map<std::size_t, followed> followed_;
    std::vector<skyutil::process_handle> processes_;
    bool failed_ = false;
};

}  // namespace

int follow(const tail_arguments& arguments, bool as_json) {
    return follower(arguments, as_json).run();
}

}  // namespace program
