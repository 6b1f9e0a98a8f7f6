// SPDX-License-Identifier: MIT
//
// The ways to ask for a digest: files, bytes, pieces, several hashers, names of algorithms.

#include <skyutil/hash.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "hash/contents.hpp"
#include "hash/vectors.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using skyutil::digest;
using skyutil::hash_algorithm;

namespace {

namespace fs = std::filesystem;

/// A hasher that remembers the sizes of the blocks it was given.
class block_sizes {
public:
    static constexpr unsigned DIGESTSIZE = 1;
    static inline std::vector<std::size_t> seen;

    void Update(const unsigned char*, std::size_t size) { seen.push_back(size); }
    void Final(unsigned char* out) { *out = 0; }
};

}  // namespace

TEST_CASE("hash_file of a file and hash_bytes of its content are equal") {
    const temporary_directory directory;
    for (const std::size_t size : std::vector<std::size_t>{0, 1, 16'382, 16'383, 16'384, 262'142,
                                                           262'143, 262'144, 262'145, 524'289}) {
        const std::string text = random_bytes(size);
        write_file(directory / "file", text);
        for (const hash_algorithm algorithm : every_algorithm) {
            INFO(to_string(algorithm) << " of " << size << " bytes");
            CHECK(skyutil::hash_file(directory / "file", algorithm).hex() ==
                  hash_text(text, algorithm));
        }
    }
}

TEST_CASE("every form of hash_file gives the same digest") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "abc");
    const digest sha256 = skyutil::hash_bytes(as_bytes("abc"), hash_algorithm::sha256);
    const digest sha512 = skyutil::hash_bytes(as_bytes("abc"), hash_algorithm::sha512);

    CHECK(skyutil::hash_file(path) == sha256);
    CHECK(skyutil::hash_file(path, hash_algorithm::sha512) == sha512);
    CHECK(skyutil::hash_file(path, "sha512") == sha512);
    CHECK(skyutil::hash_file(path, std::string("SHA-512")) == sha512);
    CHECK(skyutil::hash_file<CryptoPP::SHA512>(path) == sha512);

    const auto with_error = [](auto hash, const digest& expected) {
        std::error_code error = std::make_error_code(std::errc::io_error);  // stale
        CHECK(hash(error) == expected);
        CHECK_FALSE(error);
    };
    with_error([&](std::error_code& error) { return skyutil::hash_file(path, error); }, sha256);
    with_error(
        [&](std::error_code& error) {
            return skyutil::hash_file(path, hash_algorithm::sha512, error);
        },
        sha512);
    with_error([&](std::error_code& error) { return skyutil::hash_file(path, "sha512", error); },
               sha512);
    with_error(
        [&](std::error_code& error) { return skyutil::hash_file<CryptoPP::SHA512>(path, error); },
        sha512);
}

TEST_CASE("several hashers in one pass equal each alone") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    for (const std::size_t size : std::vector<std::size_t>{0, 3, 300'000}) {
        INFO(size << " bytes");
        write_file(path, random_bytes(size));
        const auto [a, b, c] =
            skyutil::hash_file<CryptoPP::SHA256, CryptoPP::Weak1::MD5, CryptoPP::BLAKE2b>(path);
        CHECK(a == skyutil::hash_file(path, hash_algorithm::sha256));
        CHECK(b == skyutil::hash_file(path, hash_algorithm::md5));
        CHECK(c == skyutil::hash_file(path, hash_algorithm::blake2b));
        const auto [d, e] = skyutil::hash_file<CryptoPP::SHA256, CryptoPP::SHA256>(path);
        CHECK(d == a);
        CHECK(e == a);
    }
    STATIC_REQUIRE(std::is_same_v<decltype(skyutil::hash_file<CryptoPP::SHA1>(path)), digest>);
    STATIC_REQUIRE(
        std::tuple_size_v<decltype(skyutil::hash_file<CryptoPP::SHA1, CryptoPP::SHA1>(path))> == 2);
    CHECK(skyutil::hash_file<CryptoPP::SHA3_384>(path).bytes().size() == 48);

    std::error_code error;
    const auto [f, g] =
        skyutil::hash_file<CryptoPP::SHA256, CryptoPP::SHA1>(directory / "missing", error);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(f == digest());
    CHECK(g == digest());
}

TEST_CASE("a hasher of one's own is given every byte once and in order") {
    STATIC_REQUIRE(skyutil::hasher<pattern_hasher>);
    STATIC_REQUIRE(skyutil::hasher<CryptoPP::SHA256>);
    STATIC_REQUIRE_FALSE(skyutil::hasher<int>);
    STATIC_REQUIRE_FALSE(skyutil::hasher<std::string>);
    const temporary_directory directory;
    for (const std::size_t size :
         std::vector<std::size_t>{0, 1, 16'384, 262'143, 262'144, 262'145, 600'000}) {
        INFO(size << " bytes");
        write_file(directory / "file", pattern(0, size));
        const auto [mine, sha256] =
            skyutil::hash_file<pattern_hasher, CryptoPP::SHA256>(directory / "file");
        CHECK(mine.bytes().size() == 9);
        CHECK(pattern_hasher::count(mine) == size);
        CHECK(pattern_hasher::right(mine));
        CHECK(sha256 == skyutil::hash_file(directory / "file"));
    }
}

TEST_CASE("files are read in blocks of 256 KiB") {
    const temporary_directory directory;
    write_file(directory / "file", std::string(3 * 262'144 + 5, 'x'));
    block_sizes::seen.clear();
    (void)skyutil::hash_file<block_sizes>(directory / "file");
    CHECK(block_sizes::seen == std::vector<std::size_t>{262'144, 262'144, 262'144, 5});
}

TEST_CASE("algorithms have their names in any spelling") {
    using enum hash_algorithm;
    const std::vector<std::pair<hash_algorithm, std::vector<std::string_view>>> spellings{
        {md5, {"md5", "MD5", "Md5", "md-5", "MD-5"}},
        {sha1, {"sha1", "SHA1", "SHA-1", "sha-1", "Sha_1"}},
        {sha224, {"sha224", "SHA224", "SHA-224", "sha_224"}},
        {sha256, {"sha256", "SHA256", "SHA-256", "sha-256", "sha_256", "sHa256"}},
        {sha384, {"sha384", "SHA384", "SHA-384"}},
        {sha512, {"sha512", "SHA512", "SHA-512"}},
        {sha3_256, {"sha3_256", "SHA3-256", "sha3-256", "SHA3_256", "SHA-3-256", "sha3256"}},
        {sha3_512, {"sha3_512", "SHA3-512", "sha3-512", "SHA3_512"}},
        {blake2b, {"blake2b", "BLAKE2b", "BLAKE2B", "blake2-b"}},
        {blake2s, {"blake2s", "BLAKE2s", "BLAKE2S"}},
    };
    CHECK(spellings.size() == every_algorithm.size());
    for (const auto& [algorithm, names] : spellings) {
        CHECK(to_string(algorithm) == names.front());
        for (const std::string_view name : names) {
            INFO(name);
            CHECK(skyutil::parse_hash_algorithm(name) == algorithm);
        }
    }
    STATIC_REQUIRE(skyutil::parse_hash_algorithm("SHA-256") == sha256);
    STATIC_REQUIRE(to_string(sha3_512) == "sha3_512");
    CHECK(to_string(static_cast<hash_algorithm>(99)) == "unknown");
}

TEST_CASE("an unknown name is invalid_argument with the known ones listed") {
    using namespace std::string_view_literals;
    const temporary_directory directory;
    write_file(directory / "file", "abc");
    const std::vector<std::string_view> names{
        "",
        "-",
        "foo",
        "md4",
        "crc32",
        " md5",
        "md5 ",
        "md55",
        "md",
        "sha",
        "sha25",
        "sha2567",
        "sha512/256",
        "sha512_256",
        "ripemd160",
        "sha256\0"sv,
        "blake2",
        "blake2bp",
        "sha2",
        "\xc5\xbfha256",
        "sha\xc2\xad"
        "256",
    };
    for (const std::string_view name : names) {
        INFO(name);
        try {
            (void)skyutil::parse_hash_algorithm(name);
            FAIL_CHECK("no exception");
        } catch (const std::invalid_argument& error) {
            const std::string what = error.what();
            CHECK(what.find("skyutil::parse_hash_algorithm") == 0);
            for (const hash_algorithm algorithm : every_algorithm) {
                CHECK(what.find(" " + std::string(to_string(algorithm))) != std::string::npos);
            }
        }
        std::error_code error;
        CHECK_THROWS_AS(skyutil::hash_file(directory / "file", name), std::invalid_argument);
        CHECK_THROWS_AS(skyutil::hash_file(directory / "file", name, error), std::invalid_argument);
    }
    CHECK_THROWS_WITH(skyutil::parse_hash_algorithm("md4"),
                      Catch::Matchers::ContainsSubstring("'md4'"));
    CHECK_THROWS_AS(skyutil::hash_file(directory / "file", static_cast<hash_algorithm>(99)),
                    std::invalid_argument);
    CHECK_THROWS_AS(skyutil::hash_bytes(as_bytes(""), static_cast<hash_algorithm>(99)),
                    std::invalid_argument);
}

TEST_CASE("pieces give the digest of the whole, wherever they are cut") {
    const std::string text = random_bytes(1000);
    for (const hash_algorithm algorithm : every_algorithm) {
        INFO(to_string(algorithm));
        const digest whole = skyutil::hash_bytes(as_bytes(text), algorithm);
        skyutil::incremental_hash hash(algorithm);
        for (const std::size_t size : std::vector<std::size_t>{1, 3, 63, 64, 65, 128, 1000}) {
            INFO("pieces of " << size);
            std::vector<std::span<const std::byte>> pieces;
            for (std::size_t at = 0; at < text.size(); at += size) {
                pieces.push_back(as_bytes(std::string_view(text).substr(at, size)));
                pieces.emplace_back();
                hash.update(pieces[pieces.size() - 2]).update({});
            }
            CHECK(hash.finish() == whole);  // and starts anew
            CHECK(skyutil::hash_buffers(pieces, algorithm) == whole);
        }
        CHECK(hash.finish() == skyutil::hash_bytes({}, algorithm));
        CHECK(skyutil::hash_buffers(std::vector<std::vector<std::byte>>(), algorithm) ==
              skyutil::hash_bytes({}, algorithm));
    }
    CHECK(skyutil::incremental_hash().update(as_bytes("abc")).finish() ==
          skyutil::hash_bytes(as_bytes("abc"), hash_algorithm::sha256));
    CHECK(skyutil::incremental_hash("SHA-512").update(as_bytes("abc")).finish() ==
          skyutil::hash_bytes(as_bytes("abc"), hash_algorithm::sha512));
    CHECK_THROWS_AS(skyutil::incremental_hash("sha0"), std::invalid_argument);
    CHECK_THROWS_AS(skyutil::incremental_hash(static_cast<hash_algorithm>(99)),
                    std::invalid_argument);
}

TEST_CASE("a copy of an incremental_hash goes on alone") {
    for (const hash_algorithm algorithm : every_algorithm) {
        INFO(to_string(algorithm));
        skyutil::incremental_hash one(algorithm);
        one.update(as_bytes(random_bytes(200)));
        skyutil::incremental_hash other = one;
        other.update(as_bytes("other"));
        one.update(as_bytes("one"));
        CHECK(one.finish().hex() == hash_text(random_bytes(200) + "one", algorithm));
        one = other;
        CHECK(one.finish().hex() == hash_text(random_bytes(200) + "other", algorithm));
        CHECK(other.finish().hex() == hash_text(random_bytes(200) + "other", algorithm));
    }
}
