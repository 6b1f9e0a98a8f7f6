// SPDX-License-Identifier: MIT
//
// Reading while files change, descriptors run out, signals arrive and other threads read.

#include <skyutil/files.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "files/faults_linux.hpp"
#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

}  // namespace

// ------------------------------------------------------------------- files that change meanwhile

namespace {

/// A line that shows whether it is whole. All have the same length, so that line k is always at the
/// same place, unless `k` is part of the length.
std::string numbered_line(unsigned k, bool varying) {
    const std::string number = std::to_string(1'000'000 + k);
    return number + ":" +
           std::string(varying ? k * 37 % 300 : 40, static_cast<char>('a' + k % 26)) + ":" + number;
}

bool is_numbered_line(const std::string& line, bool varying) {
    if (line.size() < 7 || line.find_first_not_of("0123456789") != 7) {
        return false;
    }
    return line ==
           numbered_line(static_cast<unsigned>(std::stoul(line.substr(0, 7)) - 1'000'000), varying);
}

/// Reads until the time is over, with one thread that calls `write` and two that read. Returns what
/// was wrong.
template <class Write, class Check>
std::vector<std::string> read_while_writing(const fs::path& path, std::chrono::milliseconds time,
                                            Write write, Check check) {
    std::atomic<bool> stop = false;
    std::atomic<int> reads = 0;
    std::vector<std::string> wrong(2);
    std::thread writer([&] {
        while (!stop) {
            write();
        }
    });
    std::vector<std::thread> readers;
    for (std::string& problem : wrong) {
        readers.emplace_back([&, seed = &problem - wrong.data()] {
            constexpr std::array<std::size_t, 5> counts{1, 10, 100, 1000, 5000};
            for (auto i = static_cast<std::size_t>(seed); !stop && problem.empty(); ++i) {
                const std::size_t n = counts[i % counts.size()];
                const outcome result = i % 2 == 0 ? try_read(path, n) : try_tail(path, n);
                if (result.error) {
                    problem = result.error.message();
                } else if (result.found.size() > n) {
                    problem =
                        std::to_string(result.found.size()) + " lines for " + std::to_string(n);
                } else {
                    problem = check(result.found);
                }
                ++reads;
            }
        });
    }
    std::this_thread::sleep_for(time);
    stop = true;
    writer.join();
    for (std::thread& reader : readers) {
        reader.join();
    }
    wrong.erase(std::remove(wrong.begin(), wrong.end(), ""), wrong.end());
    if (reads == 0) {
        wrong.emplace_back("no reads");
    }
    return wrong;
}

/// All lines whole, one after the other; the last may be one that was just being written.
std::string check_whole(const lines& found, bool varying) {
    for (std::size_t i = 0; i < found.size(); ++i) {
        const bool last = i + 1 == found.size();
        if (!is_numbered_line(found[i], varying) && !(last && found.size() > 1) &&
            !(found.size() == 1 && found[0].find_first_not_of("0123456789") >= 7)) {
            return "line " + std::to_string(i) + " of " + std::to_string(found.size()) +
                   " is not whole: " + found[i];
        }
        if (i != 0 && !last &&
            std::stoul(found[i].substr(0, 7)) != std::stoul(found[i - 1].substr(0, 7)) + 1) {
            return "line " + std::to_string(i) + " does not follow: " + found[i];
        }
    }
    return "";
}

}  // namespace

TEST_CASE("a file that grows gives whole lines") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "");
    const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    unsigned k = 0;
    const auto append = [&] {
        if (k < 400'000) {  // in pieces that end anywhere
            std::string text;
            for (int i = 0; i < 20; ++i) {
                text += numbered_line(k++, true) + "\n";
            }
            const std::size_t cut = k * 7919 % text.size();
            write_all(fd.get(), std::string_view(text).substr(0, cut));
            write_all(fd.get(), std::string_view(text).substr(cut));
        } else {
            std::this_thread::yield();
        }
    };
    CHECK(read_while_writing(path, 700ms, append, [](const lines& found) {
              return check_whole(found, true);
          }) == std::vector<std::string>{});
}

TEST_CASE("a file that is truncated and filled again gives whole lines") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "");
    const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    unsigned k = 0;
    unsigned most = 3000;
    const auto refill = [&] {
        std::string text;
        for (int i = 0; i < 50; ++i) {
            text += numbered_line(k++, false) + "\n";
        }
        write_all(fd.get(), text);
        if (k > most) {
            k = 0;
            most = 100 + most * 7919 % 20'000;
            (void)!::ftruncate(fd.get(), 0);
        }
    };
    CHECK(read_while_writing(path, 700ms, refill, [](const lines& found) {
              return check_whole(found, false);
          }) == std::vector<std::string>{});
}

TEST_CASE("a file that is replaced gives the lines of one of the files") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    unsigned k = 0;
    const auto replace = [&] {
        std::string text;
        const unsigned count = 1 + k % 4000;
        for (unsigned i = 0; i < count; ++i) {
            text += numbered_line(k++ % 1'000'000, true) + "\n";
        }
        write_file(directory / "new", text);
        fs::rename(directory / "new", path);
    };
    replace();
    const auto check = [](const lines& found) -> std::string {
        for (const std::string& line : found) {
            if (!is_numbered_line(line, true)) {
                return "not whole: " + line;
            }
        }
        return found.empty() ? "no lines" : "";
    };
    CHECK(read_while_writing(path, 500ms, replace, check) == std::vector<std::string>{});
}

TEST_CASE("a file that is written over gives no more lines than asked for, the first one uncut") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    std::string long_lines;
    std::string short_lines;
    while (long_lines.size() < 1'003'000) {
        long_lines += "<" + std::string(1000, 'x') + ">\n";
    }
    while (short_lines.size() < long_lines.size()) {
        short_lines += "<x>\n";
    }
    REQUIRE(short_lines.size() == long_lines.size());
    write_file(path, long_lines);
    const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    const auto overwrite = [&] {
        for (const std::string& text : {short_lines, long_lines}) {
            (void)!::pwrite(fd.get(), text.data(), text.size(), 0);
        }
    };
    const auto check = [](const lines& found) {
        return found.empty() || !found.front().starts_with('<') ? "cut" : std::string();
    };
    CHECK(read_while_writing(path, 500ms, overwrite, check) == std::vector<std::string>{});
}

// -------------------------------------------------------------------- descriptors, signals,
// threads

TEST_CASE("no descriptor is left open, whatever the outcome") {
    const temporary_directory directory;
    write_file(directory / "small", "a\nb\n");
    write_file(directory / "large", repeat(std::string(199, 'x') + "\n", 1000));
    const nlohmann::json answer = run_in_child([&] {
        const std::size_t before = count_open_descriptors();
        std::error_code error;
        for (int i = 0; i < 1000; ++i) {
            (void)try_read(directory / "small", 1);
            (void)try_read(directory / "missing", 1);
            (void)try_read(directory.path(), 1);
            (void)try_read("/proc/self/limits", 1);
            (void)try_read(directory / "large", all, {.max_bytes = 10});
            (void)skyutil::count_directory_entries(directory.path(), error);
            (void)skyutil::count_directory_entries(directory / "small", error);
            try {
                (void)skyutil::read_last_n_lines(directory / "missing", 1);
            } catch (const fs::filesystem_error&) {
            }
        }
        return static_cast<int>(count_open_descriptors()) - static_cast<int>(before);
    });
    CHECK(answer == 0);
}

TEST_CASE("running out of descriptors is an error that passes") {
    const temporary_directory directory;
    write_file(directory / "file", "x\n");
    const nlohmann::json answer = run_in_child([&] {
        meet_error_types();
        const rlimit limit{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &limit);
        std::vector<int> copies;
        for (int fd = ::dup(0); fd != -1; fd = ::dup(0)) {
            copies.push_back(fd);
        }
        std::error_code counted;
        (void)skyutil::count_directory_entries(directory.path(), counted);
        const outcome full = try_read(directory / "file", 1);
        ::close(copies.back());
        const outcome again = try_read(directory / "file", 1);
        for (const int fd : copies) {  // sanitizers need descriptors
            ::close(fd);
        }
        return nlohmann::json{{"full", full.error.value()},
                              {"counted", counted.value()},
                              {"again", again.error.value()},
                              {"lines", again.found}};
    });
    CHECK(
        answer ==
        nlohmann::json{{"full", EMFILE}, {"counted", EMFILE}, {"again", 0}, {"lines", lines{"x"}}});
}

TEST_CASE("signals do not disturb the reading") {
    const nlohmann::json answer = run_in_child([] {
        static std::atomic<int> signals = 0;
        struct sigaction action{};
        action.sa_handler = [](int) { ++signals; };  // without SA_RESTART
        ::sigaction(SIGALRM, &action, nullptr);
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) == -1) {
            throw_errno("pipe2");
        }
        sigset_t alarm;
        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        ::pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
        std::thread writer([fd = ends[1]] {  // a line for every few signals that the reader has had
            for (int i = 0; i < 20; ++i) {
                const int before = signals;
                while (signals < before + 3) {
                    std::this_thread::yield();
                }
                write_all(fd, std::to_string(i) + "\n");
            }
            ::close(fd);
        });
        ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
        const itimerval timer{{0, 2000}, {0, 2000}};
        ::setitimer(ITIMER_REAL, &timer, nullptr);
        const outcome result = try_read("/proc/self/fd/" + std::to_string(ends[0]), 3);
        const itimerval none{};
        ::setitimer(ITIMER_REAL, &none, nullptr);
        writer.join();
        ::close(ends[0]);
        return nlohmann::json{{"error", result.error.value()}, {"lines", result.found}};
    });
    CHECK(answer == nlohmann::json{{"error", 0}, {"lines", lines{"17", "18", "19"}}});
}

TEST_CASE("several threads read at once") {
    const temporary_directory directory;
    std::vector<std::thread> threads;
    std::array<int, 4> wrong{};
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        const fs::path path = directory / std::to_string(t);
        std::string text;
        for (int i = 0; i < 5000; ++i) {
            text += std::to_string(t) + "-" + std::to_string(i) + "\n";
        }
        write_file(path, text);
        threads.emplace_back([path, text, &bad = wrong[t]] {
            for (std::size_t n = 0; n < 5000; n += 101) {
                bad += skyutil::read_last_n_lines(path, n) == last_lines(text, n) ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == std::array<int, 4>{});
}

// ------------------------------------------------------------------ changes at the worst moments

TEST_CASE("whatever becomes of a file between two reads, the lines are whole and not too many") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const std::string long_lines = repeat("<" + std::string(997, 'x') + ">\n", 300);
    const std::map<std::string, std::function<void()>> changes{
        {"written over with short lines",
         [&] {
             const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
             write_all(fd.get(), repeat("<x>\n", 75'000));
         }},
        {"truncated", [&] { fs::resize_file(path, 0); }},
        {"cut in the middle of a line", [&] { fs::resize_file(path, 100'500); }},
        {"grown", [&] { std::ofstream(path, std::ios::app) << "<more>\n<and more>\n"; }},
        {"filled again",
         [&] { write_file(path, repeat("<" + std::string(96, 'y') + ">\n", 500)); }},
        {"removed", [&] { fs::remove(path); }},
        {"replaced", [&] { skyutil::write_file_atomic(path, "<other>\n"); }},
    };
    for (const auto& [name, change] : changes) {
        for (int before = 0; before < 12; ++before) {
            for (const bool views : {false, true}) {
                INFO(name << " before read " << before << (views ? ", views" : ", strings"));
                write_file(path, long_lines);
                outcome result;
                bool happened = false;
                {
                    const fault fault("pread", before, change);
                    result = views ? try_tail(path, 150) : try_read(path, 150);
                    happened = fault.happened();
                }
                CHECK((happened || before >= 5));
                CHECK_FALSE(result.error);
                CHECK(result.found.size() <= 150);
                for (std::size_t i = 0; i < result.found.size(); ++i) {
                    const std::string& line = result.found[i];
                    const bool cut_at_the_end =
                        name == "cut in the middle of a line" && i + 1 == result.found.size();
                    if (!line.starts_with('<') || (!line.ends_with('>') && !cut_at_the_end)) {
                        FAIL_CHECK("line " << i << " is not whole");
                    }
                }
            }
        }
    }
}
