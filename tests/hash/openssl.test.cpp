// SPDX-License-Identifier: MIT
//
// The hash classes of hash_openssl.hpp, beside the published digests and those of Crypto++.

#include <skyutil/hash_openssl.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "hash/vectors.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
namespace openssl = skyutil::openssl;

namespace {

template <skyutil::hasher H>
skyutil::digest digest_of(std::string_view message) {
    H hash;
    hash.Update(reinterpret_cast<const unsigned char*>(message.data()), message.size());
    std::string bytes(H::DIGESTSIZE, '\0');
    hash.Final(reinterpret_cast<unsigned char*>(bytes.data()));
    return skyutil::digest(std::as_bytes(std::span(bytes)));
}

/// EVP_sha256 with an algorithm that is not there.
const EVP_MD* no_algorithm() { return EVP_get_digestbyname("no such algorithm"); }

}  // namespace

TEST_CASE("OpenSSL's hash classes give the published digests") {
    CHECK(check_vectors("sha1", digest_of<openssl::sha1>) == 68);
    CHECK(check_vectors("sha224", digest_of<openssl::sha224>) == 68);
    CHECK(check_vectors("sha256", digest_of<openssl::sha256>) == 68);
    CHECK(check_vectors("sha384", digest_of<openssl::sha384>) == 132);
    CHECK(check_vectors("sha512", digest_of<openssl::sha512>) == 132);
    CHECK(check_vectors("sha3_256", digest_of<openssl::sha3_256>) == 140);
    CHECK(check_vectors("sha3_512", digest_of<openssl::sha3_512>) == 76);
#if !defined(OPENSSL_NO_BLAKE2)
    CHECK(check_vectors("blake2b", digest_of<openssl::blake2b>) == 256);
    CHECK(check_vectors("blake2s", digest_of<openssl::blake2s>) == 256);
#endif
#if !defined(OPENSSL_NO_MD5)
    CHECK(digest_of<openssl::md5>("abc").hex() == "900150983cd24fb0d6963f7d28e17f72");  // RFC 1321
#endif
    // FIPS 180-4, FIPS 202
    CHECK(digest_of<openssl::sha512_256>("abc").hex() ==
          "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
    CHECK(digest_of<openssl::sha3_224>("abc").hex() ==
          "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf");
    CHECK(digest_of<openssl::sha3_384>("abc").hex() ==
          "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2"
          "98d88cea927ac7f539f1edf228376d25");
}

TEST_CASE("hash_file and hash_files take OpenSSL's classes beside those of Crypto++") {
    const temporary_directory directory;
    write_file(directory / "file", std::string(1'000'000, 'a'));
    const auto [a, b, c, d] =
        skyutil::hash_file<openssl::sha512, CryptoPP::SHA512, openssl::sha256, CryptoPP::SHA256>(
            directory / "file");
    CHECK(a == b);
    CHECK(c == d);
    CHECK(a == skyutil::hash_file(directory / "file", "sha512"));
    CHECK(skyutil::hash_file<openssl::sha512>(directory / "file") == a);

    const auto files = skyutil::hash_files<openssl::sha512>(
        std::vector{directory / "file", directory / "missing", directory / "file"}, {.threads = 2});
    REQUIRE(files.size() == 3);
    CHECK(files[0].digest == a);
    CHECK(files[1].error == std::errc::no_such_file_or_directory);
    CHECK(files[2].digest == a);
}

TEST_CASE("a hash class of OpenSSL starts anew after Final, as those of Crypto++") {
    const auto feed = [](auto& hash, std::string_view text) {
        hash.Update(reinterpret_cast<const unsigned char*>(text.data()), text.size());
    };
    const auto twice = [&](auto hash) {
        std::string first(hash.DIGESTSIZE, '\0');
        std::string second = first;
        feed(hash, "ab");
        feed(hash, "");
        feed(hash, "c");
        hash.Final(reinterpret_cast<unsigned char*>(first.data()));
        auto moved = std::move(hash);
        feed(moved, "ab");
        auto copy = moved;
        feed(moved, "c");
        moved.Final(reinterpret_cast<unsigned char*>(second.data()));
        std::string third = first;
        feed(copy, "d");
        moved = copy;
        feed(copy, "e");
        moved.Final(reinterpret_cast<unsigned char*>(third.data()));
        return first + second + third;
    };
    CHECK(twice(openssl::sha256()) == twice(CryptoPP::SHA256()));
    CHECK(twice(openssl::sha3_512()) == twice(CryptoPP::SHA3_512()));
    STATIC_REQUIRE(std::copyable<openssl::sha256>);
}

TEST_CASE("what OpenSSL refuses is a system_error with its reason") {
    using refused = openssl::evp_hasher<&no_algorithm, 32>;
    CHECK_THROWS_AS(refused(), std::system_error);
    const temporary_directory directory;
    write_file(directory / "file", "abc");
    CHECK_THROWS_AS(skyutil::hash_file<refused>(directory / "file"), std::system_error);
    CHECK_THROWS_AS(skyutil::hash_files<refused>(std::vector(9, directory / "file")),
                    std::system_error);

#if OPENSSL_VERSION_MAJOR >= 3 && !defined(OPENSSL_NO_MD5)
    // As FIPS mode does, in a child, since it is for the whole process.
    const nlohmann::json answer = run_in_child([&] {
        if (EVP_set_default_properties(nullptr, "provider=none") != 1) {
            throw cannot_run{"this OpenSSL takes no properties"};
        }
        try {
            static_cast<void>(skyutil::hash_file<openssl::md5>(directory / "file"));
        } catch (const std::system_error& error) {
            return nlohmann::json{{"what", error.what()},
                                  {"category", error.code().category().name()},
                                  {"left", ERR_peek_error()}};
        }
        return nlohmann::json();
    });
    CHECK_THAT(answer["what"].get<std::string>(), Catch::Matchers::ContainsSubstring("MD5"));
    CHECK_THAT(answer["what"].get<std::string>(),
               Catch::Matchers::ContainsSubstring("unsupported"));
    CHECK(answer["category"] == "openssl");
    CHECK(answer["left"] == 0);
#endif
}

TEST_CASE("a digest of another size than the class says is refused before it is written") {
    using too_small = openssl::evp_hasher<&EVP_sha256, 20>;
    using too_large = openssl::evp_hasher<&EVP_sha256, 64>;
    CHECK_THROWS_AS(too_small(), std::invalid_argument);
    CHECK_THROWS_AS(too_large(), std::invalid_argument);
}
