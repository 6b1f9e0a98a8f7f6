// SPDX-License-Identifier: MIT
//
// checksums.hpp: lists of checksums, line by line, and the names in them.
//
// Read is what sha256sum, md5sum, b2sum, shasum, BSD's sha256 and `openssl dgst` print:
//
//     HEX  NAME    HEX *NAME    HEX NAME    SHA256 (NAME) = HEX    SHA2-256(NAME)= HEX

#pragma once

#include "system.hpp"

#include <skyutil/hash.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace program {

/// Returns the name that coreutils and BSD give an algorithm: "SHA256".
[[nodiscard]] std::string_view tag_of(skyutil::hash_algorithm algorithm);

/// Returns a name as the programs of coreutils write it, on one line. `start` becomes "\\" when
/// something had to be escaped: the line has to start with it.
[[nodiscard]] std::string escape(std::string_view name, std::string_view& start);

struct checksum {
    skyutil::hash_algorithm algorithm = skyutil::hash_algorithm::sha256;
    std::string name;
    skyutil::digest expected;
};

/// The lines of one list, as sha256sum -c takes them. Whether there is one character between digest
/// and name, or two, is the same in the whole list: a name can begin with a blank.
class checksum_parser {
public:
    /// Without an algorithm, a line has the one it names; the length of the digest tells MD5, SHA-1
    /// and SHA-2 where none is named.
    explicit checksum_parser(std::optional<skyutil::hash_algorithm> only) : only_(only) {}

    /// Returns what a line says, if it is a checksum of the algorithm. It has no line end.
    [[nodiscard]] std::optional<checksum> parse(std::string_view line);

private:
    std::optional<checksum> parse_tagged(skyutil::hash_algorithm algorithm, std::string_view rest,
                                         bool escaped) const;
    std::optional<checksum> parse_plain(std::string_view line, bool escaped);

    std::optional<skyutil::hash_algorithm> only_;
    std::optional<bool> one_blank_;
};

/// The lines of a file, or of standard input for "-", read as they are asked for. Throws
/// std::filesystem::filesystem_error for what cannot be read, and for a line of more than 1 MiB.
class line_reader {
public:
    explicit line_reader(const std::string& name);

    /// Returns the next line without its end, valid until the next call; nothing after the last.
    [[nodiscard]] std::optional<std::string_view> next();

    /// The number of the last line that was returned, from 1.
    [[nodiscard]] std::size_t number() const { return number_; }

private:
    [[nodiscard]] bool fill();
    void check(const std::error_code& error) const;

    std::string name_;
    input file_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t number_ = 0;
};

}  // namespace program
