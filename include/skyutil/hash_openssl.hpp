// SPDX-License-Identifier: MIT
//
// skyutil/hash_openssl.hpp: the hash functions of OpenSSL for hash_file, beside those of Crypto++.
//
//     skyutil::hash_file<skyutil::openssl::sha512>("disk.img").hex();
//     skyutil::hash_file<skyutil::openssl::md5, CryptoPP::SHA256>("disk.img");  // in one pass
//     skyutil::hash_files<skyutil::openssl::sha512>(paths);
//
// OpenSSL's SHA-512 and MD5 are faster than those of Crypto++ 8. Not part of <skyutil/skyutil.hpp>:
// link skyutil::hash_openssl, which needs OpenSSL 1.1.1 or newer.

#pragma once

#include <skyutil/hash.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslconf.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::openssl {

/// Returns the category of OpenSSL's error codes (ERR_get_error(3)); the messages are OpenSSL's.
[[nodiscard]] inline const std::error_category& error_category() noexcept {
    class openssl_category : public std::error_category {
    public:
        [[nodiscard]] const char* name() const noexcept override { return "openssl"; }
        [[nodiscard]] std::string message(int code) const override {
            char text[256] = "";
            ::ERR_error_string_n(static_cast<unsigned int>(code), text, sizeof text);
            return text;
        }
    };
    static const openssl_category category;
    return category;
}

/// A hash function of OpenSSL (EVP_DigestInit(3)) in the shape of Crypto++'s hash classes:
/// `Algorithm` is a function as EVP_sha256, `Size` the bytes of its digest.
///
/// Where OpenSSL refuses, as with MD5 in FIPS mode, the constructor throws std::system_error with
/// OpenSSL's reason. A copy goes on from what the original was given; a moved-from object may only
/// be assigned to or destroyed. Each object is for one thread at a time.
template <const EVP_MD* (*Algorithm)(), unsigned Size>
class evp_hasher {
    static_assert(Size > 0 && Size <= digest::max_size);

public:
    static constexpr unsigned DIGESTSIZE = Size;  // NOLINT(*-identifier-naming)

    evp_hasher() : context_(::EVP_MD_CTX_new()) {
        if (!context_) {
            throw std::bad_alloc();
        }
        const EVP_MD* const algorithm = Algorithm();
        throw_unless(::EVP_DigestInit_ex(context_.get(), algorithm, nullptr) == 1, "start");
        if (::EVP_MD_size(algorithm) != static_cast<int>(Size)) {
            throw std::invalid_argument("skyutil::openssl: the digest of this algorithm has " +
                                        std::to_string(::EVP_MD_size(algorithm)) + " bytes, not " +
                                        std::to_string(Size));
        }
    }
    evp_hasher(const evp_hasher& other) : context_(::EVP_MD_CTX_new()) {
        if (!context_) {
            throw std::bad_alloc();
        }
        throw_unless(::EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) == 1, "copy");
    }
    evp_hasher& operator=(const evp_hasher& other) {
        evp_hasher copy(other);
        context_.swap(copy.context_);
        return *this;
    }
    evp_hasher(evp_hasher&&) noexcept = default;
    evp_hasher& operator=(evp_hasher&&) noexcept = default;
    ~evp_hasher() = default;

    // NOLINTNEXTLINE(*-identifier-naming)
    void Update(const unsigned char* bytes, std::size_t size) {
        throw_unless(::EVP_DigestUpdate(context_.get(), bytes, size) == 1, "update");
    }

    /// Writes DIGESTSIZE bytes and starts anew.
    void Final(unsigned char* out) {  // NOLINT(*-identifier-naming)
        throw_unless(::EVP_DigestFinal_ex(context_.get(), out, nullptr) == 1 &&
                  ::EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1,
              "finish");
    }

private:
    /// Takes the errors of this thread out of OpenSSL's queue; the oldest is the reason.
    static void throw_unless(bool done, const char* what) {
        if (done) {
            return;
        }
        const unsigned long code = ::ERR_get_error();
        ::ERR_clear_error();
        const EVP_MD* const algorithm = Algorithm();
        throw std::system_error(static_cast<int>(code), error_category(),
                                std::string("skyutil::openssl: cannot ") + what + " " +
                                    (algorithm != nullptr ? EVP_MD_name(algorithm) : "a hash"));
    }

    struct free_context {
        void operator()(EVP_MD_CTX* context) const noexcept { ::EVP_MD_CTX_free(context); }
    };

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
