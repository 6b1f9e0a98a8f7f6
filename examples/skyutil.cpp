// SPDX-License-Identifier: MIT
//
// skyutil: the library as a program. Every command prints text for people or, with --json, one JSON
// value.
//
// Exit codes: 0 yes or done, 1 no, 2 usage or error. Errors are one line each on standard error.

#include <skyutil/files.hpp>
#include <skyutil/hash.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>
#if defined(SKYUTIL_PROGRAM_RUNS_COMMANDS)
#include <skyutil/subprocess.hpp>

#include <atomic>
#include <csignal>
#include <stop_token>
#endif

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using json = nlohmann::ordered_json;

enum exit_code { yes = 0, no = 1, failure = 2 };

/// One line, whatever it contains.
void report(std::string_view what) {
    std::string line = "skyutil: ";
    for (const char c : what) {
        line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
    std::cerr << line + '\n';
}

/// "cannot read /x: No such file or directory"
void report(const std::filesystem::path& path, const std::error_code& error) {
    report("cannot read " + path.string() + ": " + error.message());
}

void print(const json& value) {
    std::cout << value.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

// ------------------------------------------------------------------------------------------------
// inspect

/// Makes a file in a directory and returns its path.
std::filesystem::path write(const skyutil::temporary_directory& directory, const std::string& name,
                            std::string_view text) {
    std::filesystem::path file = directory.path() / name;
    skyutil::write_file_atomic(file, text);
    return file;
}

struct check_result {
    std::string function;
    std::string shown;
    bool works;
};

/// Calls every function on something real whose answer is known from elsewhere.
std::vector<check_result> run_checks() {
    std::vector<check_result> results;
    const auto check = [&](std::string function,
                           const std::function<std::pair<std::string, bool>()>& call) {
        try {
            auto [shown, works] = call();
            results.push_back({std::move(function), std::move(shown), works});
        } catch (const std::exception& e) {
            results.push_back({std::move(function), e.what(), false});
        }
    };
    const std::int64_t self = ::getpid();

    check("get_cpu_count", [] {
        const int cpus = skyutil::get_cpu_count();
        return std::pair(std::to_string(cpus) + " CPUs",
                         cpus == skyutil::get_cpu_budget().usable());
    });
    check("get_mem_size_gb", [] {
        const double size = skyutil::get_mem_size_gb();
        return std::pair(skyutil::format_float(size, 2) + " GiB", size > 0);
    });
    check("get_parallel_threads", [] {
        const int threads = skyutil::get_parallel_threads();
        return std::pair(
            std::to_string(threads) + " threads",
            threads >= 4 && skyutil::get_parallel_threads("Kubernetes") == 4 * threads);
    });
    check("is_process_alive", [&] {
        return std::pair("process " + std::to_string(self) + ", which is this one",
                         skyutil::is_process_alive(self) && skyutil::pid_exists(self) &&
                             !skyutil::is_process_alive(0) && !skyutil::is_process_alive(-1));
    });
    check("process_handle", [&] {
        const auto handle = skyutil::process_handle::open(self);
        return std::pair("process " + std::to_string(handle.pid()) + ", and nobody else",
                         handle.alive() && !handle.wait(std::chrono::seconds(0)));
    });
    check("child_processes", [&] {
        const auto children = skyutil::child_processes(self);
        const auto tree = skyutil::process_tree(self);
        return std::pair(std::to_string(children.size()) + " of process " + std::to_string(self),
                         tree.size() == children.size() + 1 && tree.front().pid == self);
    });
    check("kill_process_tree", [] {
        std::error_code error;
        static_cast<void>(skyutil::kill_process_tree(-1, error));
        return std::pair(std::string("refuses process -1"), error == std::errc::no_such_process);
    });
    check("find_free_port", [] {
        std::uint16_t port = skyutil::find_free_port(20000);
        for (int taken = 0; taken != 20 && !skyutil::is_port_available(port); ++taken) {
            port = skyutil::find_free_port(20000);  // another program was faster
        }
        return std::pair("port " + std::to_string(port),
                         port >= 20000 && skyutil::is_port_available(port));
    });
    check("read_last_n_lines", [] {
        const skyutil::temporary_directory scratch;
        const auto file = write(scratch, "log", "first\nsecond\nthird");
        return std::pair(
            std::string("the last 2 lines of a file of 3"),
            skyutil::read_last_n_lines(file, 2) == std::vector<std::string>{"second", "third"});
    });
    check("hash_file", [] {
        const skyutil::temporary_directory scratch;
        const std::string hex = skyutil::hash_file(write(scratch, "abc", "abc"), "sha256").hex();
        return std::pair(
            "SHA-256 " + skyutil::truncate_long_string(hex, 19, skyutil::truncate_mode::exact),
            hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    });
    check("estimate_fd_for_directory", [] {
        const skyutil::temporary_directory scratch;
        static_cast<void>(write(scratch, "a", ""));
        static_cast<void>(write(scratch, "b", ""));
        const std::size_t descriptors = skyutil::estimate_fd_for_directory(scratch.path());
        return std::pair(std::to_string(descriptors) + " descriptors for 2 files",
                         descriptors == 10);
    });
    check("get_max_workers_for_file_mounts", [] {
        const skyutil::temporary_directory scratch;
        const int workers = skyutil::get_max_workers_for_file_mounts({scratch.path()});
        return std::pair(std::to_string(workers) + " workers",
                         workers >= 1 && workers <= skyutil::get_parallel_threads());
    });
    check("base36_encode", [] {
        const std::string text = skyutil::base36_encode("deadbeef");
        return std::pair("deadbeef is " + text,
                         text == "1ps9wxb" && skyutil::base36_decode(text) == "deadbeef");
    });
    check("format_float", [] {
        const std::string text = skyutil::format_float(1234567.89, 1);
        return std::pair("1234567.89 is " + text,
                         text == "1234567.9" && skyutil::format_float(2.0) == "2");
    });
    check("truncate_long_string", [] {
        const std::string text =
            skyutil::truncate_long_string("a caf\u00e9 in Z\u00fcrich and one in K\u00f6ln", 17);
        return std::pair(text, text == "a caf\u00e9 in Z\u00fcrich and...");
    });
    return results;
}

int inspect(bool as_json) {
    const std::vector<check_result> checks = run_checks();
    std::size_t working = 0;
    for (const check_result& check : checks) {
        working += check.works ? 1 : 0;
    }
    if (as_json) {
        json list = json::array();
        for (const auto& [function, shown, works] : checks) {
            list.push_back({{"function", function}, {"works", works}, {"shown", shown}});
        }
        json page = json::parse(skyutil::describe_resources(skyutil::description::json));
        page["parallel_threads"] = skyutil::get_parallel_threads();
        page["checks"] = std::move(list);
        print(page);
        return working == checks.size() ? yes : no;
    }

    std::cout << skyutil::describe_resources() << "\nThreads                 "
              << skyutil::get_parallel_threads() << " to work in parallel\n";
    std::cout << "\nEvery function, called here:\n";
    for (const auto& [function, shown, works] : checks) {
        std::string line = (works ? "  ok      " : "  FAILED  ") + function;
        line.resize(44, ' ');
        std::cout << line << shown << '\n';
    }
    std::cout << working << " of " << checks.size() << " work\n";
    return working == checks.size() ? yes : no;
}

// ---------------------------------------------------------------------------------------------------
// tail

struct tail_arguments {
    std::filesystem::path file;
    std::size_t lines = 10;
    std::size_t max_bytes = skyutil::tail_options{}.max_bytes;
    bool replace_invalid = false;
};

int tail(const tail_arguments& arguments, bool as_json) {
    skyutil::tail_options options;
    options.max_bytes = arguments.max_bytes;
    if (arguments.replace_invalid) {
        options.invalid_utf8 = skyutil::invalid_utf8::replace;
    }
    if (!as_json) {
        options.line_end = skyutil::line_end::keep;
    }
    std::error_code error;
    const skyutil::file_tail found(arguments.file, arguments.lines, options, error);
    if (error) {
        report(arguments.file, error);
        return failure;
    }
    if (as_json) {
        print({{"file", arguments.file.string()}, {"lines", found.lines()}});
    } else {
        for (const std::string_view line : found.lines()) {
            std::cout << line;
        }
    }
    return yes;
}

// ---------------------------------------------------------------------------------------------------
// hash

struct hash_arguments {
    std::vector<std::filesystem::path> files;
    std::string algorithm = "sha256";
    std::filesystem::path check;
    int threads = 0;
};

/// On a terminal, one line that says how far the hashing is; gone with the object.
class progress_line {
public:
    explicit progress_line(const std::vector<std::filesystem::path>& files) : files_(files.size()) {
        for (const std::filesystem::path& file : files) {
            std::error_code error;
            const std::uintmax_t size = std::filesystem::file_size(file, error);
            bytes_ += error ? 0 : static_cast<double>(size);
        }
    }
    progress_line(const progress_line&) = delete;
    progress_line& operator=(const progress_line&) = delete;
    ~progress_line() {
        if (shown_) {
            std::cerr << "\r\x1b[K" << std::flush;
        }
    }

    void show(std::uint64_t bytes, std::size_t files) {
        if (!shown_ && files == files_) {
            return;  // it took no time
        }
        constexpr std::size_t width = 30;
        const double part = bytes_ > 0 ? (std::min)(static_cast<double>(bytes) / bytes_, 1.0) : 0.0;
        std::string bar(static_cast<std::size_t>(part * width), '#');
        bar.resize(width, '.');
        std::cerr << "\r\x1b[K[" << bar << "] " << static_cast<int>(part * 100) << "%, " << files
                  << " of " << files_ << " files" << std::flush;
        shown_ = true;
    }

private:
    std::size_t files_;
    double bytes_ = 0;
    bool shown_ = false;
};

std::vector<skyutil::file_digest> hash_all(const std::vector<std::filesystem::path>& files,
                                           skyutil::hash_algorithm algorithm, int threads) {
    skyutil::hash_files_options options;
    options.threads = threads;
    if (::isatty(STDERR_FILENO) == 0) {
        return skyutil::hash_files(files, algorithm, options);
    }
    progress_line line(files);
    options.progress = [&](std::uint64_t bytes, std::size_t count) { line.show(bytes, count); };
    return skyutil::hash_files(files, algorithm, options);
}

/// A name as the programs of coreutils write it: on one line, which starts with a backslash when
/// something had to be escaped.
std::string escape(std::string_view name, std::string_view& start) {
    std::string out;
    for (const char c : name) {
        const std::string_view escaped = c == '\\'   ? "\\\\"
                                         : c == '\n' ? "\\n"
                                         : c == '\r' ? "\\r"
                                                     : "";
        if (escaped.empty()) {
            out += c;
        } else {
            start = "\\";
            out += escaped;
        }
    }
    return out;
}

std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        constexpr std::string_view letters = "\\nr";
        const std::size_t which =
            ++i < text.size() ? letters.find(text[i]) : std::string_view::npos;
        if (which == std::string_view::npos) {
            return std::nullopt;
        }
        out += "\\\n\r"[which];
    }
    return out;
}

struct checksum {
    skyutil::hash_algorithm algorithm = skyutil::hash_algorithm::sha256;
    std::filesystem::path file;
    skyutil::digest expected;
    skyutil::file_digest found = {};
};

/// A line of a list of checksums: "HEX  NAME", "HEX *NAME" or "ALGORITHM (NAME) = HEX".
std::optional<checksum> parse_checksum(std::string_view line, skyutil::hash_algorithm algorithm) {
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    const bool escaped = line.starts_with('\\');
    line.remove_prefix(escaped ? 1 : 0);
    std::string_view hex = line.substr(0, line.find(' '));
    std::string_view name = line.substr(hex.size());
    try {
        if (const std::size_t end = line.rfind(") = ");
            name.starts_with(" (") && end != name.npos) {
            if (end < hex.size() + 2) {
                return std::nullopt;
            }
            algorithm = skyutil::parse_hash_algorithm(hex);
            name = line.substr(hex.size() + 2, end - hex.size() - 2);
            hex = line.substr(end + 4);
        } else if (name.starts_with("  ") || name.starts_with(" *")) {
            name.remove_prefix(2);
        } else {
            return std::nullopt;
        }
        const std::optional<std::string> file =
            escaped ? unescape(name) : std::optional(std::string(name));
        const skyutil::digest expected = skyutil::digest::from_hex(hex);
        const std::size_t size = skyutil::hash_bytes({}, algorithm).bytes().size();
        if (!file || file->empty() || expected.bytes().size() != size) {
            return std::nullopt;
        }
        return checksum{algorithm, *file, expected};
    } catch (const std::invalid_argument&) {  // no such algorithm, or no hexadecimal
        return std::nullopt;
    }
}

/// The lines of a list of checksums, and the numbers of those that are none.
struct checksum_list {
    std::vector<checksum> sums;
    std::vector<std::size_t> bad_lines;
};

checksum_list read_checksums(const std::filesystem::path& path, skyutil::hash_algorithm algorithm) {
    constexpr std::size_t most = std::size_t{64} << 20;
    std::error_code error;
    const std::vector<std::string> lines = skyutil::read_last_n_lines(
        path, most, {.line_end = skyutil::line_end::strip_lf, .max_bytes = most}, error);
    if (error) {
        throw std::filesystem::filesystem_error("cannot read the list of checksums", path, error);
    }
    checksum_list list;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (auto sum = parse_checksum(lines[i], algorithm)) {
            list.sums.push_back(*std::move(sum));
        } else if (!lines[i].empty() && !lines[i].starts_with('#')) {
            list.bad_lines.push_back(i + 1);
        }
    }
    return list;
}

/// Hashes every file of the list, those of one algorithm together.
void find_digests(std::vector<checksum>& sums, int threads) {
    std::map<skyutil::hash_algorithm, std::vector<std::size_t>> by_algorithm;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        by_algorithm[sums[i].algorithm].push_back(i);
    }
    for (const auto& [algorithm, indices] : by_algorithm) {
        std::vector<std::filesystem::path> files;
        for (const std::size_t i : indices) {
            files.push_back(sums[i].file);
        }
        std::vector<skyutil::file_digest> found = hash_all(files, algorithm, threads);
        for (std::size_t i = 0; i < indices.size(); ++i) {
            sums[indices[i]].found = std::move(found[i]);
        }
    }
}

json to_json(const skyutil::file_digest& file, skyutil::hash_algorithm algorithm) {
    return {{"file", file.path.string()},
            {"algorithm", to_string(algorithm)},
            {"digest", file.error ? json(nullptr) : json(file.digest.hex())},
            {"error", file.error ? json(file.error.message()) : json(nullptr)}};
}

int check_hashes(const hash_arguments& arguments, bool as_json) {
    checksum_list list =
        read_checksums(arguments.check, skyutil::parse_hash_algorithm(arguments.algorithm));
    find_digests(list.sums, arguments.threads);
    json results = json::array();
    bool all = true;
    for (const auto& [algorithm, file, expected, found] : list.sums) {
        const bool right = !found.error && found.digest == expected;
        all = all && right;
        if (found.error) {
            report(file, found.error);
        }
        if (as_json) {
            json result = to_json(found, algorithm);
            result["expected"] = expected.hex();
            result["ok"] = right;
            results.push_back(std::move(result));
        } else {
            std::string_view start;
            const std::string name = escape(file.native(), start);
            std::cout << start << name
                      << (right         ? ": OK\n"
                          : found.error ? ": FAILED open or read\n"
                                        : ": FAILED\n");
        }
    }
    for (const std::size_t number : list.bad_lines) {
        report(arguments.check.string() + ": line " + std::to_string(number) +
               " is no line of a list of checksums");
    }
    if (list.sums.empty()) {
        report(arguments.check.string() + ": there are no checksums in it");
    }
    if (as_json) {
        print({{"ok", all && !list.sums.empty() && list.bad_lines.empty()},
               {"results", std::move(results)},
               {"bad_lines", list.bad_lines}});
    }
    return !all ? no : list.sums.empty() || !list.bad_lines.empty() ? failure : yes;
}

int hash(const hash_arguments& arguments, bool as_json) {
    if (arguments.check.empty() == arguments.files.empty()) {
        throw std::invalid_argument("hash takes either files or --check with a list of checksums");
    }
    if (!arguments.check.empty()) {
        return check_hashes(arguments, as_json);
    }
    const skyutil::hash_algorithm algorithm = skyutil::parse_hash_algorithm(arguments.algorithm);
    json list = json::array();
    bool failed = false;
    for (const skyutil::file_digest& file :
         hash_all(arguments.files, algorithm, arguments.threads)) {
        if (file.error) {
            failed = true;
            report(file.path, file.error);
        }
        if (as_json) {
            list.push_back(to_json(file, algorithm));
        } else if (!file.error) {
            std::string_view start;
            const std::string name = escape(file.path.native(), start);
            std::cout << start << file.digest.hex() << "  " << name << '\n';
        }
    }
    if (as_json) {
        print(list);
    }
    return failed ? failure : yes;
}

// ---------------------------------------------------------------------------------------------------
// port

struct port_arguments {
    std::uint16_t start = 1024;
    std::uint16_t count = 1;
    std::optional<std::uint16_t> check;
    std::chrono::duration<double> hold{};
    skyutil::port_options options;
};

int port(const port_arguments& arguments, bool as_json) {
    if (arguments.check) {
        const bool available = skyutil::is_port_available(*arguments.check, arguments.options);
        if (as_json) {
            print({{"port", *arguments.check}, {"available", available}});
        } else {
            std::cout << *arguments.check << (available ? " is free\n" : " is taken\n");
        }
        return available ? yes : no;
    }
    const std::vector<skyutil::reserved_port> held =
        skyutil::reserve_ports(arguments.count, arguments.start, arguments.options);
    json ports = json::array();
    for (const skyutil::reserved_port& each : held) {
        ports.push_back(each.port());
        if (!as_json) {
            std::cout << each.port() << '\n';
        }
    }
    if (as_json) {
        print({{"port", held.front().port()}, {"ports", std::move(ports)}});
    }
    if (arguments.hold.count() > 0 && std::cout.flush()) {
        std::this_thread::sleep_for(arguments.hold);
    }
    return yes;
}

// --------------------------------------------------------------------------------------------------
// alive

std::int64_t parse_pid(const std::string& text) {
    std::int64_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw std::invalid_argument("'" + text + "' is no process id");
    }
    return pid;
}

using seconds = std::chrono::duration<double>;

/// Waits until all have ended, at most for as long as the time.
void wait_for(const std::vector<std::int64_t>& pids, seconds time) {
    using clock = std::chrono::steady_clock;
    std::vector<skyutil::process_handle> handles;
    for (const std::int64_t pid : pids) {
        std::error_code error;
        skyutil::process_handle handle = skyutil::process_handle::open(pid, error);
        if (!error) {
            handles.push_back(std::move(handle));
        } else if (error != std::errc::no_such_process) {
            throw std::system_error(error, "cannot wait for process " + std::to_string(pid));
        }
    }
    const auto begin = clock::now();
    for (const skyutil::process_handle& handle : handles) {
        static_cast<void>(handle.wait(time - (clock::now() - begin)));
    }
}

int alive(const std::vector<std::string>& texts, std::optional<double> wait, bool as_json) {
    std::vector<std::int64_t> pids;
    std::transform(texts.begin(), texts.end(), std::back_inserter(pids), parse_pid);
    if (wait) {
        wait_for(pids, seconds(*wait));
    }
    json list = json::array();
    bool all = true;
    for (const std::int64_t pid : pids) {
        const bool running = skyutil::is_process_alive(pid);
        const bool exists = skyutil::pid_exists(pid);
        all = all && running;
        if (as_json) {
            list.push_back({{"pid", pid}, {"alive", running}, {"exists", exists}});
        } else {
            std::cout << pid
                      << (running  ? " is alive\n"
                          : exists ? " is a zombie\n"
                                   : " does not exist\n");
        }
    }
    if (as_json) {
        print(list);
    }
    return all ? yes : no;
}

// ------------------------------------------------------------------------------------------------
// kill-tree

struct kill_tree_arguments {
    std::string pid;
    double grace = 10;
    bool force = false;
    bool children = false;
};

int kill_tree(const kill_tree_arguments& arguments, bool as_json) {
    using std::chrono::milliseconds;
    const seconds grace(arguments.grace);
    skyutil::kill_tree_options options;
    options.grace = grace < std::chrono::hours(24 * 365 * 100)
                        ? std::chrono::ceil<milliseconds>((std::max)(grace, seconds()))
                        : (milliseconds::max)();
    options.force = arguments.force;
    options.include_root = !arguments.children;
    const skyutil::kill_report report =
        skyutil::kill_process_tree(parse_pid(arguments.pid), options);
    if (as_json) {
        json left = json::array();
        for (const auto& [pid, error] : report.left) {
            left.push_back({{"pid", pid}, {"error", error.message()}});
        }
        print({{"signalled", report.signalled},
               {"killed", report.killed},
               {"left", std::move(left)}});
        return report.left.empty() ? yes : no;
    }
    for (const std::int64_t pid : report.signalled) {
        const bool killed =
            std::find(report.killed.begin(), report.killed.end(), pid) != report.killed.end();
        const bool left = std::any_of(report.left.begin(), report.left.end(),
                                      [&](const auto& each) { return each.pid == pid; });
        if (!left) {
            std::cout << pid << (killed ? " was killed\n" : " ended\n");
        }
    }
    for (const auto& [pid, error] : report.left) {
        std::cout << pid << " is left: " << error.message() << '\n';
    }
    return report.left.empty() ? yes : no;
}

// ------------------------------------------------------------------------------------------------
// ps

int ps(const std::string& text, bool as_json) {
    const std::vector<skyutil::process_info> tree = skyutil::process_tree(parse_pid(text));
    if (as_json) {
        json list = json::array();
        for (const auto& [pid, parent, name, alive] : tree) {
            list.push_back({{"pid", pid}, {"parent", parent}, {"name", name}, {"alive", alive}});
        }
        print(list);
        return yes;
    }
    std::map<std::int64_t, std::vector<const skyutil::process_info*>> children;
    for (auto info = tree.begin() + 1; info < tree.end(); ++info) {
        children[info->parent].push_back(&*info);
    }
    // Depth first, without a call for each level: trees can be deep.
    std::vector<std::pair<const skyutil::process_info*, std::size_t>> left{{&tree.front(), 0}};
    while (!left.empty()) {
        const auto [info, depth] = left.back();
        left.pop_back();
        std::string name = info->name;
        std::replace_if(
            name.begin(), name.end(),
            [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
        std::cout << std::string(2 * depth, ' ') << info->pid << ' ' << name
                  << (info->alive ? "\n" : " (zombie)\n");
        for (const auto* const child : std::views::reverse(children[info->pid])) {
            left.emplace_back(child, depth + 1);
        }
    }
    return yes;
}

// ------------------------------------------------------------------------------------------------
// workers

struct workers_arguments {
    std::vector<std::filesystem::path> sources;
    std::string cloud;
    std::optional<std::size_t> estimate_sources;
    std::size_t estimate_files = 100;
};

int workers(const workers_arguments& arguments, bool as_json) {
    const int threads = skyutil::get_parallel_threads(arguments.cloud);
    const int count =
        arguments.estimate_sources
            ? skyutil::get_max_workers_for_file_mounts(*arguments.estimate_sources,
                                                       arguments.estimate_files, arguments.cloud)
            : skyutil::get_max_workers_for_file_mounts(arguments.sources, arguments.cloud);
    if (as_json) {
        print({{"workers", count}, {"parallel_threads", threads}});
    } else {
        std::cout << count << '\n';
    }
    return yes;
}

// -------------------------------------------------------------------------------------------------
// base36

int base36(const std::vector<std::string>& numbers, bool decode, bool as_json) {
    json list = json::array();
    for (const std::string& number : numbers) {
        const std::string result =
            decode ? skyutil::base36_decode(number) : skyutil::base36_encode(number);
        if (as_json) {
            list.push_back({{"from", number}, {"to", result}});
        } else {
            std::cout << result << '\n';
        }
    }
    if (as_json) {
        print(list);
    }
    return yes;
}

// -------------------------------------------------------------------------------------------
// command line

#if defined(SKYUTIL_PROGRAM_RUNS_COMMANDS)

// ------------------------------------------------------------------------------------------------
// run

struct run_arguments {
    std::vector<std::string> words;
    std::optional<double> timeout;
    double grace = 10;
    int retries = 0;
    std::vector<int> retry_codes;
    std::optional<std::size_t> max_output;
};

/// As timeout(1) and shells have it.
enum command_exit_code { timed_out = 124, by_signal = 128 };

/// Requests a stop at SIGINT, SIGTERM and SIGHUP: whoever started this program gets rid of the
/// command through it.
class stop_at_signals {
public:
    stop_at_signals() {
        ::sigemptyset(&signals_);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
            ::sigaddset(&signals_, signal);
        }
        ::sigprocmask(SIG_BLOCK, &signals_, nullptr);
        waiter_ = std::jthread([this](const std::stop_token& ended) {
            const timespec pause{0, 50'000'000};
            while (!ended.stop_requested()) {
                if (const int signal = ::sigtimedwait(&signals_, nullptr, &pause); signal > 0) {
                    signal_ = signal;
                    source_.request_stop();
                }
            }
        });
    }

    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
    [[nodiscard]] int signal() const { return signal_; }

private:
    sigset_t signals_{};
    std::atomic<int> signal_ = 0;
    std::stop_source source_;
    std::jthread waiter_;
};

int run_command(const run_arguments& arguments, bool as_json) {
    const auto milliseconds = [](double time) {
        return std::chrono::ceil<std::chrono::milliseconds>(seconds(time));
    };
    const stop_at_signals stopper;
    skyutil::run_options options{.grace = milliseconds(arguments.grace),
                                 .max_output = arguments.max_output,
                                 .stop = stopper.token(),
                                 .stdin_from = skyutil::stdio::inherit};
    if (arguments.timeout) {
        options.timeout = milliseconds(*arguments.timeout);
    }
    options.attributes.die_with_parent = true;
    if (!as_json) {  // what a terminal is for stays with the command
        options.stdout_to = skyutil::stdio::inherit;
        options.stderr_to = skyutil::stdio::inherit;
        options.attributes.group = skyutil::child_group::same;
    }
    int attempts = 1;
    std::minstd_rand generator{std::random_device()()};
    skyutil::retry_options retries{.max_retries = arguments.retries,
                                   .retry_codes = arguments.retry_codes};
    retries.backoff.random = [&] {
        ++attempts;
        return std::uniform_real_distribution<double>()(generator);
    };
    const skyutil::completed_process result =
        skyutil::run_with_retries(arguments.words, retries, options);
    if (as_json) {
        print({{"exit_code", result.exit_code},
               {"signal", result.signal},
               {"timed_out", result.timed_out},
               {"stopped", result.stopped},
               {"truncated", result.truncated},
               {"attempts", attempts},
               {"elapsed_seconds", seconds(result.elapsed).count()},
               {"peak_memory_bytes", result.peak_memory},
               {"stdout", result.stdout_text},
               {"stderr", result.stderr_text}});
    }
    return result.timed_out         ? timed_out
           : stopper.signal() != 0  ? by_signal + stopper.signal()
           : result.signal != 0     ? by_signal + result.signal
           : result.exit_code == -1 ? failure
                                    : result.exit_code;
}

#endif

int run(int argc, char** argv) {
    CLI::App app{"What this process may use, and small things every service needs."};
    app.set_version_flag("--version", std::string(skyutil::version));
    app.require_subcommand(1);
    app.failure_message([](const CLI::App*, const CLI::Error&) { return std::string(); });

    bool as_json = false;
    std::function<int()> command;
    const auto add = [&](const std::string& name, const std::string& description,
                         std::function<int()> call) {
        CLI::App* const sub = app.add_subcommand(name, description);
        sub->add_flag("--json", as_json, "Print one JSON value");
        sub->callback([&command, call = std::move(call)] { command = call; });
        return sub;
    };

    add("inspect", "Show what this process may use and why, and try every function here",
        [&] { return inspect(as_json); });

    tail_arguments tail_with;
    CLI::App* sub =
        add("tail", "Print the last lines of a file", [&] { return tail(tail_with, as_json); });
    sub->add_option("file", tail_with.file, "Any file, pipe or FIFO")->required();
    sub->add_option("-n,--lines", tail_with.lines, "How many lines")->capture_default_str();
    sub->add_option("--max-bytes", tail_with.max_bytes, "Fail rather than hold more text in memory")
        ->capture_default_str();
    sub->add_flag("--replace-invalid", tail_with.replace_invalid,
                  "Replace what is not UTF-8 by U+FFFD");

    hash_arguments hash_with;
    sub = add("hash", "Print the digests of files, or check them against a list",
              [&] { return hash(hash_with, as_json); });
    sub->add_option("file", hash_with.files, "Any file, pipe or FIFO");
    sub->add_option("-a,--algorithm", hash_with.algorithm,
                    "md5 sha1 sha224 sha256 sha384 sha512 sha3_256 sha3_512 blake2b blake2s")
        ->capture_default_str();
    sub->add_option("-c,--check", hash_with.check,
                    "Check the files of a list as this command, sha256sum and BSD's sha256 print "
                    "it: exit code 0 or 1");
    sub->add_option("--threads", hash_with.threads, "Files read at once; 0 for one a CPU")
        ->capture_default_str();

    port_arguments port_with;
    const std::map<std::string, skyutil::family> families{{"both", skyutil::family::both},
                                                          {"ipv4", skyutil::family::ipv4},
                                                          {"ipv6", skyutil::family::ipv6}};
    const std::map<std::string, skyutil::protocol> protocols{{"both", skyutil::protocol::both},
                                                             {"tcp", skyutil::protocol::tcp},
                                                             {"udp", skyutil::protocol::udp}};
    sub = add("port", "Print free ports, hold them for a time, or tell whether one is free",
              [&] { return port(port_with, as_json); });
    sub->add_option("start", port_with.start, "The first port to try, 0 for any")
        ->capture_default_str();
    sub->add_option("--last", port_with.options.last, "The last port to try")
        ->capture_default_str();
    sub->add_option("-c,--count", port_with.count, "How many ports, no two the same")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    sub->add_option_function<double>(
           "--hold", [&](double time) { port_with.hold = std::chrono::duration<double>(time); },
           "Keep others from the ports for so many seconds after printing them")
        ->check(CLI::Range(0.0, 1e9));
    sub->add_flag_callback(
        "--hand-over", [&] { port_with.options.hold = skyutil::hold::hand_over; },
        "Let a server that sets SO_REUSEADDR take a port over while it is held");
    sub->add_option("--check", port_with.check, "Tell whether this port is free: exit code 0 or 1");
    const auto add_choice = [&](const std::string& name, auto& value, const auto& choices,
                                const char* description) {
        std::vector<std::string> names;
        for (const auto& [choice, meaning] : choices) {
            names.push_back(choice);
        }
        sub->add_option_function<std::string>(
               name, [&](const std::string& chosen) { value = choices.at(chosen); }, description)
            ->check(CLI::IsMember(names));
    };
    add_choice("--family", port_with.options.family, families,
               "Both by default, as far as the machine has them");
    add_choice("--protocol", port_with.options.protocol, protocols, "TCP by default");
    sub->add_flag_callback(
        "--loopback", [&] { port_with.options.address = skyutil::address::loopback; },
        "127.0.0.1 and ::1 only");

    std::vector<std::string> pids;
    std::optional<double> wait;
    sub = add("alive", "Tell whether processes are alive: exit code 0 when all are",
              [&] { return alive(pids, wait, as_json); });
    sub->add_option("pid", pids, "Process ids")->required();
    sub->add_option("--wait", wait, "Wait until all have ended first, at most so many seconds");

    kill_tree_arguments kill_with;
    sub =
        add("kill-tree", "End a process and all it started: exit code 0 when none of them is left",
            [&] { return kill_tree(kill_with, as_json); });
    sub->add_option("pid", kill_with.pid, "A process id")->required();
    sub->add_option("--grace", kill_with.grace, "Seconds from SIGTERM to SIGKILL")
        ->capture_default_str();
    sub->add_flag("--force", kill_with.force, "SIGKILL at once");
    sub->add_flag("--children", kill_with.children, "Spare the process itself");

    std::string ps_root;
    sub = add("ps", "Show a process and all it started", [&] { return ps(ps_root, as_json); });
    sub->add_option("pid", ps_root, "A process id")->required();

    workers_arguments workers_with;
    sub = add("workers", "Print how many workers may copy directories at once",
              [&] { return workers(workers_with, as_json); });
    sub->add_option("source", workers_with.sources, "Files and directories");
    sub->add_option("--cloud", workers_with.cloud, "\"kubernetes\" allows four times as many");
    sub->add_option("--sources", workers_with.estimate_sources,
                    "Estimate for a number of sources instead");
    sub->add_option("--files", workers_with.estimate_files,
                    "Files in each source, for the estimate")
        ->capture_default_str();

    std::vector<std::string> numbers;
    bool decode = false;
    sub = add("base36", "Turn hexadecimal numbers into base 36",
              [&] { return base36(numbers, decode, as_json); });
    sub->add_option("number", numbers, "Numbers of any length")->required();
    sub->add_flag("-d,--decode", decode, "Turn base 36 into hexadecimal");

#if defined(SKYUTIL_PROGRAM_RUNS_COMMANDS)
    run_arguments run_with;
    sub = add("run", "Run a command; its exit code, 124 after the timeout, 128 + signal",
              [&] { return run_command(run_with, as_json); });
    sub->add_option("command", run_with.words, "The program and its arguments, after --")
        ->required();
    sub->add_option("-t,--timeout", run_with.timeout, "End it, with all it started, after seconds")
        ->check(CLI::Range(0.0, 1e9));
    sub->add_option("--grace", run_with.grace, "Seconds from SIGTERM to SIGKILL")
        ->check(CLI::Range(0.0, 1e9))
        ->capture_default_str();
    sub->add_option("-r,--retries", run_with.retries, "Run it again so often while it fails")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    sub->add_option("--retry-code", run_with.retry_codes,
                    "Exit codes that are worth another run, all by default")
        ->delimiter(',')
        ->allow_extra_args(false);
    sub->add_option("--max-output", run_with.max_output,
                    "With --json: bytes to keep of each output");
#endif

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() == 0) {
            return app.exit(e);
        }
        report(std::string(e.what()) + " (skyutil --help lists the commands)");
        return failure;
    }
    const int code = command();
    if (!std::cout.flush()) {
        report("cannot write to standard output");
        return failure;
    }
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& e) {
        report(e.what());
        return failure;
    }
}
