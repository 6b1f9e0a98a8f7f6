// SPDX-License-Identifier: MIT
//
// skyutil/hash.hpp: the digest of a file of any size and kind, of many files at once, and of bytes
// in memory, with the algorithms of Crypto++.
//
//     skyutil::hash_file("disk.img").hex();                                         // SHA-256
//     skyutil::hash_file("disk.img", "sha512");                                     // by name
//     auto [a, b] = skyutil::hash_file<CryptoPP::SHA256, CryptoPP::SHA1>("d.img");  // in one pass
//     for (const auto& [path, digest, error] : skyutil::hash_files(paths)) { ... }  // on all CPUs
//
// The throwing forms throw std::filesystem::filesystem_error, the others set their std::error_code
// and clear it on success; an unknown algorithm is std::invalid_argument in both. MD5 and SHA-1 are
// here because files are published with them: they do not protect against forgery (RFC 6151, RFC
// 6194). Everything is safe to call from several threads at once.

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/hash/digest.hpp>          // IWYU pragma: export
#include <skyutil/detail/hash/file_queue.hpp>      // IWYU pragma: export
#include <skyutil/detail/hash/hash_algorithm.hpp>  // IWYU pragma: export
#include <skyutil/version.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <ranges>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// The digest of bytes that come in pieces.
///
///     skyutil::incremental_hash hash("sha256");
///     hash.update(header).update(body);
///     const skyutil::digest digest = hash.finish();
///
/// A copy goes on from what the original was given. Each object is for one thread at a time.
class incremental_hash {
public:
    explicit incremental_hash(hash_algorithm algorithm = hash_algorithm::sha256)
        : hasher_(detail::make_hasher(algorithm)) {}

    explicit incremental_hash(std::string_view algorithm)
        : incremental_hash(parse_hash_algorithm(algorithm)) {}

    incremental_hash& update(std::span<const std::byte> bytes) {
        std::visit([&](auto& hasher) { detail::update_hash(hasher, bytes); }, hasher_);
        return *this;
    }

    /// Returns the digest of all bytes so far and starts anew: the next update begins another
    /// message.
    [[nodiscard]] digest finish() {
        return std::visit([](auto& hasher) { return detail::finish_hash(hasher); }, hasher_);
    }

private:
    detail::any_hasher hasher_;
};

namespace detail {

/// Several hash classes fed at once.
template <hasher... H>
class hasher_set {
public:
    void update(std::span<const std::byte> bytes) {
        std::apply([&](H&... h) { (detail::update_hash(h, bytes), ...); }, hashers_);
    }

    std::array<digest, sizeof...(H)> finish_all() {
        return std::apply([](H&... h) { return std::array{detail::finish_hash(h)...}; }, hashers_);
    }

    digest finish()
        requires(sizeof...(H) == 1)
    {
        return finish_all().front();
    }

private:
    std::tuple<H...> hashers_;
};

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
[[nodiscard]] auto hash_file(const std::filesystem::path& path, const hash_file_options& options,
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

template <hasher H, hasher... More>
[[nodiscard]] auto hash_file(const std::filesystem::path& path, std::error_code& error) {
    return hash_file<H, More...>(path, hash_file_options{}, error);
}

template <hasher H, hasher... More>
[[nodiscard]] auto hash_file(const std::filesystem::path& path,
                             const hash_file_options& options = {}) {
    std::error_code error;
    auto results = hash_file<H, More...>(path, options, error);
    detail::throw_if(error, detail::hash_file_failed, path);
    return results;
}

/// Returns the digest of a file; everything else as above.
[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, hash_algorithm algorithm,
                                      const hash_file_options& options, std::error_code& error) {
    incremental_hash hash(algorithm);
    detail::read_file_blocks(path, options.stop, error,
                             [&](std::span<const std::byte> bytes) { hash.update(bytes); });
    return error ? digest() : hash.finish();
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, hash_algorithm algorithm,
                                      std::error_code& error) {
    return hash_file(path, algorithm, hash_file_options{}, error);
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, std::error_code& error) {
    return hash_file(path, hash_algorithm::sha256, error);
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, std::string_view algorithm,
                                      const hash_file_options& options, std::error_code& error) {
    return hash_file(path, parse_hash_algorithm(algorithm), options, error);
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, std::string_view algorithm,
                                      std::error_code& error) {
    return hash_file(path, parse_hash_algorithm(algorithm), error);
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, hash_algorithm algorithm,
                                      const hash_file_options& options) {
    std::error_code error;
    const digest result = hash_file(path, algorithm, options, error);
    detail::throw_if(error, detail::hash_file_failed, path);
    return result;
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path,
                                      hash_algorithm algorithm = hash_algorithm::sha256) {
    return hash_file(path, algorithm, hash_file_options{});
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, std::string_view algorithm,
                                      const hash_file_options& options) {
    return hash_file(path, parse_hash_algorithm(algorithm), options);
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path,
                                      std::string_view algorithm) {
    return hash_file(path, parse_hash_algorithm(algorithm));
}

/// Returns the digest of bytes in memory.
[[nodiscard]] inline digest hash_bytes(std::span<const std::byte> bytes, hash_algorithm algorithm) {
    return incremental_hash(algorithm).update(bytes).finish();
}

/// Returns the digest of the bytes of several buffers, one after the other, as if they were one:
/// any range of what converts to std::span<const std::byte>.
template <std::ranges::input_range Buffers>
    requires std::convertible_to<std::ranges::range_reference_t<Buffers>,
                                 std::span<const std::byte>>
[[nodiscard]] digest hash_buffers(Buffers&& buffers, hash_algorithm algorithm) {
    incremental_hash hash(algorithm);
    for (auto&& buffer : buffers) {
        hash.update(buffer);
    }
    return hash.finish();
}

/// A range of paths, of strings, or of the entries of a directory; not one path, which is a range
/// of its parts.
template <class R>
concept path_range =
    std::ranges::input_range<R> && !std::convertible_to<R, std::filesystem::path> &&
    std::convertible_to<std::ranges::range_reference_t<R>, std::filesystem::path>;

namespace detail {

template <path_range R>
std::vector<file_digest> make_file_digests(R&& paths) {
    std::vector<file_digest> files;
    if constexpr (std::ranges::sized_range<R>) {
        files.reserve(static_cast<std::size_t>(std::ranges::size(paths)));
    }
    for (auto&& path : paths) {
        files.push_back({std::forward<decltype(path)>(path), {}, {}});
    }
    return files;
}

inline std::vector<file_digest> hash_files(std::vector<file_digest> files, hash_algorithm algorithm,
                                           const hash_files_options& options) {
    const incremental_hash fresh(algorithm);
    file_queue(files, options).run([&] { return incremental_hash(fresh); });
    return files;
}

}  // namespace detail

/// Returns the digests of many files, in the order of `paths`, read by several threads.
///
/// What is said of hash_file holds for each file, but for errors: a file that cannot be read has
/// its error in its own entry, and the others are hashed all the same. As many descriptors are open
/// at once as there are threads, never more. Larger files are started earlier where their sizes are
/// cheap to get. After a stop the files that were not finished have errc::operation_canceled.
///
/// Throws std::invalid_argument for an unknown algorithm and what get_cpu_count() and `progress`
/// throw, and std::bad_alloc when there is no memory for one thread.
template <path_range R>
[[nodiscard]] std::vector<file_digest> hash_files(R&& paths,
                                                  hash_algorithm algorithm = hash_algorithm::sha256,
                                                  const hash_files_options& options = {}) {
    return detail::hash_files(detail::make_file_digests(std::forward<R>(paths)), algorithm,
                              options);
}

[[nodiscard]] inline std::vector<file_digest> hash_files(
    std::initializer_list<std::filesystem::path> paths,
    hash_algorithm algorithm = hash_algorithm::sha256, const hash_files_options& options = {}) {
    return detail::hash_files(detail::make_file_digests(paths), algorithm, options);
}

/// As above, with a hash class. What that throws stops the work and is thrown on.
template <hasher H, path_range R>
[[nodiscard]] std::vector<file_digest> hash_files(R&& paths,
                                                  const hash_files_options& options = {}) {
    std::vector<file_digest> files = detail::make_file_digests(std::forward<R>(paths));
    detail::file_queue(files, options).run([] { return detail::hasher_set<H>(); });
    return files;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
