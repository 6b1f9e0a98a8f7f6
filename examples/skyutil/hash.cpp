// SPDX-License-Identifier: MIT

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"

#include <skyutil/files.hpp>
#include <skyutil/hash.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>

namespace program {

namespace {

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

}  // namespace

command hash_command() {
    const auto with = std::make_shared<hash_arguments>();
    return {.name = "hash",
            .summary = "Print the digests of files, or check them against a list",
            .options =
                {{.names = "-a,--algorithm",
                  .help = "md5 sha1 sha224 sha256 sha384 sha512 sha3_256 sha3_512 blake2b blake2s",
                  .value = "NAME",
                  .by_default = with->algorithm,
                  .set = [=](const argument& name) { with->algorithm = name.text; }},
                 {.names = "-c,--check",
                  .help = "Check the files of a list as this command, sha256sum and BSD's sha256 "
                          "print it: exit code 0 or 1",
                  .value = "LIST",
                  .kind = kind::file,
                  .set = [=](const argument& list) { with->check = list.text; }},
                 {.names = "--threads",
                  .help = "Files read at once; 0 for one a CPU",
                  .value = "N",
                  .by_default = "0",
                  .set = [=](const argument& n) { with->threads = to_number<int>(n); }}},
            .operands = {.name = "file",
                         .help = "Any file, pipe or FIFO",
                         .kind = kind::file,
                         .add = [=](const argument& file) { with->files.emplace_back(file.text); }},
            .run = [=](bool as_json) { return hash(*with, as_json); }};
}

}  // namespace program
