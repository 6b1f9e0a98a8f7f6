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
// Functions without a std::error_code throw std::filesystem::filesystem_error. Those with one set
// it to the error, and clear it on success. An unknown algorithm throws std::invalid_argument in
// both cases. Everything may be called from several threads at once.
//
// MD5 and SHA-1 are here because files are published with them. They do not protect against forgery
// (RFC 6151, RFC 6194).

#pragma once

#include <skyutil/detail/base/path_error.hpp>
#include <skyutil/detail/hash/any_hasher.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// -------------------------------------------------------------------------------------------------
// digests

/// The result of hashing: up to 64 bytes, by value. Empty when default-constructed.
///
/// Digests are ordered and compared by their bytes; that is also the order of their hexadecimal
/// texts. std::hash works with them.
class digest {
public:
    static constexpr std::size_t max_size = 64;

    constexpr digest() noexcept = default;

    /// Copies the bytes. More than max_size throw std::length_error.
    constexpr explicit digest(std::span<const std::byte> bytes);

    /// Returns the digest that a hexadecimal text stands for, in either case.
    ///
    /// **Errors**
    /// - An odd number of digits, more than 128, or anything but digits throws
    ///   std::invalid_argument.
    [[nodiscard]] static constexpr digest from_hex(std::string_view hex);

    /// Returns the bytes, which are valid as long as the digest.
    [[nodiscard]] constexpr std::span<const std::byte> bytes() const noexcept {
        return {bytes_.data(), size_};
    }

    /// Returns lower-case hexadecimal text with two digits for each byte.
    [[nodiscard]] constexpr std::string hex() const;

    friend constexpr bool operator==(const digest&, const digest&) noexcept = default;
    friend constexpr std::strong_ordering operator<=>(const digest&,
                                                      const digest&) noexcept = default;

private:
    std::array<std::byte, max_size> bytes_{};  // zero from size_ on, as the order needs
    std::size_t size_ = 0;
};

// -------------------------------------------------------------------------------------------------
// algorithms

/// The algorithms that have a name here. Others can be used as classes: see hasher.
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

/// Returns the name of an algorithm, which parse_hash_algorithm() and Python's hashlib understand.
[[nodiscard]] constexpr std::string_view to_string(hash_algorithm algorithm) noexcept;

/// Returns the algorithm that has a name: "sha256", "SHA-256", "sha3_256", "SHA3-256".
///
/// Letters may have either case, and '-' and '_' do not matter.
///
/// **Errors**
/// - Any other name throws std::invalid_argument, whose message lists the known names.
[[nodiscard]] constexpr hash_algorithm parse_hash_algorithm(std::string_view name);

/// A hash class as Crypto++ has them: it is default-constructible, takes any number of bytes at a
/// time, and is finished once. A digest has DIGESTSIZE bytes, at most digest::max_size.
template <class H>
concept hasher =
    std::default_initializable<H> && requires(H h, const unsigned char* in, unsigned char* out) {
        h.Update(in, std::size_t{});
        h.Final(out);
        requires H::DIGESTSIZE > 0 && H::DIGESTSIZE <= digest::max_size;
    };

/// The digest of bytes that come in pieces.
///
///     skyutil::incremental_hash hash("sha256");
///     hash.update(header).update(body);
///     const skyutil::digest digest = hash.finish();
///
/// A copy continues from the bytes that the original was given. Each object is for one thread at a
/// time.
class incremental_hash {
public:
    explicit incremental_hash(hash_algorithm algorithm = hash_algorithm::sha256);

    /// Throws std::invalid_argument for an unknown name, as parse_hash_algorithm() does.
    explicit incremental_hash(std::string_view algorithm)
        : incremental_hash(parse_hash_algorithm(algorithm)) {}

    /// Adds bytes, and returns this object.
    incremental_hash& update(std::span<const std::byte> bytes);

    /// Returns the digest of all bytes so far and starts anew: the next update() begins another
    /// message.
    [[nodiscard]] digest finish();

private:
    detail::any_hasher hasher_;
};

// -------------------------------------------------------------------------------------------------
// bytes in memory

/// Returns the digest of bytes in memory.
[[nodiscard]] inline digest hash_bytes(std::span<const std::byte> bytes, hash_algorithm algorithm) {
    return incremental_hash(algorithm).update(bytes).finish();
}

/// Returns the digest of the bytes of several buffers, one after the other, as if they were one.
///
/// `buffers` is any range of what converts to std::span<const std::byte>.
template <std::ranges::input_range Buffers>
    requires std::convertible_to<std::ranges::range_reference_t<Buffers>,
                                 std::span<const std::byte>>
[[nodiscard]] digest hash_buffers(Buffers&& buffers, hash_algorithm algorithm);

// -------------------------------------------------------------------------------------------------
// one file

/// What hash_file() does.
struct hash_file_options {
    /// Ends the reading with errc::operation_canceled, within a block of 256 KiB. While another
    /// process is waited for (the writer of a FIFO, or the holder of a lease), a stop takes effect
    /// within 20 milliseconds.
    stop_token stop = {};
};

/// Returns the digest of a file.
///
///     skyutil::hash_file("disk.img", skyutil::hash_algorithm::sha512).hex();
///
/// The file is read in blocks of 256 KiB to its end, whatever size it claims to have: pipes and
/// FIFOs too. On an error the digest is empty.
///
/// **Errors**
/// - A directory: errc::is_a_directory.
/// - A device that never ends, such as /dev/zero or /dev/random: errc::file_too_large.
/// - A FIFO that no process opens for writing within 10 seconds: errc::timed_out.
/// - A stop: errc::operation_canceled.
/// - An unknown name of an algorithm throws std::invalid_argument, also where there is an `error`.
///
/// **Limits**
/// - A file that changes meanwhile gives the digest of what was read.
[[nodiscard]] digest hash_file(const std::filesystem::path& path, hash_algorithm algorithm,
                               const hash_file_options& options, std::error_code& error);

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, hash_algorithm algorithm,
                                      std::error_code& error) {
    return hash_file(path, algorithm, hash_file_options{}, error);
}

/// The same with SHA-256.
[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, std::error_code& error) {
    return hash_file(path, hash_algorithm::sha256, error);
}

/// The same with the name of an algorithm.
[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, std::string_view algorithm,
                                      const hash_file_options& options, std::error_code& error) {
    return hash_file(path, parse_hash_algorithm(algorithm), options, error);
}

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, std::string_view algorithm,
                                      std::error_code& error) {
    return hash_file(path, parse_hash_algorithm(algorithm), error);
}

// The same, but these throw.

[[nodiscard]] inline digest hash_file(const std::filesystem::path& path, hash_algorithm algorithm,
                                      const hash_file_options& options) {
    return detail::or_throw(
        [&](std::error_code& error) { return hash_file(path, algorithm, options, error); },
        "skyutil::hash_file: cannot read the file", path);
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

/// Returns the digests of a file by one or several hash classes, which is read only once.
///
///     const auto [a, b] = skyutil::hash_file<CryptoPP::SHA256, CryptoPP::SHA1>("disk.img");
///
/// The result is a digest for one class. For several it is a std::array of digests in their order,
/// which structured bindings take apart. On an error the digests are empty. Everything else is as
/// with hash_file() and an algorithm.
template <hasher H, hasher... More>
[[nodiscard]] auto hash_file(const std::filesystem::path& path, const hash_file_options& options,
                             std::error_code& error);

template <hasher H, hasher... More>
[[nodiscard]] auto hash_file(const std::filesystem::path& path, std::error_code& error) {
    return hash_file<H, More...>(path, hash_file_options{}, error);
}

template <hasher H, hasher... More>
[[nodiscard]] auto hash_file(const std::filesystem::path& path,
                             const hash_file_options& options = {}) {
    return detail::or_throw(
        [&](std::error_code& error) { return hash_file<H, More...>(path, options, error); },
        "skyutil::hash_file: cannot read the file", path);
}

// -------------------------------------------------------------------------------------------------
// many files

/// A range of paths, of strings, or of the entries of a directory. A single path, which is a range
/// of its parts, is not accepted.
template <class R>
concept path_range =
    std::ranges::input_range<R> && !std::convertible_to<R, std::filesystem::path> &&
    std::convertible_to<std::ranges::range_reference_t<R>, std::filesystem::path>;

/// One file of hash_files().
struct file_digest {
    std::filesystem::path path;
    skyutil::digest digest;  ///< empty when there is an error
    std::error_code error;   ///< operation_canceled when a stop came before the file was finished
};

/// What hash_files() does.
struct hash_files_options {
    /// How many files are read at once; 0 or less for get_cpu_count().
    ///
    /// As many threads are started, and have ended when the call returns; with 1 the calling thread
    /// reads. There are never more than files, and fewer when the system gives no more threads or
    /// memory.
    int threads = 0;

    /// Called with how many bytes have been read and how many files are done, failed ones included:
    /// at most 20 times a second, and once more at the end.
    ///
    /// It is always called by the thread that called hash_files(), while the others go on. When it
    /// throws, the work stops and hash_files() throws that exception.
    std::function<void(std::uint64_t bytes_done, std::size_t files_done)> progress = {};

    /// Stops the work, within a block of each file, also while the writer of a FIFO is waited for.
    stop_token stop = {};
};

/// Returns the digests of many files, in the order of `paths`. Several threads read them.
///
///     for (const auto& [path, digest, error] : skyutil::hash_files(paths)) {
///         std::cout << (error ? error.message() : digest.hex()) << "  " << path << '\n';
///     }
///
/// Each file is read as by hash_file(). Larger files are started earlier, where their sizes are
/// cheap to get.
///
/// **Errors**
/// - A file that cannot be read has its error in its own entry; the others are hashed all the same.
/// - After a stop, files that were not finished have errc::operation_canceled.
/// - An unknown algorithm throws std::invalid_argument.
/// - What get_cpu_count() and `progress` throw is thrown.
/// - When there is not enough memory for a single thread, std::bad_alloc is thrown.
///
/// **Guarantees**
/// - There are never more open descriptors than threads.
template <path_range R>
[[nodiscard]] std::vector<file_digest> hash_files(R&& paths,
                                                  hash_algorithm algorithm = hash_algorithm::sha256,
                                                  const hash_files_options& options = {});

[[nodiscard]] std::vector<file_digest> hash_files(
    std::initializer_list<std::filesystem::path> paths,
    hash_algorithm algorithm = hash_algorithm::sha256, const hash_files_options& options = {});

/// The same with a hash class. An exception that it throws stops the work and is thrown.
template <hasher H, path_range R>
[[nodiscard]] std::vector<file_digest> hash_files(R&& paths,
                                                  const hash_files_options& options = {});

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

template <>
struct std::hash<skyutil::digest> {
    [[nodiscard]] std::size_t operator()(const skyutil::digest& digest) const noexcept {
        const std::span<const std::byte> bytes = digest.bytes();
        return std::hash<std::string_view>()(
            {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
};

#include <skyutil/detail/hash/impl.hpp>  // IWYU pragma: keep
