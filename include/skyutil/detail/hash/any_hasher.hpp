// SPDX-License-Identifier: MIT
//
// detail/hash/any_hasher.hpp: the hash classes of Crypto++ that have a name in hash_algorithm.

#pragma once

#include <skyutil/version.hpp>

#include <variant>

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

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// An object of one of the classes.
using any_hasher =
    std::variant<CryptoPP::Weak1::MD5, CryptoPP::SHA1, CryptoPP::SHA224, CryptoPP::SHA256,
                 CryptoPP::SHA384, CryptoPP::SHA512, CryptoPP::SHA3_256, CryptoPP::SHA3_512,
                 CryptoPP::BLAKE2b, CryptoPP::BLAKE2s>;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
