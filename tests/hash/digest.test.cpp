// SPDX-License-Identifier: MIT
//
// digest.

#include <skyutil/hash.hpp>

#include <compare>
#include <concepts>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "catch.hpp"
#include "hash/contents.hpp"
#include "hash/vectors.hpp"

using namespace skyutil_tests;
using skyutil::digest;
using skyutil::hash_algorithm;

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
