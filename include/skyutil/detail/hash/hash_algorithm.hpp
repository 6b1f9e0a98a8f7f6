// SPDX-License-Identifier: MIT
//
// detail/hash/hash_algorithm.hpp: the names of the algorithms and the class of Crypto++ for each.
// Included at the end of skyutil/hash.hpp.

#pragma once

#include <skyutil/detail/hash/any_hasher.hpp>
#include <skyutil/detail/text/text_error.hpp>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

inline constexpr std::array<std::pair<std::string_view, hash_algorithm>, 10> hash_names{{
    {"md5", hash_algorithm::md5},
    {"sha1", hash_algorithm::sha1},
    {"sha224", hash_algorithm::sha224},
    {"sha256", hash_algorithm::sha256},
    {"sha384", hash_algorithm::sha384},
    {"sha512", hash_algorithm::sha512},
    {"sha3_256", hash_algorithm::sha3_256},
    {"sha3_512", hash_algorithm::sha3_512},
    {"blake2b", hash_algorithm::blake2b},
    {"blake2s", hash_algorithm::blake2s},
}};

/// Whether two names are equal apart from letter case, hyphens and underscores.
constexpr bool same_hash_name(std::string_view a, std::string_view b) noexcept {
    const auto skip = [](std::string_view text, std::size_t at) {
        while (at < text.size() && (text[at] == '-' || text[at] == '_')) {
            ++at;
        }
        return at;
    };
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    std::size_t i = skip(a, 0);
    std::size_t j = skip(b, 0);
    while (i < a.size() && j < b.size() && lower(a[i]) == lower(b[j])) {
        i = skip(a, i + 1);
        j = skip(b, j + 1);
    }
    return i == a.size() && j == b.size();
}

}  // namespace detail

constexpr std::string_view to_string(hash_algorithm algorithm) noexcept {
    for (const auto& [name, value] : detail::hash_names) {
        if (value == algorithm) {
            return name;
        }
    }
    return "unknown";
}

constexpr hash_algorithm parse_hash_algorithm(std::string_view name) {
    for (const auto& [known, algorithm] : detail::hash_names) {
        if (detail::same_hash_name(name, known)) {
            return algorithm;
        }
    }
    std::string what = "skyutil::parse_hash_algorithm: ";
    what.append(detail::quoted(name)).append(" is none of");
    for (const auto& [known, algorithm] : detail::hash_names) {
        what.append(" ").append(known);
    }
    throw std::invalid_argument(what);
}

namespace detail {

/// Returns a new object of the class of an algorithm.
inline any_hasher make_hasher(hash_algorithm algorithm) {
    switch (algorithm) {
        case hash_algorithm::md5:
            return any_hasher(std::in_place_type<CryptoPP::Weak1::MD5>);
        case hash_algorithm::sha1:
            return any_hasher(std::in_place_type<CryptoPP::SHA1>);
        case hash_algorithm::sha224:
            return any_hasher(std::in_place_type<CryptoPP::SHA224>);
        case hash_algorithm::sha256:
            return any_hasher(std::in_place_type<CryptoPP::SHA256>);
        case hash_algorithm::sha384:
            return any_hasher(std::in_place_type<CryptoPP::SHA384>);
        case hash_algorithm::sha512:
            return any_hasher(std::in_place_type<CryptoPP::SHA512>);
        case hash_algorithm::sha3_256:
            return any_hasher(std::in_place_type<CryptoPP::SHA3_256>);
        case hash_algorithm::sha3_512:
            return any_hasher(std::in_place_type<CryptoPP::SHA3_512>);
        case hash_algorithm::blake2b:
            return any_hasher(std::in_place_type<CryptoPP::BLAKE2b>);
        case hash_algorithm::blake2s:
            return any_hasher(std::in_place_type<CryptoPP::BLAKE2s>);
        default:
            break;
    }
    throw std::invalid_argument("skyutil::hash_algorithm: no algorithm has the value " +
                                std::to_string(static_cast<int>(algorithm)));
}

}  // namespace detail

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
