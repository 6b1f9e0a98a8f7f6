// SPDX-License-Identifier: MIT
//
// detail/hash/hash_file.hpp: the digests of bytes in memory and of one file. Included at the end of
// skyutil/hash.hpp.

#pragma once

#include <skyutil/detail/hash/hash_algorithm.hpp>
#include <skyutil/detail/hash/read_blocks.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <ranges>
#include <span>
#include <system_error>
#include <tuple>
#include <variant>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

template <hasher H>
void update_hash(H& hasher, std::span<const std::byte> bytes) {
    hasher.Update(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

template <hasher H>
digest finish_hash(H& hasher) {
    std::array<std::byte, H::DIGESTSIZE> bytes{};
    hasher.Final(reinterpret_cast<unsigned char*>(bytes.data()));
    return digest(bytes);
}

/// Objects of several hash classes that are given the same bytes.
template <hasher... H>
class hasher_set {
public:
    void update(std::span<const std::byte> bytes) {
        std::apply([&](H&... h) { (update_hash(h, bytes), ...); }, hashers_);
    }

    std::array<digest, sizeof...(H)> finish_all() {
        return std::apply([](H&... h) { return std::array{finish_hash(h)...}; }, hashers_);
    }

    digest finish()
        requires(sizeof...(H) == 1)
    {
        return finish_all().front();
    }

private:
    std::tuple<H...> hashers_;
};

}  // namespace detail

inline incremental_hash::incremental_hash(hash_algorithm algorithm)
    : hasher_(detail::make_hasher(algorithm)) {}

inline incremental_hash& incremental_hash::update(std::span<const std::byte> bytes) {
    std::visit([&](auto& hasher) { detail::update_hash(hasher, bytes); }, hasher_);
    return *this;
}

inline digest incremental_hash::finish() {
    return std::visit([](auto& hasher) { return detail::finish_hash(hasher); }, hasher_);
}

template <std::ranges::input_range Buffers>
    requires std::convertible_to<std::ranges::range_reference_t<Buffers>,
                                 std::span<const std::byte>>
digest hash_buffers(Buffers&& buffers, hash_algorithm algorithm) {
    incremental_hash hash(algorithm);
    for (auto&& buffer : buffers) {
        hash.update(buffer);
    }
    return hash.finish();
}

inline digest hash_file(const std::filesystem::path& path, hash_algorithm algorithm,
                        const hash_file_options& options, std::error_code& error) {
    incremental_hash hash(algorithm);
    detail::read_file_blocks(path, options.stop, error,
                             [&](std::span<const std::byte> bytes) { hash.update(bytes); });
    return error ? digest() : hash.finish();
}

template <hasher H, hasher... More>
auto hash_file(const std::filesystem::path& path, const hash_file_options& options,
               std::error_code& error) {
    detail::hasher_set<H, More...> hashers;
    detail::read_file_blocks(path, options.stop, error,
                             [&](std::span<const std::byte> bytes) { hashers.update(bytes); });
    std::array<digest, 1 + sizeof...(More)> results{};
    if (!error) {
        results = hashers.finish_all();
    }
    if constexpr (sizeof...(More) == 0) {
        return results.front();
    } else {
        return results;
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
