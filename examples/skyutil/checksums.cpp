// SPDX-License-Identifier: MIT

#include "checksums.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace program {

namespace {

using skyutil::hash_algorithm;

constexpr std::size_t longest_line = std::size_t{1} << 20;

/// As they are looked for by length, and of which sort a digest is.
struct algorithm_row {
    hash_algorithm algorithm;
    std::string_view tag;
    std::size_t digits;
};

constexpr algorithm_row algorithms[] = {
    {hash_algorithm::md5, "MD5", 32},           {hash_algorithm::sha1, "SHA1", 40},
    {hash_algorithm::sha224, "SHA224", 56},     {hash_algorithm::sha256, "SHA256", 64},
    {hash_algorithm::sha384, "SHA384", 96},     {hash_algorithm::sha512, "SHA512", 128},
    {hash_algorithm::sha3_256, "SHA3-256", 64}, {hash_algorithm::sha3_512, "SHA3-512", 128},
    {hash_algorithm::blake2b, "BLAKE2b", 128},  {hash_algorithm::blake2s, "BLAKE2s", 64},
};

const algorithm_row& row_of(hash_algorithm algorithm) {
    return *std::find_if(std::begin(algorithms), std::end(algorithms),
                         [&](const algorithm_row& row) { return row.algorithm == algorithm; });
}

/// The names of OpenSSL and all that parse_hash_algorithm knows.
std::optional<hash_algorithm> find_tag(std::string_view tag) {
    constexpr std::pair<std::string_view, hash_algorithm> others[] = {
        {"SHA2-224", hash_algorithm::sha224},     {"SHA2-256", hash_algorithm::sha256},
        {"SHA2-384", hash_algorithm::sha384},     {"SHA2-512", hash_algorithm::sha512},
        {"BLAKE2B-512", hash_algorithm::blake2b}, {"BLAKE2S-256", hash_algorithm::blake2s},
        {"BLAKE2b512", hash_algorithm::blake2b},  {"BLAKE2s256", hash_algorithm::blake2s},
    };
    for (const auto& [name, algorithm] : others) {
        if (tag == name) {
            return algorithm;
        }
    }
    try {
        return skyutil::parse_hash_algorithm(tag);
    } catch (const std::invalid_argument&) {
        return std::nullopt;
    }
}

constexpr std::string_view blanks = " \t";

std::string_view skip_blanks(std::string_view text) {
    text.remove_prefix((std::min)(text.find_first_not_of(blanks), text.size()));
    return text;
}

std::size_t count_hex_digits(std::string_view text) {
    return (std::min)(text.find_first_not_of("0123456789abcdefABCDEF"), text.size());
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

std::optional<checksum> make_checksum(hash_algorithm algorithm, std::string_view name, bool escaped,
                                      std::string_view hex) {
    std::optional<std::string> file = escaped ? unescape(name) : std::optional(std::string(name));
    if (!file || file->find('\0') != file->npos) {
        return std::nullopt;
    }
    return checksum{algorithm, *std::move(file), skyutil::digest::from_hex(hex)};
}

}  // namespace

std::string_view tag_of(hash_algorithm algorithm) { return row_of(algorithm).tag; }

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

std::optional<checksum> checksum_parser::parse(std::string_view line) {
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    line = skip_blanks(line);
    const bool escaped = line.starts_with('\\');
    line.remove_prefix(escaped ? 1 : 0);
    const std::string_view tag = line.substr(0, line.find_first_of(" \t("));
    std::string_view rest = line.substr(tag.size());
    rest.remove_prefix(rest.starts_with(' ') ? 1 : 0);
    if (rest.starts_with('(')) {
        if (const std::optional<hash_algorithm> named = find_tag(tag)) {
            return parse_tagged(*named, rest.substr(1), escaped);
        }
    }
    return parse_plain(line, escaped);
}

/// "NAME) = HEX", with any blanks around the "=".
std::optional<checksum> checksum_parser::parse_tagged(hash_algorithm algorithm,
                                                      std::string_view rest, bool escaped) const {
    const std::size_t end = rest.rfind(')');
    if (end == rest.npos || (only_ && *only_ != algorithm)) {
        return std::nullopt;
    }
    std::string_view hex = skip_blanks(rest.substr(end + 1));
    if (!hex.starts_with('=')) {
        return std::nullopt;
    }
    hex = skip_blanks(hex.substr(1));
    if (hex.size() != row_of(algorithm).digits || count_hex_digits(hex) != hex.size()) {
        return std::nullopt;
    }
    return make_checksum(algorithm, rest.substr(0, end), escaped, hex);
}

std::optional<checksum> checksum_parser::parse_plain(std::string_view line, bool escaped) {
    const std::string_view hex = line.substr(0, count_hex_digits(line));
    std::string_view name = line.substr(hex.size());
    const auto row =
        std::find_if(std::begin(algorithms), std::end(algorithms), [&](const algorithm_row& each) {
            return each.digits == hex.size() && (!only_ || *only_ == each.algorithm);
        });
    if (row == std::end(algorithms) || name.size() < 2 ||
        blanks.find(name.front()) == blanks.npos) {
        return std::nullopt;
    }
    name.remove_prefix(1);
    const bool one_blank = name.size() == 1 || (name.front() != ' ' && name.front() != '*');
    if (one_blank && one_blank_ == false) {
        return std::nullopt;  // or somebody renames files by a blank in front
    }
    if (one_blank_ != true) {
        one_blank_ = one_blank;
    }
    name.remove_prefix(*one_blank_ ? 0 : 1);
    return make_checksum(row->algorithm, name, escaped, hex);
}

line_reader::line_reader(const std::string& name) : name_(name), buffer_(longest_line + 1) {
    if (name != "-") {
        std::error_code error;
        file_ = input(to_path(name), error);
        check(error);
    }
}

void line_reader::check(const std::error_code& error) const {
    if (error) {
        throw std::filesystem::filesystem_error("cannot read the list of checksums", to_path(name_),
                                                error);
    }
}

std::optional<std::string_view> line_reader::next() {
    const auto left = [this] { return std::string_view(buffer_.data() + begin_, end_ - begin_); };
    std::size_t searched = 0;
    do {
        if (const std::size_t size = left().find('\n', searched); size != std::string_view::npos) {
            const std::string_view line = left().substr(0, size);
            begin_ += size + 1;
            ++number_;
            return line;
        }
        searched = left().size();
    } while (fill());
    const std::string_view line = left();
    begin_ = end_;
    number_ += line.empty() ? 0 : 1;
    return line.empty() ? std::nullopt : std::optional(line);
}

/// Reads more behind what is left. Returns false at the end of the file.
bool line_reader::fill() {
    if (begin_ != 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == buffer_.size()) {
        throw std::runtime_error(name_ + ": line " + std::to_string(number_ + 1) +
                                 " is longer than 1 MiB: this is no list of checksums");
    }
    std::error_code error;
    const std::size_t size = file_.read(std::span(buffer_).subspan(end_), error);
    check(error);
    end_ += size;
    return size != 0;
}

}  // namespace program
