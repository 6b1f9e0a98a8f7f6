// SPDX-License-Identifier: MIT
//
// Digests beside those of the reference, of the published vectors and of coreutils.

#include <skyutil/hash.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hash/contents.hpp"
#include "hash/vectors.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using skyutil::hash_algorithm;

namespace {

namespace fs = std::filesystem;

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
