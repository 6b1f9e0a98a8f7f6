// SPDX-License-Identifier: MIT
//
// skyutil/hash.hpp: the digest of a file of any size and kind, with the algorithms of Crypto++.
//
//     skyutil::hash_file("disk.img").hex();                                      // SHA-256
//     skyutil::hash_file("disk.img", "sha512");                                  // by name
//     auto [a, b] = skyutil::hash_file<CryptoPP::SHA256, CryptoPP::SHA1>(path);  // several in one
//     pass
//
// The throwing forms throw std::filesystem::filesystem_error, the others set their std::error_code
// and clear it on success; an unknown algorithm is std::invalid_argument in both. MD5 and SHA-1 are
// here because files are published with them: they do not protect against forgery (RFC 6151, RFC
// 6194). Everything is safe to call from several threads at once.

#pragma once

#include <skyutil/detail/digits.hpp>
#include <skyutil/detail/error.hpp>
#include <skyutil/detail/input.hpp>
#include <skyutil/detail/text_error.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#if !defined(CRYPTOPP_ENABLE_NAMESPACE_WEAK)
#define CRYPTOPP_ENABLE_NAMESPACE_WEAK 1
#include <cryptopp/md5.h>
#undef CRYPTOPP_ENABLE_NAMESPACE_WEAK
#else
#include <cryptopp/md5.h>
#endif
#include <cryptopp/blake2.h>
#include <cryptopp/sha.h>
#include <cryptopp/sha3.h>

namespace skyutil::inline v0 {

enum class hash_algorithm {
    md5,
    sha1,
    sha224,
    sha256,
    sha384,
    sha512,
    sha3_256,
    sha3_512,
    blake2b,
    blake2s
};

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

/// Equal but for letter case, hyphens and underscores.
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

/// Returns the name that parse_hash_algorithm and Python's hashlib know an algorithm by.
[[nodiscard]] constexpr std::string_view to_string(hash_algorithm algorithm) noexcept {
    for (const auto& [name, value] : detail::hash_names) {
        if (value == algorithm) {
            return name;
        }
    }
    return "unknown";
}

/// Returns the algorithm of a name in any letter case, with or without '-' and '_': "sha256",
/// "SHA-256", "sha3_256", "SHA3-256". Throws std::invalid_argument that lists the known names
/// otherwise.
[[nodiscard]] constexpr hash_algorithm parse_hash_algorithm(std::string_view name) {
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

/// Up to 64 bytes by value; empty when default-constructed.
class digest {
public:
    static constexpr std::size_t max_size = 64;

    constexpr digest() noexcept = default;

    /// Takes a copy of at most max_size bytes: std::length_error for more.
    constexpr explicit digest(std::span<const std::byte> bytes) : size_(bytes.size()) {
        if (size_ > max_size) {
            throw std::length_error("skyutil::digest: more than 64 bytes");
        }
        std::copy(bytes.begin(), bytes.end(), bytes_.begin());
    }

    /// Returns the digest of a hexadecimal text of either case. Throws std::invalid_argument for an
    /// odd length, more than 128 digits or anything that is no digit.
    [[nodiscard]] static constexpr digest from_hex(std::string_view hex) {
        if (hex.size() % 2 != 0 || hex.size() > 2 * max_size) {
            throw std::invalid_argument("skyutil::digest::from_hex: " + std::to_string(hex.size()) +
                                        " digits, but it takes an even number up to 128");
        }
        digest result;
        result.size_ = hex.size() / 2;
        for (std::size_t i = 0; i < hex.size(); ++i) {
            const int value = detail::digit_value(hex[i]);
            if (value < 0 || value >= 16) {
                detail::throw_invalid_text("skyutil::digest::from_hex", "hexadecimal", hex, i);
            }
            result.bytes_[i / 2] = (result.bytes_[i / 2] << 4) | static_cast<std::byte>(value);
        }
        return result;
    }

    /// The bytes, valid as long as the digest.
    [[nodiscard]] constexpr std::span<const std::byte> bytes() const noexcept {
        return {bytes_.data(), size_};
    }

    /// Lower-case hexadecimal, two digits a byte.
    [[nodiscard]] constexpr std::string hex() const {
        std::string out;
        out.reserve(2 * size_);
        for (const std::byte byte : bytes()) {
            out += detail::digit_characters[std::to_integer<std::size_t>(byte >> 4)];
            out += detail::digit_characters[std::to_integer<std::size_t>(byte & std::byte{15})];
        }
        return out;
    }

    friend constexpr bool operator==(const digest& a, const digest& b) noexcept {
        return std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(), b.bytes().end());
    }

private:
    std::array<std::byte, max_size> bytes_{};
    std::size_t size_ = 0;
};

/// What Crypto++'s hash classes have: default-constructible, fed any number of bytes at a time,
/// finished once.
template <class H>
concept hasher =
    std::default_initializable<H> && requires(H h, const unsigned char* in, unsigned char* out) {
        h.Update(in, std::size_t{});
        h.Final(out);
        requires H::DIGESTSIZE > 0 && H::DIGESTSIZE <= digest::max_size;
    };

namespace detail {

/// The one thing every algorithm does, so that files are read in one place.
template <hasher... H>
class hasher_set {
public:
    void update(std::span<const char> bytes) {
        const auto* const data = reinterpret_cast<const unsigned char*>(bytes.data());
        std::apply([&](H&... h) { (h.Update(data, bytes.size()), ...); }, hashers_);
    }

    std::array<digest, sizeof...(H)> finish() {
        return std::apply([](H&... h) { return std::array{finish_one(h)...}; }, hashers_);
    }

private:
    template <hasher One>
    static digest finish_one(One& h) {
        std::array<std::byte, One::DIGESTSIZE> bytes{};
        h.Final(reinterpret_cast<unsigned char*>(bytes.data()));
        return digest(bytes);
    }

    std::tuple<H...> hashers_;
};

/// Feeds a file in blocks of 256 KiB to `update`; smaller ones for a file known to be smaller.
template <class Update>
void read_blocks(const std::filesystem::path& path, std::error_code& error, Update update) {
    constexpr std::size_t largest_block = std::size_t{256} * 1024;
    constexpr std::size_t smallest_block = std::size_t{16} * 1024;
    error.clear();
    input_file file(path, error);
    if (error) {
        return;
    }
    std::size_t size = largest_block;
    if (file.has_size() && file.size() < largest_block) {
        size = (std::max)(static_cast<std::size_t>(file.size()) + 1, smallest_block);
    }
    const auto block = std::make_unique_for_overwrite<char[]>(size);
    for (;;) {
        const std::size_t count = file.read({block.get(), size}, error);
        if (error || count == 0) {
            return;
        }
        update(std::span<const char>(block.get(), count));
    }
}

/// Calls `use` with a new set of the one hasher that implements the algorithm.
template <class Use>
auto with_hasher(hash_algorithm algorithm, Use use) {
    switch (algorithm) {
        case hash_algorithm::md5:
            return use(hasher_set<CryptoPP::Weak1::MD5>());
        case hash_algorithm::sha1:
            return use(hasher_set<CryptoPP::SHA1>());
        case hash_algorithm::sha224:
            return use(hasher_set<CryptoPP::SHA224>());
        case hash_algorithm::sha256:
            return use(hasher_set<CryptoPP::SHA256>());
        case hash_algorithm::sha384:
            return use(hasher_set<CryptoPP::SHA384>());
        case hash_algorithm::sha512:
            return use(hasher_set<CryptoPP::SHA512>());
        case hash_algorithm::sha3_256:
            return use(hasher_set<CryptoPP::SHA3_256>());
        case hash_algorithm::sha3_512:
            return use(hasher_set<CryptoPP::SHA3_512>());
        case hash_algorithm::blake2b:
            return use(hasher_set<CryptoPP::BLAKE2b>());
        case hash_algorithm::blake2s:
            return use(hasher_set<CryptoPP::BLAKE2s>());
    }
    throw std::invalid_argument("skyutil::hash_algorithm: no algorithm has the value " +
                                std::to_string(static_cast<int>(algorithm)));
}

inline constexpr char hash_file_failed[] = "skyutil::hash_file: cannot read the file";

}  // namespace detail

/// Returns the digests of a file by one or several hash classes, in their order, read once: one
/// digest for one class, else an array that structured bindings take apart.
///
/// The file is read in blocks of 256 KiB to its end, whatever its size reads as; pipes and FIFOs
/// too (a FIFO that no process opens for writing within 10 seconds is errc::timed_out). A file that
/// changes meanwhile gives the digest of what was read. On an error the digests are empty. A
/// directory is errc::is_a_directory, a device that never ends (/dev/zero, /dev/random)
/// errc::file_too_large.
template <hasher H, hasher... More>
[[nodiscard]] auto hash_file(const std::filesystem::path& path, std::error_code& error) {
    detail::hasher_set<H, More...> hashers;
    detail::read_blocks(path, error, [&](std::span<const char> block) { hashers.update(block); });
    std::array<digest, 1 + sizeof...(More)> results{};
    if (!error) {
        results = hashers.finish();
    }
    if constexpr (sizeof...(More) == 0) {
        return results.front();
    } else {
        return results;
    }
}

template <hasher H, hasher... More>
[[nodiscard]] auto hash_file(const std::filesystem::path& path) {
    std::error_code error;
    auto results = hash_file<H, More...>(path, error);
    detail::throw_if(error, detail::hash_file_failed, path);
    return results;
}

/// Returns the digest of a file; everything else as above.
[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, hash_algorithm algorithm,
                                      std::error_code& error) {
    return detail::with_hasher(algorithm, [&](auto hashers) {
        detail::read_blocks(path, error,
                            [&](std::span<const char> block) { hashers.update(block); });
        return error ? digest() : hashers.finish().front();
    });
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, std::error_code& error) {
    return hash_file(path, hash_algorithm::sha256, error);
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, std::string_view algorithm,
                                      std::error_code& error) {
    return hash_file(path, parse_hash_algorithm(algorithm), error);
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path,
                                      hash_algorithm algorithm = hash_algorithm::sha256) {
    std::error_code error;
    const digest result = hash_file(path, algorithm, error);
    detail::throw_if(error, detail::hash_file_failed, path);
    return result;
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path,
                                      std::string_view algorithm) {
    return hash_file(path, parse_hash_algorithm(algorithm));
}

/// Returns the digest of bytes in memory.
[[nodiscard]] inline digest hash_bytes(std::span<const std::byte> bytes, hash_algorithm algorithm) {
    return detail::with_hasher(algorithm, [&](auto hashers) {
        hashers.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        return hashers.finish().front();
    });
}

}  // namespace skyutil::inline v0

template <>
struct std::hash<skyutil::digest> {
    [[nodiscard]] std::size_t operator()(const skyutil::digest& digest) const noexcept {
        const std::span<const std::byte> bytes = digest.bytes();
        return std::hash<std::string_view>()(
            {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
};
