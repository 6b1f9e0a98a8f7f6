// SPDX-License-Identifier: MIT
//
// detail/hash_openssl/impl.hpp: the functions of skyutil/hash_openssl.hpp, at whose end this is
// included.

#pragma once

#include <skyutil/version.hpp>

#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include <openssl/err.h>
#include <openssl/evp.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::openssl {

inline const std::error_category& error_category() noexcept {
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

template <const EVP_MD* (*Algorithm)(), unsigned Size>
evp_hasher<Algorithm, Size>::evp_hasher() : context_(::EVP_MD_CTX_new()) {
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

template <const EVP_MD* (*Algorithm)(), unsigned Size>
evp_hasher<Algorithm, Size>::evp_hasher(const evp_hasher& other) : context_(::EVP_MD_CTX_new()) {
    if (!context_) {
        throw std::bad_alloc();
    }
    throw_unless(::EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) == 1, "copy");
}

template <const EVP_MD* (*Algorithm)(), unsigned Size>
// NOLINTNEXTLINE(*-identifier-naming)
void evp_hasher<Algorithm, Size>::Update(const unsigned char* bytes, std::size_t size) {
    throw_unless(::EVP_DigestUpdate(context_.get(), bytes, size) == 1, "update");
}

template <const EVP_MD* (*Algorithm)(), unsigned Size>
// NOLINTNEXTLINE(*-identifier-naming)
void evp_hasher<Algorithm, Size>::Final(unsigned char* out) {
    throw_unless(::EVP_DigestFinal_ex(context_.get(), out, nullptr) == 1 &&
                     ::EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1,
                 "finish");
}

/// Takes the errors of this thread out of OpenSSL's queue; the oldest is the reason.
template <const EVP_MD* (*Algorithm)(), unsigned Size>
void evp_hasher<Algorithm, Size>::throw_unless(bool done, const char* what) {
    if (done) {
        return;
    }
    const auto code = ::ERR_get_error();
    ::ERR_clear_error();
    const EVP_MD* const algorithm = Algorithm();
    throw std::system_error(static_cast<int>(code), error_category(),
                            std::string("skyutil::openssl: cannot ") + what + " " +
                                (algorithm != nullptr ? EVP_MD_name(algorithm) : "a hash"));
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::openssl
