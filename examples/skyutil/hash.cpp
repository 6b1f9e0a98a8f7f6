// SPDX-License-Identifier: MIT

#include "checksums.hpp"
#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"
#include "system.hpp"

#include <skyutil/hash.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace program {

namespace {

using skyutil::hash_algorithm;

struct hash_arguments {
    std::vector<std::string> files;
    std::optional<hash_algorithm> algorithm;
    std::optional<std::string> check;
    int threads = 0;
    bool tag = false;
    bool zero = false;
    bool ignore_missing = false;
    bool strict = false;
    bool quiet = false;
    bool status = false;
    bool warn = false;

    /// What a check tells: the last of the three options is in force, as in coreutils.
    void tell(bool hash_arguments::* which) {
        quiet = status = warn = false;
        this->*which = true;
    }
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

/// Standard input from where it is, which opening /dev/stdin does not give for files.
skyutil::file_digest hash_standard_input(hash_algorithm algorithm) {
    skyutil::file_digest file{.path = "-", .digest = {}, .error = {}};
    skyutil::incremental_hash hash(algorithm);
    const input standard;
    std::vector<char> buffer(std::size_t{256} * 1024);
    while (const std::size_t size = standard.read(buffer, file.error)) {
        hash.update(std::as_bytes(std::span(buffer.data(), size)));
    }
    if (!file.error) {
        file.digest = hash.finish();
    }
    return file;
}

std::vector<skyutil::file_digest> hash_paths(const std::vector<std::filesystem::path>& files,
                                             hash_algorithm algorithm, int threads) {
    skyutil::hash_files_options options;
    options.threads = threads;
    if (!errors_go_to_terminal()) {
        return skyutil::hash_files(files, algorithm, options);
    }
    progress_line line(files);
    options.progress = [&](std::uint64_t bytes, std::size_t count) { line.show(bytes, count); };
    return skyutil::hash_files(files, algorithm, options);
}

/// Hashes files, and standard input for "-", in their order.
std::vector<skyutil::file_digest> hash_all(const std::vector<std::string>& names,
                                           hash_algorithm algorithm, int threads) {
    std::vector<std::filesystem::path> files;
    for (const std::string& name : names) {
        if (name != "-") {
            files.push_back(to_path(name));
        }
    }
    std::vector<skyutil::file_digest> found = hash_paths(files, algorithm, threads);
    for (std::size_t i = 0; i != names.size(); ++i) {
        if (names[i] == "-") {
            found.insert(found.begin() + static_cast<std::ptrdiff_t>(i),
                         hash_standard_input(algorithm));
        }
    }
    return found;
}

json to_json(const skyutil::file_digest& file, hash_algorithm algorithm) {
    json page;
    set_text(page, "file", to_text(file.path));
    page["algorithm"] = to_string(algorithm);
    page["digest"] = file.error ? json(nullptr) : json(file.digest.hex());
    page["error"] = file.error ? json(file.error.message()) : json(nullptr);
    return page;
}

/// The check of one list. The list is read in parts, whose files are hashed together: it may be of
/// any length.
class list_check {
public:
    list_check(const hash_arguments& arguments, bool as_json)
        : arguments_(arguments),
          as_json_(as_json),
          list_(*arguments.check == "-" ? "standard input" : *arguments.check),
          parser_(arguments.algorithm) {}

    int run() {
        line_reader lines(*arguments_.check);
        std::vector<checksum> part;
        std::size_t bytes = 0;
        while (const std::optional<std::string_view> line = next(lines)) {
            if (line->empty() || *line == "\r" || line->starts_with('#')) {
                continue;
            }
            std::optional<checksum> sum = parser_.parse(*line);
            if (!sum || (sum->name == "-" && *arguments_.check == "-")) {
                add_bad_line(lines.number());
                continue;
            }
            bytes += sum->name.size();
            part.push_back(*std::move(sum));
            if (part.size() == 4096 || bytes > (std::size_t{4} << 20)) {
                check(part);
                part.clear();
                bytes = 0;
            }
        }
        check(part);
        return conclude();
    }

private:
    /// Nothing after the last line, or where the list cannot be read on: what is before that
    /// counts.
    std::optional<std::string_view> next(line_reader& lines) {
        try {
            return std::cout ? lines.next() : std::nullopt;
        } catch (const std::runtime_error& e) {
            report(explain(e));
            cut_short_ = true;
            return std::nullopt;
        }
    }

    /// Hashes the files of a part, those of one algorithm together, and tells the results in order.
    void check(const std::vector<checksum>& part) {
        std::map<hash_algorithm, std::vector<std::size_t>> by_algorithm;
        for (std::size_t i = 0; i < part.size(); ++i) {
            by_algorithm[part[i].algorithm].push_back(i);
        }
        std::vector<skyutil::file_digest> found(part.size());
        for (const auto& [algorithm, indices] : by_algorithm) {
            std::vector<std::string> names;
            for (const std::size_t i : indices) {
                names.push_back(part[i].name);
            }
            auto digests = hash_all(names, algorithm, arguments_.threads);
            for (std::size_t i = 0; i < indices.size(); ++i) {
                found[indices[i]] = std::move(digests[i]);
            }
        }
        for (std::size_t i = 0; i < part.size(); ++i) {
            tell(part[i], found[i]);
        }
        std::cout.flush();
    }

    void tell(const checksum& sum, const skyutil::file_digest& found) {
        ++sums_;
        if (arguments_.ignore_missing && found.error == std::errc::no_such_file_or_directory) {
            return;
        }
        const bool right = !found.error && found.digest == sum.expected;
        all_right_ = all_right_ && right;
        any_right_ = any_right_ || right;
        if (found.error) {
            report(to_text(found.path), found.error);
        }
        if (as_json_) {
            json result = to_json(found, sum.algorithm);
            result["expected"] = sum.expected.hex();
            result["ok"] = right;
            std::cout << (told_ == 0 ? "{\n  \"results\": [\n    " : ",\n    ")
                      << result.dump(-1, ' ', false, json::error_handler_t::replace);
            ++told_;
        } else if (!arguments_.status && !(right && arguments_.quiet)) {
            std::string_view start;
            const std::string name = escape(sum.name, start);
            std::cout << start << name
                      << (right         ? ": OK\n"
                          : found.error ? ": FAILED open or read\n"
                                        : ": FAILED\n");
        }
    }

    void add_bad_line(std::size_t number) {
        constexpr std::size_t most = 1000;  // to hold in memory
        ++bad_lines_;
        if (first_bad_lines_.size() < most) {
            first_bad_lines_.push_back(number);
        }
        if (arguments_.warn) {
            report(list_ + ": line " + std::to_string(number) + " is no checksum" + of_algorithm());
        }
    }

    std::string of_algorithm() const {
        return arguments_.algorithm ? " of " + std::string(tag_of(*arguments_.algorithm)) : "";
    }

    int conclude() const {
        const bool none_verified = arguments_.ignore_missing && !any_right_;
        if (sums_ == 0 && !cut_short_) {
            report(list_ + ": there are no checksums" + of_algorithm() + " in it");
        } else if (bad_lines_ != 0 && !arguments_.warn && !arguments_.status) {
            report(list_ + ": " + std::to_string(bad_lines_) +
                   (bad_lines_ == 1
                        ? " line is no checksum" + of_algorithm() + ": line "
                        : " lines are no checksums" + of_algorithm() + ", the first is line ") +
                   std::to_string(first_bad_lines_.front()));
        }
        if (sums_ != 0 && none_verified && all_right_) {
            report(list_ + ": no file was verified");
        }
        const int code = sums_ == 0 || cut_short_ ? failure
                         : !all_right_ || none_verified || (arguments_.strict && bad_lines_ != 0)
                             ? no
                             : yes;
        if (as_json_) {
            std::cout << (told_ == 0 ? "{\n  \"results\": [" : "\n  ")
                      << "],\n  \"bad_lines\": " << json(first_bad_lines_)
                      << ",\n  \"bad_line_count\": " << bad_lines_
                      << ",\n  \"ok\": " << (code == yes ? "true" : "false") << "\n}\n";
        }
        return code;
    }

    const hash_arguments& arguments_;
    bool as_json_;
    std::string list_;
    checksum_parser parser_;
    std::size_t sums_ = 0;
    std::size_t told_ = 0;
    std::size_t bad_lines_ = 0;
    std::vector<std::size_t> first_bad_lines_;
    bool all_right_ = true;
    bool any_right_ = false;
    bool cut_short_ = false;
};

/// As the programs of coreutils print it.
void print_line(const skyutil::file_digest& file, const hash_arguments& arguments,
                hash_algorithm algorithm) {
    std::string_view start;
    const std::string plain = to_text(file.path);
    const std::string name = arguments.zero ? plain : escape(plain, start);
    const std::string hex = file.digest.hex();
    std::cout << start;
    if (arguments.tag) {
        std::cout << tag_of(algorithm) << " (" << name << ") = " << hex;
    } else {
        std::cout << hex << "  " << name;
    }
    std::cout << (arguments.zero ? '\0' : '\n');
}

/// Some options are for checking lists only, and some are not.
void check_combination(const hash_arguments& arguments) {
    if (arguments.check.has_value() != arguments.files.empty()) {
        throw std::invalid_argument("hash takes either files or --check with a list of checksums");
    }
    const std::pair<bool, const char*> for_check[] = {
        {arguments.ignore_missing, "--ignore-missing"},
        {arguments.quiet, "--quiet"},
        {arguments.status, "--status"},
        {arguments.strict, "--strict"},
        {arguments.warn, "--warn"}};
    for (const auto& [given, name] : for_check) {
        if (given && !arguments.check) {
            throw std::invalid_argument(std::string(name) + " is for --check only");
        }
    }
    if (arguments.check && (arguments.tag || arguments.zero)) {
        throw std::invalid_argument(std::string(arguments.tag ? "--tag" : "--zero") +
                                    " is not for --check");
    }
}

int hash(const hash_arguments& arguments, bool as_json) {
    check_combination(arguments);
    if (arguments.check) {
        return list_check(arguments, as_json).run();
    }
    const hash_algorithm algorithm = arguments.algorithm.value_or(hash_algorithm::sha256);
    json list = json::array();
    bool failed = false;
    for (const skyutil::file_digest& file :
         hash_all(arguments.files, algorithm, arguments.threads)) {
        if (file.error) {
            failed = true;
            report(to_text(file.path), file.error);
        }
        if (as_json) {
            list.push_back(to_json(file, algorithm));
        } else if (!file.error) {
            print_line(file, arguments, algorithm);
        }
    }
    if (as_json) {
        print(list);
    }
    return failed ? failure : yes;
}

const std::vector<std::string> algorithm_names{"md5",     "sha1",   "sha224",   "sha256",
                                               "sha384",  "sha512", "sha3_256", "sha3_512",
                                               "blake2b", "blake2s"};

std::string list_of_algorithms() {
    std::string list;
    for (const std::string& name : algorithm_names) {
        list += (list.empty() ? "" : " ") + name;
    }
    return list;
}

hash_algorithm to_algorithm(const argument& name) {
    try {
        return skyutil::parse_hash_algorithm(name.text);
    } catch (const std::invalid_argument&) {
        throw std::invalid_argument(name.name + ": '" + name.text +
                                    "' is unknown; allowed: " + list_of_algorithms());
    }
}

}  // namespace

command hash_command() {
    const auto with = std::make_shared<hash_arguments>();
    return {
        .name = "hash",
        .summary = "Print the digests of files, or check them against a list",
        .options = {{.names = "-a,--algorithm",
                     .help = list_of_algorithms(),
                     .value = "NAME",
                     .by_default = "sha256",
                     .choices = algorithm_names,
                     .set = [=](const argument& name) { with->algorithm = to_algorithm(name); }},
                    {.names = "-c,--check",
                     .help =
                         "Check the files of a list of checksums: exit code 0 when all are right",
                     .value = "LIST",
                     .kind = kind::file,
                     .set = [=](const argument& list) { with->check = list.text; }},
                    {.names = "--tag",
                     .help = "Print as BSD's programs do: SHA256 (FILE) = DIGEST",
                     .set = call([=] { with->tag = true; })},
                    {.names = "-z,--zero",
                     .help = "End lines with NUL, and escape no names",
                     .set = call([=] { with->zero = true; })},
                    {.names = "--ignore-missing",
                     .help = "Check: pass over files that are not there",
                     .set = call([=] { with->ignore_missing = true; })},
                    {.names = "--quiet", .help = "Check: print no OK", .set = call([=] {
                                                                           with->quiet = true;
                                                                       })},
                    {.names = "--status",
                     .help = "Check: print nothing, the exit code tells",
                     .set = call([=] { with->tell(&hash_arguments::status); })},
                    {.names = "--strict",
                     .help = "Check: exit code 1 for lines that are no checksums",
                     .set = call([=] { with->strict = true; })},
                    {.names = "-w,--warn",
                     .help = "Check: report each line that is no checksum",
                     .set = call([=] { with->tell(&hash_arguments::warn); })},
                    {.names = "--threads",
                     .help = "Files read at once; 0 for one a CPU",
                     .value = "N",
                     .by_default = "0",
                     .set = [=](const argument& n) { with->threads = to_number<int>(n, 0); }}},
        .operands = {.name = "file",
                     .help = "Any file, pipe or FIFO; - for standard input",
                     .kind = kind::file,
                     .add = [=](const argument& file) { with->files.push_back(file.text); }},
        .run = [=](bool as_json) { return hash(*with, as_json); },
        .details =
            "LIST is what this command, sha256sum and its kin, shasum, BSD's sha256 or openssl "
            "dgst "
            "print; - is standard input. Without -a, a line has the algorithm it names, or MD5, "
            "SHA-1 or SHA-2 by the length of its digest; with -a, all others are no checksums. "
            "Exit code of a check: 0 all right, 1 not, 2 no list of checksums. With --json, "
            "file_bytes has the bytes of a name that is not UTF-8, in base 64."};
}

}  // namespace program
