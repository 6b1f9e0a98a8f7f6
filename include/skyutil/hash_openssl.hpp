// SPDX-License-Identifier: MIT
//
// skyutil/hash_openssl.hpp: the hash functions of OpenSSL for hash_file, beside those of Crypto++.
//
//     skyutil::hash_file<skyutil::openssl::sha512>("disk.img").hex();
//     skyutil::hash_file<skyutil::openssl::md5, CryptoPP::SHA256>("disk.img");  // in one pass
//     skyutil::hash_files<skyutil::openssl::sha512>(paths);
//
// OpenSSL's SHA-512 and MD5 are faster than those of Crypto++ 8. This header is not part of
// <skyutil/skyutil.hpp>: link skyutil::hash_openssl, which needs OpenSSL 1.1.1 or newer.

#pragma once

#include <skyutil/hash.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <memory>
#include <system_error>

#include <openssl/evp.h>
#include <openssl/opensslconf.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::openssl {

/// Returns the category of OpenSSL's error codes. Messages are OpenSSL's.
///
/// **Source**: ERR_get_error(3).
[[nodiscard]] const std::error_category& error_category() noexcept;

/// A hash function of OpenSSL in the shape of Crypto++'s hash classes: see skyutil::hasher.
///
/// `Algorithm` is a function such as EVP_sha256, and `Size` is how many bytes its digest has. A
/// copy continues from the bytes that the original was given. A moved-from object may only be
/// assigned to or destroyed. Each object is for one thread at a time.
///
/// **Errors**
/// - Where OpenSSL refuses an algorithm, as it does with MD5 in FIPS mode, the constructor throws
///   std::system_error with OpenSSL's reason.
/// - When there is no memory for it, std::bad_alloc is thrown.
/// - When the digest of the algorithm has another size, std::invalid_argument is thrown.
///
/// **Source**: EVP_DigestInit(3).
template <const EVP_MD* (*Algorithm)(), unsigned Size>
class evp_hasher {
    static_assert(Size > 0 && Size <= digest::max_size);

public:
    static constexpr unsigned DIGESTSIZE = Size;  // NOLINT(*-identifier-naming)

    evp_hasher();
    evp_hasher(const evp_hasher& other);
    evp_hasher& operator=(const evp_hasher& other) {
        evp_hasher copy(other);
        context_.swap(copy.context_);
        return *this;
    }
    evp_hasher(evp_hasher&&) noexcept = default;
    evp_hasher& operator=(evp_hasher&&) noexcept = default;
    ~evp_hasher() = default;

    /// Adds bytes.
    void Update(const unsigned char* bytes, std::size_t size);  // NOLINT(*-identifier-naming)

    /// Writes DIGESTSIZE bytes and starts anew.
    void Final(unsigned char* out);  // NOLINT(*-identifier-naming)

private:
    struct free_context {
        void operator()(EVP_MD_CTX* context) const noexcept { ::EVP_MD_CTX_free(context); }
    };

    static void throw_unless(bool done, const char* what);

    std::unique_ptr<EVP_MD_CTX, free_context> context_;
};

#if !defined(OPENSSL_NO_MD5)
using md5 = evp_hasher<&EVP_md5, 16>;
#endif
using sha1 = evp_hasher<&EVP_sha1, 20>;
using sha224 = evp_hasher<&EVP_sha224, 28>;
using sha256 = evp_hasher<&EVP_sha256, 32>;
using sha384 = evp_hasher<&EVP_sha384, 48>;
using sha512 = evp_hasher<&EVP_sha512, 64>;
using sha512_256 = evp_hasher<&EVP_sha512_256, 32>;
using sha3_224 = evp_hasher<&EVP_sha3_224, 28>;
using sha3_256 = evp_hasher<&EVP_sha3_256, 32>;
using sha3_384 = evp_hasher<&EVP_sha3_384, 48>;
using sha3_512 = evp_hasher<&EVP_sha3_512, 64>;
#if !defined(OPENSSL_NO_BLAKE2)
using blake2b = evp_hasher<&EVP_blake2b512, 64>;
using blake2s = evp_hasher<&EVP_blake2s256, 32>;
#endif

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::openssl

#include <skyutil/detail/hash_openssl/impl.hpp>  // IWYU pragma: keep
