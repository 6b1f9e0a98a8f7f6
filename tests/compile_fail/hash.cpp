// SPDX-License-Identifier: MIT
//
// What <skyutil/hash.hpp> must not let through.

#include <skyutil/hash.hpp>

#include <cstddef>
#include <string>
#include <vector>

void misuse();

/// As Crypto++'s hash classes, but for one thing each.
template <int Size>
struct sized_hasher {
    static constexpr int DIGESTSIZE = Size;
    void Update(const unsigned char*, std::size_t) {}
    void Final(unsigned char*) {}
};

struct hasher_without_final {
    static constexpr int DIGESTSIZE = 4;
    void Update(const unsigned char*, std::size_t) {}
};

struct hasher_without_default : sized_hasher<4> {
    explicit hasher_without_default(int) {}
};

void misuse() {
    std::error_code error;
    const std::vector<std::byte> bytes;
    const std::string text;
    const skyutil::digest one = skyutil::hash_file<sized_hasher<64>>("file");
    const auto [a, b] = skyutil::hash_file<CryptoPP::SHA1, sized_hasher<4>>("file", error);

#if defined(CASE_no_hasher)
    // expect: no matching function
    (void)skyutil::hash_file<int>("file");
#elif defined(CASE_digest_too_large)
    // expect: no matching function
    (void)skyutil::hash_file<sized_hasher<65>>("file");
#elif defined(CASE_digest_empty)
    // expect: no matching function
    (void)skyutil::hash_file<sized_hasher<0>>("file");
#elif defined(CASE_hasher_without_final)
    // expect: no matching function
    (void)skyutil::hash_file<CryptoPP::SHA1, hasher_without_final>("file");
#elif defined(CASE_hasher_without_default_constructor)
    // expect: no matching function
    (void)skyutil::hash_file<hasher_without_default>("file");
#elif defined(CASE_digest_ignored)
    // expect: nodiscard
    skyutil::hash_file("file");
#elif defined(CASE_digest_ignored_with_error)
    // expect: nodiscard
    skyutil::hash_file("file", "md5", error);
#elif defined(CASE_digests_ignored)
    // expect: nodiscard
    skyutil::hash_file<CryptoPP::SHA1, CryptoPP::SHA256>("file");
#elif defined(CASE_bytes_hashed_in_vain)
    // expect: nodiscard
    skyutil::hash_bytes(bytes, skyutil::hash_algorithm::md5);
#elif defined(CASE_text_for_bytes)
    // expect: could not convert|cannot convert|no viable conversion|no matching function
    (void)skyutil::hash_bytes(text, skyutil::hash_algorithm::md5);
#elif defined(CASE_texts_for_buffers)
    // expect: no matching function|constraints not satisfied
    (void)skyutil::hash_buffers(std::vector<std::string>(), skyutil::hash_algorithm::md5);
#elif defined(CASE_buffers_hashed_in_vain)
    // expect: nodiscard
    skyutil::hash_buffers(std::vector<std::vector<std::byte>>(), skyutil::hash_algorithm::md5);
#elif defined(CASE_one_path_for_many)
    // expect: no matching function|constraints not satisfied
    (void)skyutil::hash_files(std::filesystem::path("file"));
#elif defined(CASE_one_name_for_many)
    // expect: no matching function|constraints not satisfied
    (void)skyutil::hash_files("file");
#elif defined(CASE_files_hashed_in_vain)
    // expect: nodiscard
    skyutil::hash_files({"file"});
#elif defined(CASE_incremental_digest_ignored)
    // expect: nodiscard
    skyutil::incremental_hash().finish();
#elif defined(CASE_text_for_update)
    // expect: could not convert|cannot convert|no viable conversion|no matching function
    skyutil::incremental_hash().update(text);
#elif defined(CASE_text_for_digest)
    // expect: no matching
    (void)skyutil::digest("00ff");
#elif defined(CASE_digest_from_bytes_by_accident)
    // expect: conversion from|no viable conversion
    const skyutil::digest implicit = bytes;
#elif defined(CASE_number_for_algorithm)
    // expect: no matching function
    (void)skyutil::hash_file("file", 3);
#elif defined(CASE_name_at_compile_time)
    // expect: non-'constexpr'|not a constant expression|constant expression
    constexpr auto unknown = skyutil::parse_hash_algorithm("sha257");
#endif
    (void)one;
    (void)a;
    (void)b;
}
