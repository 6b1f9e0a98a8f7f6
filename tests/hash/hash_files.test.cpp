// SPDX-License-Identifier: MIT

#include <skyutil/hash.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <ranges>
#include <set>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "hash/vectors.hpp"
#include "support.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using skyutil::digest;
using skyutil::hash_algorithm;

namespace {

namespace fs = std::filesystem;

constexpr std::array every_algorithm{
    hash_algorithm::md5,      hash_algorithm::sha1,     hash_algorithm::sha224,
    hash_algorithm::sha256,   hash_algorithm::sha384,   hash_algorithm::sha512,
    hash_algorithm::sha3_256, hash_algorithm::sha3_512, hash_algorithm::blake2b,
    hash_algorithm::blake2s,
};

std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string hash_text(std::string_view text, hash_algorithm algorithm) {
    return skyutil::hash_bytes(as_bytes(text), algorithm).hex();
}

std::string random_bytes(std::size_t size) {
    std::mt19937_64 random(size);
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; i += 8) {
        const std::uint64_t bits = random();
        for (std::size_t j = i; j < size && j < i + 8; ++j) {
            text[j] = static_cast<char>(static_cast<unsigned char>(bits >> (8 * (j - i))));
        }
    }
    return text;
}

struct outcome {
    std::error_code error;
    digest result;
};

outcome try_hash(const fs::path& path, hash_algorithm algorithm = hash_algorithm::sha256) {
    outcome result;
    result.error = std::make_error_code(std::errc::bad_message);  // stale
    result.result = skyutil::hash_file(path, algorithm, result.error);
    return result;
}

/// The byte at a place of a file that readers may find shorter or longer.
unsigned char pattern_at(std::uint64_t offset) {
    return static_cast<unsigned char>((offset * 2'654'435'761U) >> 13);
}

std::string pattern(std::uint64_t offset, std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(pattern_at(offset + i));
    }
    return text;
}

/// A hasher of a user: how many bytes it was given, and whether all were those of the pattern.
class pattern_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 9;

    void Update(const unsigned char* bytes, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            right_ = right_ && bytes[i] == pattern_at(count_ + i);
        }
        count_ += size;
    }
    void Final(unsigned char* out) {
        for (unsigned i = 0; i < 8; ++i) {
            out[i] = static_cast<unsigned char>(count_ >> (8 * i));
        }
        out[8] = right_ ? 1 : 0;
    }

    static std::uint64_t count(const digest& result) {
        std::uint64_t value = 0;
        for (std::size_t i = 8; i-- != 0;) {
            value = value << 8 | std::to_integer<std::uint64_t>(result.bytes()[i]);
        }
        return value;
    }
    static bool right(const digest& result) { return result.bytes()[8] == std::byte{1}; }

private:
    std::uint64_t count_ = 0;
    bool right_ = true;
};

/// A hasher that remembers the sizes of the blocks it was given.
class block_sizes {
public:
    static constexpr unsigned DIGESTSIZE = 1;
    static inline std::vector<std::size_t> seen;

    void Update(const unsigned char*, std::size_t size) { seen.push_back(size); }
    void Final(unsigned char* out) { *out = 0; }
};

/// What a command writes to its standard output; empty when it fails.
std::string output_of(const std::string& command) {
    std::FILE* const pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
    if (pipe == nullptr) {
        throw_errno("popen");
    }
    std::string out;
    std::array<char, 4096> buffer{};
    for (std::size_t count; (count = std::fread(buffer.data(), 1, buffer.size(), pipe)) != 0;) {
        out.append(buffer.data(), count);
    }
    return ::pclose(pipe) == 0 ? out : "";
}

}  // namespace

// ------------------------------------------------------------------------------ known answers

TEST_CASE("hash_file answers as the Python original, but for what is listed") {
    // Rows whose answer is another one on purpose.
    const std::map<std::string, std::string> different{
        {"hash_file-000836", "SHA-512/256 is not among the algorithms"},
        {"hash_file-000840", "RIPEMD-160 is not among the algorithms"},
    };
    const temporary_directory directory;
    const fs::path file = directory / "file";
    const auto make_path = [&](const std::string& kind) -> fs::path {
        if (kind == "symlink-to-file abc") {
            write_file(file, "abc");
            fs::create_symlink(file, directory / "link");
            return directory / "link";
        }
        if (kind == "dangling-symlink") {
            fs::create_symlink("nothing", directory / "dangling");
            return directory / "dangling";
        }
        if (kind == "symlink-loop") {
            fs::create_symlink("loop", directory / "loop");
            return directory / "loop";
        }
        const std::map<std::string, fs::path> others{
            {"nul-in-path", directory.path().native() + std::string("/f\0x", 4)},
            {"/dev/null", "/dev/null"},
            {"directory", directory.path()},
            {"empty-path", ""},
            {"missing", directory / "nope"},
        };
        return others.at(kind);
    };
    std::size_t listed = 0;
    std::size_t rows = 0;
    for (const nlohmann::json& row : read_rows("hash_file.jsonl")) {
        fs::path path = file;
        if (row.contains("file_b64")) {
            write_file(file, decode_base64(row["file_b64"].get<std::string>()));
        } else if (row.contains("file_repeat")) {
            const nlohmann::json& repeat = row["file_repeat"];
            write_file(file, std::string(repeat["size"],
                                         static_cast<char>(repeat["byte"].get<unsigned char>())));
        } else {
            path = make_path(row["path_kind"]);
        }
        std::string hex;
        try {
            hex = skyutil::hash_file(path, row["alg"].get<std::string>()).hex();
        } catch (const std::invalid_argument&) {
            CHECK(row["tag"] == "algorithm-name");
        } catch (const fs::filesystem_error&) {
            CHECK(row["tag"] == "special-path");
        }
        INFO(row.dump().substr(0, 500) << "\n" << hex);
        const bool is_different = different.contains(row["id"].get<std::string>());
        CHECK((hex == row.value("out", "")) != is_different);
        listed += is_different ? 1 : 0;
        ++rows;
    }
    CHECK(listed == different.size());
    CHECK(rows == 53);
}

TEST_CASE("the digests of published messages are the published ones") {
    using enum hash_algorithm;
    struct row {
        std::string source;
        hash_algorithm algorithm;
        std::string message, hex;
    };
    const std::string abc = "abc";
    const std::string bits448 = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    const std::string bits896 =
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlm"
        "nopqrsmnopqrst"
        "nopqrstu";
    const std::string million(1'000'000, 'a');
    const std::vector<row> rows{
        {"RFC 1321", md5, "", "d41d8cd98f00b204e9800998ecf8427e"},
        {"RFC 1321", md5, "a", "0cc175b9c0f1b6a831c399e269772661"},
        {"RFC 1321", md5, abc, "900150983cd24fb0d6963f7d28e17f72"},
        {"RFC 1321", md5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"RFC 1321", md5, "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
        {"RFC 1321", md5, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"RFC 1321", md5,
         "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
        {"FIPS 180", sha1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"FIPS 180", sha1, abc, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"FIPS 180", sha1, bits448, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"FIPS 180", sha1, million, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
        {"FIPS 180", sha224, abc, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
        {"FIPS 180", sha224, bits448, "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525"},
        {"FIPS 180", sha224, million, "20794655980c91d8bbb4c1ea97618a4bf03f42581948b2ee4ee7ad67"},
        {"FIPS 180", sha256, "",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"FIPS 180", sha256, abc,
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"FIPS 180", sha256, bits448,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"FIPS 180", sha256, million,
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"FIPS 180", sha384, abc,
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca13"
         "4c825a7"},
        {"FIPS 180", sha384, bits896,
         "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa9"
         "1746039"},
        {"FIPS 180", sha384, million,
         "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87"
         "f3d8985"},
        {"FIPS 180", sha512, "",
         "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
         "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
        {"FIPS 180", sha512, abc,
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
        {"FIPS 180", sha512, bits896,
         "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
         "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"},
        {"FIPS 180", sha512, million,
         "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
         "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"},
        {"FIPS 202", sha3_256, "",
         "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"},
        {"FIPS 202", sha3_256, abc,
         "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
        {"FIPS 202", sha3_256, bits448,
         "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97496d3376"},
        {"FIPS 202", sha3_256, million,
         "5c8875ae474a3634ba4fd55ec85bffd661f32aca75c6d699d0cdcb6c115891c1"},
        {"FIPS 202", sha3_512, "",
         "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6"
         "15b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26"},
        {"FIPS 202", sha3_512, abc,
         "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
         "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"},
        {"FIPS 202", sha3_512, bits896,
         "afebb2ef542e6579c50cad06d2e578f9f8dd6881d7dc824d26360feebf18a4fa"
         "73e3261122948efcfd492e74e82e2189ed0fb440d187f382270cb455f21dd185"},
        {"RFC 7693, appendix A", blake2b, abc,
         "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
         "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"},
        {"RFC 7693, appendix B", blake2s, abc,
         "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"},
        {"the BLAKE2 reference", blake2b, "",
         "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"
         "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce"},
        {"the BLAKE2 reference", blake2s, "",
         "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"},
    };
    const temporary_directory directory;
    for (const row& row : rows) {
        INFO(row.source << ", " << to_string(row.algorithm) << " of " << row.message.substr(0, 60));
        CHECK(hash_text(row.message, row.algorithm) == row.hex);
        write_file(directory / "file", row.message);
        CHECK(skyutil::hash_file(directory / "file", row.algorithm).hex() == row.hex);
    }
    for (const hash_algorithm algorithm : every_algorithm) {
        INFO(to_string(algorithm));
        CHECK(std::any_of(rows.begin(), rows.end(),
                          [&](const row& row) { return row.algorithm == algorithm; }));
    }
}

TEST_CASE("the vectors of NIST and of BLAKE2's authors hold for every algorithm") {
    std::size_t messages = 0;
    for (const hash_algorithm algorithm : every_algorithm) {
        if (algorithm != hash_algorithm::md5) {  // RFC 1321 is all there is; see above
            messages +=
                check_vectors(std::string(to_string(algorithm)), [&](std::string_view message) {
                    return skyutil::hash_bytes(as_bytes(message), algorithm);
                });
        }
    }
    CHECK(messages == 3 * 68 + 2 * 132 + 140 + 76 + 2 * 256);
}

TEST_CASE("hash_file agrees with the programs of coreutils") {
    const std::vector<std::pair<std::string, hash_algorithm>> programs{
        {"md5sum", hash_algorithm::md5},       {"sha1sum", hash_algorithm::sha1},
        {"sha224sum", hash_algorithm::sha224}, {"sha256sum", hash_algorithm::sha256},
        {"sha384sum", hash_algorithm::sha384}, {"sha512sum", hash_algorithm::sha512},
        {"b2sum", hash_algorithm::blake2b},
    };
    const temporary_directory directory;
    std::vector<fs::path> files;
    std::string names;
    for (const std::size_t size :
         std::vector<std::size_t>{0, 1, 63, 64, 65, 127, 128, 4095, 16'383, 16'384, 16'385, 262'143,
                                  262'144, 262'145, 524'288, 1'000'003}) {
        files.push_back(directory / std::to_string(size));
        write_file(files.back(), random_bytes(size));
        names += " " + files.back().string();
    }
    int found = 0;
    for (const auto& [program, algorithm] : programs) {
        const std::string output = output_of(program + names);
        if (output.empty()) {
            continue;
        }
        ++found;
        std::string mine;
        for (const fs::path& file : files) {
            mine += skyutil::hash_file(file, algorithm).hex() + "  " + file.string() + "\n";
        }
        INFO(program);
        CHECK(mine == output);
    }
    if (found == 0) {
        SKYUTIL_SKIP("coreutils are not installed");
    }
}

// ------------------------------------------------------------------------------ ways to ask

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

// ------------------------------------------------------------------------ files of other kinds

TEST_CASE("files without a size, devices and streams are hashed to their end") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    SECTION("/proc") {
        const std::string text = read_file("/proc/filesystems");
        REQUIRE(fs::file_size("/proc/filesystems") == 0);
        REQUIRE(!text.empty());
        CHECK(skyutil::hash_file("/proc/filesystems").hex() ==
              hash_text(text, hash_algorithm::sha256));
    }
    SECTION("/dev/null") {
        CHECK(skyutil::hash_file("/dev/null").hex() == hash_text("", hash_algorithm::sha256));
    }
    SECTION("a pipe") {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        std::thread writer([fd = ends[1]] {
            for (std::uint64_t offset = 0; offset < 700'000; offset += 1000) {
                const std::string piece = pattern(offset, 1000);
                (void)!::write(fd, piece.data(), piece.size());  // a pipe takes it whole
            }
            ::close(fd);
        });
        std::error_code error;
        const digest result =
            skyutil::hash_file<pattern_hasher>("/proc/self/fd/" + std::to_string(ends[0]), error);
        ::close(ends[0]);
        writer.join();
        CHECK_FALSE(error);
        CHECK(pattern_hasher::count(result) == 700'000);
        CHECK(pattern_hasher::right(result));
    }
    SECTION("a FIFO") {
        REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
        std::thread writer([&] { write_file(fifo, "abc"); });
        const outcome result = try_hash(fifo);
        writer.join();
        CHECK_FALSE(result.error);
        CHECK(result.result.hex() == hash_text("abc", hash_algorithm::sha256));
    }
}

TEST_CASE("a file that changes meanwhile is hashed as it was read") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    constexpr std::uint64_t size = 250 * 4096;  // whole pages, which truncation does not write into
    constexpr std::uint64_t most = size + 5'000'000;
    write_file(path, pattern(0, size));
    const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    REQUIRE(fd != -1);
    std::vector<std::string> pieces;
    for (std::uint64_t offset = size; offset < most; offset += 50'000) {
        pieces.push_back(pattern(offset, 50'000));
    }
    const bool shrinks = GENERATE(false, true);
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        while (!stop) {
            for (const std::string& piece : pieces) {
                (void)!::write(fd, piece.data(), piece.size());
            }
            if (!shrinks) {
                return;
            }
            (void)!::ftruncate(fd, size);
        }
    });
    const auto deadline = std::chrono::steady_clock::now() + 500ms;
    int wrong = 0;
    int reads = 0;
    do {
        std::error_code error;
        const digest result = skyutil::hash_file<pattern_hasher>(path, error);
        const bool right = !error && pattern_hasher::right(result) &&
                           pattern_hasher::count(result) >= size &&
                           pattern_hasher::count(result) <= most;
        wrong += right ? 0 : 1;
        ++reads;
    } while (std::chrono::steady_clock::now() < deadline);
    stop = true;
    writer.join();
    ::close(fd);
    INFO(reads << " reads");
    CHECK(wrong == 0);
}

TEST_CASE("what cannot be read is the error of its kind, with an empty digest") {
    const temporary_directory directory;
    fs::create_symlink("loop", directory / "loop");
    struct row {
        std::string name;
        fs::path path;
        std::errc expected;
    };
    const std::vector<row> rows{
        {"a directory", directory.path(), std::errc::is_a_directory},
        {"missing", directory / "missing", std::errc::no_such_file_or_directory},
        {"an empty path", "", std::errc::no_such_file_or_directory},
        {"a loop of links", directory / "loop", std::errc::too_many_symbolic_link_levels},
        {"a name that is too long", directory / std::string(300, 'x'),
         std::errc::filename_too_long},
        {"a NUL in the path", directory.path().native() + std::string("/f\0x", 4),
         std::errc::invalid_argument},
        {"a device that never ends", "/dev/zero", std::errc::file_too_large},
        {"another that never ends", "/dev/urandom", std::errc::file_too_large},
        {"memory that is not mapped", "/proc/self/mem", std::errc::io_error},
    };
    for (const row& row : rows) {
        INFO(row.name);
        const outcome result = try_hash(row.path);
        CHECK(result.error == row.expected);
        CHECK(result.result == digest());
        const auto check_exception = [&](auto hash) {
            try {
                (void)hash();
                FAIL_CHECK("no exception");
            } catch (const fs::filesystem_error& error) {
                CHECK(error.code() == row.expected);
                CHECK(error.path1() == row.path);
                CHECK(std::string(error.what()).find("skyutil::hash_file") != std::string::npos);
                CHECK(std::string(error.what()).find(row.path.c_str()) != std::string::npos);
            }
        };
        check_exception([&] { return skyutil::hash_file(row.path); });
        check_exception([&] { return skyutil::hash_file(row.path, "md5"); });
        check_exception([&] { return skyutil::hash_file<CryptoPP::SHA1>(row.path); });
        check_exception(
            [&] { return skyutil::hash_file<CryptoPP::SHA1, CryptoPP::SHA256>(row.path); });
    }
}

TEST_CASE("a file without permission is permission_denied, and too many descriptors are that") {
    const temporary_directory directory;
    write_file(directory / "closed", "abc");
    write_file(directory / "file", "abc");
    fs::permissions(directory / "closed", fs::perms::none);
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        const outcome closed = try_hash(directory / "closed");
        meet_error_types();
        (void)try_hash(directory / "file");  // for the types of hashers likewise
        const rlimit limit{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &limit);
        std::vector<int> copies;
        for (int fd = ::dup(0); fd != -1; fd = ::dup(0)) {
            copies.push_back(fd);
        }
        const outcome full = try_hash(directory / "file");
        ::close(copies.back());
        for (int i = 0; i < 1000; ++i) {  // one descriptor is left
            (void)try_hash(directory / "closed");
            (void)try_hash(directory.path());
        }
        const outcome again = try_hash(directory / "file");
        for (const int fd : copies) {  // sanitizers need descriptors
            ::close(fd);
        }
        return nlohmann::json{{"closed", closed.error.value()},
                              {"full", full.error.value()},
                              {"again", again.error.value()},
                              {"digest", again.result.hex()}};
    });
    CHECK(answer == nlohmann::json{{"closed", EACCES},
                                   {"full", EMFILE},
                                   {"again", 0},
                                   {"digest", hash_text("abc", hash_algorithm::sha256)}});
}

TEST_CASE("several threads hash at once") {
    const temporary_directory directory;
    write_file(directory / "file", random_bytes(300'000));
    const digest expected = skyutil::hash_file(directory / "file");
    std::array<int, 4> wrong{};
    std::vector<std::thread> threads;
    for (int& bad : wrong) {
        threads.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                bad += skyutil::hash_file(directory / "file") == expected ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == std::array<int, 4>{});
}

TEST_CASE("short reads are completed, and an error between them is no end") {
    // What read(2) may do, in a row: so many bytes, the end, or an error.
    struct step {
        std::size_t size;
        std::errc error = {};
    };
    struct scripted_input {
        std::vector<step> steps;
        std::size_t at = 0;
        std::uint64_t offset = 0;

        std::size_t read(std::span<char> buffer, std::error_code& error, const std::stop_token&) {
            const step now = steps.at(at++);
            if (now.error != std::errc()) {
                error = std::make_error_code(now.error);
                return 0;
            }
            const std::size_t size = (std::min)(now.size, buffer.size());
            const std::string text = pattern(offset, size);
            std::copy(text.begin(), text.end(), buffer.begin());
            offset += size;
            return size;
        }
    };
    std::vector<char> block(1000);
    const auto count = [&](std::vector<step> steps, std::error_code& error) {
        scripted_input input{std::move(steps)};
        pattern_hasher hash;
        skyutil::detail::read_blocks(input, block, error, [&](std::span<const std::byte> bytes) {
            skyutil::detail::update_hash(hash, bytes);
        });
        CHECK(input.at == input.steps.size());
        const digest result = skyutil::detail::finish_hash(hash);
        CHECK(pattern_hasher::right(result));
        return pattern_hasher::count(result);
    };
    std::error_code error;
    CHECK(count({{1}, {999}, {1}, {5000}, {7}, {0}}, error) == 2008);
    CHECK_FALSE(error);
    CHECK(count({{0}}, error) == 0);
    CHECK_FALSE(error);
    CHECK(count({{1000}, {3}, {0, std::errc::io_error}}, error) == 1003);
    CHECK(error == std::errc::io_error);
    CHECK(count({{0, std::errc::permission_denied}}, error) == 0);
    CHECK(error == std::errc::permission_denied);
}

TEST_CASE("signals that interrupt a wait for the writer change nothing") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const nlohmann::json answer = run_in_child([&] {
        static std::atomic<int> signals = 0;
        struct sigaction action{};
        action.sa_handler = [](int) { ++signals; };  // without SA_RESTART
        ::sigaction(SIGALRM, &action, nullptr);
        const itimerval often{{0, 2000}, {0, 2000}};
        ::setitimer(ITIMER_REAL, &often, nullptr);
        std::thread writer([&] {
            sigset_t all;
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
            std::this_thread::sleep_for(30ms);
            const int fd = ::open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
            for (std::uint64_t offset = 0; offset < 20'000; offset += 1000) {
                const std::string piece = pattern(offset, 1000);
                (void)!::write(fd, piece.data(), piece.size());
                std::this_thread::sleep_for(3ms);
            }
            ::close(fd);
        });
        std::error_code error;
        const digest result = skyutil::hash_file<pattern_hasher>(fifo, error);
        writer.join();
        return nlohmann::json{{"error", error.value()},
                              {"count", pattern_hasher::count(result)},
                              {"right", pattern_hasher::right(result)},
                              {"interrupted", signals > 5}};
    });
    CHECK(answer ==
          nlohmann::json{{"error", 0}, {"count", 20'000}, {"right", true}, {"interrupted", true}});
}

// ---------------------------------------------------------------------------------- many files

namespace {

/// Files of the given sizes, with other bytes in each.
std::vector<fs::path> make_files(const temporary_directory& directory,
                                 const std::vector<std::size_t>& sizes) {
    std::vector<fs::path> paths;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        paths.push_back(directory / std::to_string(i));
        write_file(paths.back(), pattern(i, sizes[i]));
    }
    return paths;
}

/// A file of zeroes that takes no space.
fs::path make_sparse_file(const fs::path& path, std::uint64_t size) {
    write_file(path, "");
    fs::resize_file(path, size);
    return path;
}

/// Waits in Update until as many hashers as wanted have met, at most ten seconds.
class meeting_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 1;
    static inline std::atomic<int> wanted = 0;
    static inline std::atomic<int> there = 0;

    void Update(const unsigned char*, std::size_t) {
        ++there;
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (there < wanted && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::yield();
        }
        met_ = there >= wanted;
    }
    void Final(unsigned char* out) { *out = met_ ? 1 : 0; }

private:
    bool met_ = false;
};

class throwing_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 1;

    void Update(const unsigned char* bytes, std::size_t) {
        if (*bytes == 'x') {
            throw std::runtime_error("refused");
        }
    }
    void Final(unsigned char* out) { *out = 0; }
};

/// How many files are being hashed now, and the most there ever were.
class counted_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 1;
    static inline std::atomic<int> now = 0;
    static inline std::atomic<int> most = 0;

    counted_hasher() {
        const int count = ++now;
        for (int known = most; known < count && !most.compare_exchange_weak(known, count);) {
        }
    }
    counted_hasher(const counted_hasher&) = delete;
    counted_hasher& operator=(const counted_hasher&) = delete;
    ~counted_hasher() { --now; }

    void Update(const unsigned char*, std::size_t) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    void Final(unsigned char* out) { *out = 0; }
};

/// Remembers in which order the first bytes of files came.
class order_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 1;
    static inline std::mutex mutex;
    static inline std::vector<unsigned char> seen;

    void Update(const unsigned char* bytes, std::size_t) {
        const std::scoped_lock lock(mutex);
        if (first_) {
            seen.push_back(*bytes);
        }
        first_ = false;
    }
    void Final(unsigned char* out) { *out = 0; }

private:
    bool first_ = true;
};

}  // namespace

TEST_CASE("hash_files gives what hash_file gives, in input order, with any number of threads") {
    const temporary_directory directory;
    const std::vector<fs::path> paths =
        make_files(directory, {0, 300'000, 5, 70'000, 0, 262'144, 1, 1'000'000, 17, 4096});
    const int threads = GENERATE(-1, 0, 1, 3, std::numeric_limits<int>::max());
    INFO(threads << " threads");
    for (const hash_algorithm algorithm : every_algorithm) {
        INFO(to_string(algorithm));
        const auto files = skyutil::hash_files(paths, algorithm, {.threads = threads});
        REQUIRE(files.size() == paths.size());
        for (std::size_t i = 0; i < files.size(); ++i) {
            CHECK(files[i].path == paths[i]);
            CHECK_FALSE(files[i].error);
            CHECK(files[i].digest == skyutil::hash_file(paths[i], algorithm));
        }
    }
    const auto files =
        skyutil::hash_files<pattern_hasher>(std::vector(30, paths[1]), {.threads = threads});
    CHECK(std::all_of(files.begin(), files.end(), [](const skyutil::file_digest& file) {
        return pattern_hasher::count(file.digest) == 300'000;
    }));
}

TEST_CASE("hash_files takes any range of paths") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, {3, 3, 3});
    const digest first = skyutil::hash_file(paths.front());
    CHECK(skyutil::hash_files(std::vector<std::string>{paths[0]})[0].digest == first);
    CHECK(skyutil::hash_files(std::set<fs::path>(paths.begin(), paths.end()))[0].digest == first);
    CHECK(skyutil::hash_files({paths[0], paths[1]}).size() == 2);
    CHECK(skyutil::hash_files({paths[0].string()}, hash_algorithm::md5)[0].digest ==
          skyutil::hash_file(paths[0], "md5"));
    const std::array names{paths[0].c_str(), paths[1].c_str()};
    CHECK(skyutil::hash_files(names)[0].digest == first);
    CHECK(skyutil::hash_files(fs::directory_iterator(directory.path())).size() == 3);
    CHECK(skyutil::hash_files(paths | std::views::take(1)).size() == 1);

    int calls = 0;
    const auto none = skyutil::hash_files(std::vector<fs::path>(), hash_algorithm::md5,
                                          {.progress = [&](std::uint64_t bytes, std::size_t count) {
                                              ++calls;
                                              CHECK(bytes + count == 0);
                                          }});
    CHECK(none.empty());
    CHECK(calls == 1);
    CHECK_THROWS_AS(skyutil::hash_files(std::vector<fs::path>(), static_cast<hash_algorithm>(99)),
                    std::invalid_argument);
    CHECK_THROWS_AS(skyutil::hash_files(paths, static_cast<hash_algorithm>(99)),
                    std::invalid_argument);
}

TEST_CASE("files that cannot be read have their error in their own entry, and stop no other") {
    const temporary_directory directory;
    std::vector<fs::path> paths;
    std::vector<outcome> expected;
    for (int i = 0; i < 500; ++i) {
        const fs::path path = directory / std::to_string(i);
        switch (i % 7) {
            case 0:
                paths.push_back(path);  // missing
                break;
            case 1:
                fs::create_directory(path);
                paths.push_back(path);
                break;
            case 2:
                paths.emplace_back("/proc/self/mem");  // EIO
                break;
            case 3:
                paths.emplace_back("/dev/zero");
                break;
            case 4:
                fs::create_symlink(path, path);
                paths.push_back(path);
                break;
            default:
                write_file(path, random_bytes(static_cast<std::size_t>(i * 37)));
                paths.push_back(path);
        }
        expected.push_back(try_hash(paths.back()));
    }
    std::uint64_t last_bytes = 0;
    std::size_t last_files = 0;
    const auto files = skyutil::hash_files(
        paths, hash_algorithm::sha256,
        {.threads = GENERATE(1, 4), .progress = [&](std::uint64_t bytes, std::size_t count) {
             last_bytes = bytes;
             last_files = count;
         }});
    REQUIRE(files.size() == 500);
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
        INFO(paths[i]);
        CHECK(files[i].path == paths[i]);
        CHECK(files[i].error == expected[i].error);
        CHECK(files[i].digest == expected[i].result);
        CHECK(static_cast<bool>(files[i].error) == (i % 7 < 5));
        bytes += files[i].error ? 0 : fs::file_size(paths[i]);
    }
    CHECK(last_bytes == bytes);
    CHECK(last_files == 500);
}

TEST_CASE("a file without permission stops no other") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, {3, 3, 3});
    fs::permissions(paths[1], fs::perms::none);
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        const auto files = skyutil::hash_files(paths, hash_algorithm::md5, {.threads = 2});
        return nlohmann::json{
            {"errors", {files[0].error.value(), files[1].error.value(), files[2].error.value()}},
            {"digest", files[2].digest.hex()}};
    });
    CHECK(answer["errors"] == nlohmann::json{0, EACCES, 0});
    CHECK(answer["digest"] == skyutil::hash_file(paths[2], "md5").hex());
}

TEST_CASE("as many files are hashed at once as there are threads, and never more") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(200, 10));
    meeting_hasher::wanted = 4;
    meeting_hasher::there = 0;
    for (const auto& file : skyutil::hash_files<meeting_hasher>(paths, {.threads = 4})) {
        CHECK(file.digest == digest::from_hex("01"));
    }
    counted_hasher::most = 0;
    CHECK(skyutil::hash_files<counted_hasher>(paths, {.threads = 3}).size() == 200);
    CHECK(counted_hasher::most <= 3);
    counted_hasher::most = 0;
    CHECK(skyutil::hash_files<counted_hasher>(paths, {.threads = 1}).size() == 200);
    CHECK(counted_hasher::most == 1);
}

TEST_CASE("hash_files needs no more descriptors than threads, and leaves none open") {
    const temporary_directory directory;
    const std::vector<fs::path> paths =
        make_files(directory, std::vector<std::size_t>(300, 20'000));
    const nlohmann::json answer = run_in_child([&] {
        meet_error_types();
        static_cast<void>(skyutil::hash_files(paths, hash_algorithm::sha1, {.threads = 3}));
        const std::size_t before = count_open_descriptors();
        std::vector<int> copies;
        const rlimit limit{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &limit);
        for (int fd = ::dup(0); fd != -1; fd = ::dup(0)) {
            copies.push_back(fd);
        }
        for (int i = 0; i < 3; ++i) {  // three are left
            ::close(copies.back());
            copies.pop_back();
        }
        const auto files = skyutil::hash_files(paths, hash_algorithm::sha1, {.threads = 3});
        for (const int fd : copies) {
            ::close(fd);
        }
        return nlohmann::json{
            {"failed", std::count_if(files.begin(), files.end(),
                                     [](const auto& file) { return bool(file.error); })},
            {"left", count_open_descriptors() - before}};
    });
    CHECK(answer == nlohmann::json{{"failed", 0}, {"left", 0}});
}

TEST_CASE("where no thread can be started the calling one does it all") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(50, 1000));
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_NPROC, &none);
        bool refused = false;
        try {
            std::thread([] {}).join();
        } catch (const std::system_error&) {
            refused = true;
        }
        if (!refused) {
            throw cannot_run{"threads cannot be forbidden here"};
        }
        const auto files = skyutil::hash_files<pattern_hasher>(paths, {.threads = 8});
        return std::count_if(files.begin(), files.end(), [](const auto& file) {
            return pattern_hasher::count(file.digest) == 1000;
        });
    });
    CHECK(answer == 50);
}

TEST_CASE("the largest files are started first where they are worth asking for") {
    const temporary_directory directory;
    std::vector<fs::path> paths;
    for (std::size_t i = 0; i < 40; ++i) {
        const std::size_t size = i == 39 ? 4'000'000 : 200'000 + i * 1000;
        paths.push_back(directory / std::to_string(i));
        write_file(paths.back(), std::string(size, static_cast<char>(i)));
    }
    order_hasher::seen.clear();
    const auto files = skyutil::hash_files<order_hasher>(paths, {.threads = 2});
    REQUIRE(order_hasher::seen.size() == 40);
    const auto found = std::find(order_hasher::seen.begin(), order_hasher::seen.end(), 39);
    CHECK(found - order_hasher::seen.begin() < 2);
    for (std::size_t i = 0; i < files.size(); ++i) {
        CHECK(files[i].path == paths[i]);
    }

    using skyutil::file_digest;
    const auto order_of = [](const std::vector<fs::path>& names, std::size_t threads) {
        std::vector<file_digest> entries;
        for (const fs::path& name : names) {
            entries.push_back({name, {}, {}});
        }
        return skyutil::detail::starting_order(entries, threads);
    };
    CHECK(order_of(paths, 2).front() == 39);
    CHECK(order_of(paths, 1).front() == 0);
    CHECK(order_of({paths[0], directory / "missing", directory.path(), paths[39], paths[1]}, 2) ==
          std::vector<std::size_t>{3, 4, 0, 1, 2});
    const std::vector<fs::path> small(1000, make_files(directory, {10}).front());
    const std::vector<std::size_t> order = order_of(small, 2);
    CHECK(order.size() == 1000);
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("progress comes from the calling thread, never goes back and ends with everything") {
    const temporary_directory directory;
    std::vector<fs::path> paths = make_files(directory, {10, 20, 30});
    for (int i = 0; i < 6; ++i) {
        paths.push_back(make_sparse_file(directory / ("sparse" + std::to_string(i)), 50'000'000));
    }
    struct call {
        std::uint64_t bytes;
        std::size_t files;
    };
    std::vector<call> calls;
    bool elsewhere = false;
    std::atomic<int> inside = 0;
    bool together = false;
    const auto caller = std::this_thread::get_id();
    const auto files = skyutil::hash_files(
        paths, hash_algorithm::sha512,
        {.threads = GENERATE(1, 2, 5), .progress = [&](std::uint64_t bytes, std::size_t count) {
             together = ++inside != 1 || together;
             calls.push_back({bytes, count});
             elsewhere = elsewhere || std::this_thread::get_id() != caller;
             --inside;
         }});
    CHECK_FALSE(elsewhere);
    CHECK_FALSE(together);
    CHECK(calls.size() >= 2);
    CHECK(calls.back().bytes == 300'000'060);
    CHECK(calls.back().files == 9);
    CHECK(std::is_sorted(calls.begin(), calls.end(), [](const call& a, const call& b) {
        return a.bytes < b.bytes && a.files <= b.files;
    }));
    for (const auto& file : files) {
        CHECK_FALSE(file.error);
    }
}

TEST_CASE("what progress throws stops the work and comes out") {
    const temporary_directory directory;
    std::vector<fs::path> paths;
    for (int i = 0; i < 8; ++i) {  // as hashes these would take minutes
        paths.push_back(
            make_sparse_file(directory / ("sparse" + std::to_string(i)), 30'000'000'000));
    }
    const int threads = GENERATE(1, 3);
    int calls = 0;
    try {
        static_cast<void>(
            skyutil::hash_files(paths, hash_algorithm::sha256,
                                {.threads = threads, .progress = [&](std::uint64_t, std::size_t) {
                                     ++calls;
                                     throw std::runtime_error("enough");
                                 }}));
        FAIL_CHECK("no exception");
    } catch (const std::runtime_error& error) {
        CHECK(std::string(error.what()) == "enough");
    }
    CHECK(calls == 1);
    // At the very end too.
    CHECK_THROWS_AS(
        skyutil::hash_files(
            {directory.path()}, hash_algorithm::sha256,
            {.progress = [](std::uint64_t, std::size_t) { throw std::runtime_error("enough"); }}),
        std::runtime_error);
}

TEST_CASE("what a hasher throws stops the work and comes out") {
    const temporary_directory directory;
    std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(100, 10));
    write_file(paths[50], "x");
    paths.push_back(make_sparse_file(directory / "sparse", 1'000'000'000'000));  // days
    for (const int threads : {1, 2, 8}) {
        CHECK_THROWS_WITH(skyutil::hash_files<throwing_hasher>(paths, {.threads = threads}),
                          "refused");
    }
}

TEST_CASE("a stop ends the work, and what is not finished is operation_canceled") {
    const temporary_directory directory;
    std::vector<fs::path> paths = make_files(directory, {10, 20, 30});
    std::stop_source stop;
    SECTION("before the start") {
        stop.request_stop();
        for (const auto& file : skyutil::hash_files(paths, hash_algorithm::sha256,
                                                    {.threads = 2, .stop = stop.get_token()})) {
            CHECK(file.error == std::errc::operation_canceled);
            CHECK(file.digest == digest());
        }
    }
    SECTION("in the middle, from progress") {
        for (int i = 0; i < 5; ++i) {
            paths.push_back(make_sparse_file(directory / ("sparse" + std::to_string(i)),
                                             i == 0 ? 30'000'000 : 30'000'000'000));
        }
        std::size_t done = 0;
        const auto files = skyutil::hash_files(std::views::reverse(paths), hash_algorithm::sha256,
                                               {.threads = 1,
                                                .progress =
                                                    [&](std::uint64_t, std::size_t count) {
                                                        stop.request_stop();
                                                        done = count;
                                                    },
                                                .stop = stop.get_token()});
        REQUIRE(files.size() == 8);
        CHECK(files[0].path == paths[7]);
        CHECK(files[0].error == std::errc::operation_canceled);
        CHECK(files[7].error == std::errc::operation_canceled);
        CHECK(done == 0);
    }
    SECTION("while it waits for the writer of a FIFO") {
        const bool with_writer = GENERATE(false, true);
        const fs::path fifo = directory / "fifo";
        REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
        const int writer = with_writer ? ::open(fifo.c_str(), O_RDWR | O_CLOEXEC) : -1;
        paths.push_back(fifo);
        std::jthread stopper([&] {
            std::this_thread::sleep_for(50ms);
            stop.request_stop();
        });
        const auto start = std::chrono::steady_clock::now();
        const auto files = skyutil::hash_files(paths, hash_algorithm::sha256,
                                               {.threads = 2, .stop = stop.get_token()});
        CHECK(std::chrono::steady_clock::now() - start < 8s);  // a FIFO has 10
        CHECK_FALSE(files[0].error);
        CHECK(files[3].error == std::errc::operation_canceled);
        if (with_writer) {
            ::close(writer);
        }
    }
    SECTION("never") {
        for (const auto& file : skyutil::hash_files(paths, hash_algorithm::sha256,
                                                    {.threads = 2, .stop = stop.get_token()})) {
            CHECK_FALSE(file.error);
        }
    }
}

TEST_CASE("FIFOs among many files are read to their end") {
    const temporary_directory directory;
    std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(20, 100));
    for (const char* const name : {"fifo1", "fifo2"}) {
        paths.push_back(directory / name);
        REQUIRE(::mkfifo(paths.back().c_str(), 0600) == 0);
    }
    std::jthread writer([&] {
        for (std::size_t i : {std::size_t{20}, std::size_t{21}}) {
            write_file(paths[i], std::string(100'000, 'x'));
        }
    });
    const auto files = skyutil::hash_files(paths, hash_algorithm::sha1, {.threads = 2});
    for (std::size_t i : {std::size_t{20}, std::size_t{21}}) {
        CHECK_FALSE(files[i].error);
        CHECK(files[i].digest.hex() == hash_text(std::string(100'000, 'x'), hash_algorithm::sha1));
    }
}

TEST_CASE("files that grow and shrink are hashed as they were read, many at once") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    constexpr std::size_t size = 74 * 4096;  // whole pages, which truncation does not write into
    write_file(path, pattern(0, size));
    std::atomic<bool> stop = false;
    std::jthread writer([&] {
        const std::string more = pattern(size, size);
        const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
        while (!stop) {
            (void)!::write(fd, more.data(), more.size());
            (void)!::ftruncate(fd, size);
        }
        ::close(fd);
    });
    int wrong = 0;
    for (int i = 0; i < 5; ++i) {
        for (const auto& file :
             skyutil::hash_files<pattern_hasher>(std::vector(10, path), {.threads = 3})) {
            const bool right = !file.error && pattern_hasher::right(file.digest) &&
                               pattern_hasher::count(file.digest) >= size &&
                               pattern_hasher::count(file.digest) <= 2 * size;
            wrong += right ? 0 : 1;
        }
    }
    stop = true;
    CHECK(wrong == 0);
}

TEST_CASE("several calls of hash_files at once do not disturb each other") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(30, 20'000));
    std::array<int, 3> wrong{};
    {
        std::vector<std::jthread> threads;
        for (int& bad : wrong) {
            threads.emplace_back([&] {
                for (int i = 0; i < 5; ++i) {
                    for (const auto& file :
                         skyutil::hash_files(paths, hash_algorithm::md5, {.threads = 3})) {
                        bad += file.error ? 1 : 0;
                    }
                }
            });
        }
    }
    CHECK(wrong == std::array<int, 3>{});
}

// -------------------------------------------------------------------------------------- digest

namespace {

constexpr bool digests_work_at_compile_time() {
    const digest a = digest::from_hex("00ffA5");
    return a.bytes().size() == 3 && a.bytes()[1] == std::byte{0xff} && a == digest(a.bytes()) &&
           !(a == digest());
}

}  // namespace

TEST_CASE("a digest goes to hexadecimal and back") {
    STATIC_REQUIRE(digests_work_at_compile_time());
    STATIC_REQUIRE(std::is_trivially_copyable_v<digest>);
    STATIC_REQUIRE(digest::max_size == 64);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<std::span<const std::byte>, digest>);
    for (const std::string hex : {"", "00", "ff", "0123456789abcdef", "00000000"}) {
        CHECK(digest::from_hex(hex).hex() == hex);
        CHECK(digest::from_hex(hex).bytes().size() == hex.size() / 2);
    }
    CHECK(digest::from_hex("ABCDEF").hex() == "abcdef");
    CHECK(digest::from_hex(std::string(128, 'a')).hex() == std::string(128, 'a'));
    for (const hash_algorithm algorithm : every_algorithm) {
        const digest value = skyutil::hash_bytes(as_bytes("abc"), algorithm);
        CHECK(digest::from_hex(value.hex()) == value);
    }
    const std::vector<std::byte> most(64, std::byte{7});
    CHECK(digest(most).bytes().size() == 64);
    CHECK_THROWS_AS(digest(std::vector<std::byte>(65)), std::length_error);
}

TEST_CASE("digest::from_hex refuses what is not hexadecimal") {
    using namespace std::string_view_literals;
    for (const std::string_view text :
         {"0"sv, "abc"sv, "0g"sv, "g0"sv, " 0"sv, "0x"sv, "0x00"sv, "-1"sv, "a\0"sv, "\xc3\xa9"sv,
          "00 "sv, "@A"sv, "`a"sv, "/0"sv, ":0"sv}) {
        INFO(text);
        CHECK_THROWS_AS(digest::from_hex(text), std::invalid_argument);
        CHECK_THROWS_WITH(digest::from_hex(text),
                          Catch::Matchers::ContainsSubstring("skyutil::digest::from_hex"));
    }
    CHECK_THROWS_AS(digest::from_hex(std::string(130, 'a')), std::invalid_argument);
    CHECK_THROWS_AS(digest::from_hex(std::string(129, 'a')), std::invalid_argument);
    CHECK_THROWS_WITH(digest::from_hex("00zz"), Catch::Matchers::ContainsSubstring("position 2"));
}

TEST_CASE("digests are equal when their bytes and their lengths are") {
    CHECK(digest() == digest::from_hex(""));
    CHECK(digest::from_hex("ab") == digest::from_hex("AB"));
    CHECK(digest::from_hex("ab") != digest::from_hex("ac"));
    CHECK(digest::from_hex("00") != digest());
    CHECK(digest::from_hex("00") != digest::from_hex("0000"));

    CHECK(digest::from_hex("00ff") < digest::from_hex("0100"));
    CHECK(digest::from_hex("7f") < digest::from_hex("80"));
    CHECK(digest::from_hex("80") < digest::from_hex("8000"));
    CHECK(digest() < digest::from_hex("00"));
    CHECK((digest::from_hex("ab") <=> digest::from_hex("AB")) == std::strong_ordering::equal);
    STATIC_REQUIRE(std::totally_ordered<digest>);

    const std::hash<digest> hash;
    CHECK(hash(digest::from_hex("ab")) == hash(digest::from_hex("AB")));
    std::unordered_set<digest> set;
    std::unordered_set<std::size_t> hashes;
    for (int i = 0; i < 1000; ++i) {
        const digest value = skyutil::hash_bytes(as_bytes(std::to_string(i)), hash_algorithm::sha1);
        CHECK(set.insert(value).second);
        hashes.insert(hash(value));
        CHECK(set.contains(digest::from_hex(value.hex())));
    }
    CHECK(set.size() == 1000);
    CHECK(hashes.size() > 990);
}
