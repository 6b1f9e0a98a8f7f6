// SPDX-License-Identifier: MIT

#include "../../rivals/hash.hpp"
#include "peer.hpp"

#include <skyutil/hash.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#if defined(SKYUTIL_BENCH_OPENSSL)
#include <skyutil/hash_openssl.hpp>

#include <openssl/evp.h>
#endif

namespace {

using peer::add;
using peer::fields;

struct file {
    std::filesystem::path path;
    std::string algorithm;
};

file file_input(const fields& line) { return {line.at(0), line.at(1)}; }

template <std::size_t Size>
std::string hex(const std::array<unsigned char, Size>& bytes) {
    return skyutil::digest(std::as_bytes(std::span(bytes))).hex();
}

std::span<char> block() {
    static const auto memory = std::make_unique_for_overwrite<char[]>(1 << 18);
    return {memory.get(), 1 << 18};
}

/// `Call` with the hash class of Crypto++ that the case names.
template <class Call>
std::string by_name(const file& x, Call call) {
    if (x.algorithm == "md5") {
        return hex(call.template operator()<CryptoPP::Weak1::MD5>(x.path));
    }
    if (x.algorithm == "sha256") {
        return hex(call.template operator()<CryptoPP::SHA256>(x.path));
    }
    return hex(call.template operator()<CryptoPP::SHA512>(x.path));
}

#if defined(SKYUTIL_BENCH_OPENSSL)
std::string hash_by_evp(const file& x) {
    const rivals::descriptor in(x.path);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    EVP_DigestInit_ex(context.get(), EVP_get_digestbyname(x.algorithm.c_str()), nullptr);
    for (ssize_t count; (count = ::read(in.fd, block().data(), block().size())) > 0;) {
        EVP_DigestUpdate(context.get(), block().data(), static_cast<std::size_t>(count));
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context.get(), out.data(), &size);
    return skyutil::digest(std::as_bytes(std::span(out.data(), size))).hex();
}

std::string hash_by_openssl(const file& x) {
    if (x.algorithm == "md5") {
        return skyutil::hash_file<skyutil::openssl::md5>(x.path).hex();
    }
    if (x.algorithm == "sha256") {
        return skyutil::hash_file<skyutil::openssl::sha256>(x.path).hex();
    }
    return skyutil::hash_file<skyutil::openssl::sha512>(x.path).hex();
}
#endif

struct many_files {
    std::vector<std::filesystem::path> paths;
    int threads;
};

many_files many_input(const fields& line) {
    many_files many{{std::filesystem::directory_iterator(line.at(0)), {}}, std::stoi(line.at(1))};
    std::sort(many.paths.begin(), many.paths.end());
    return many;
}

std::vector<std::string> hash_by_shares(const std::vector<std::filesystem::path>& paths,
                                        std::size_t threads) {
    std::vector<std::string> out(paths.size());
    std::vector<std::jthread> working;
    for (std::size_t share = 0; share < threads; ++share) {
        working.emplace_back([&, share] {
            std::vector<char> own(block().size());
            for (std::size_t i = share; i < out.size(); i += threads) {
                out[i] = hex(rivals::hash_by_hand<CryptoPP::SHA256>(paths[i], own));
            }
        });
    }
    working.clear();  // ends when all have
    return out;
}

const peer::registration registered([] {
    add("skyutil", "hash_file", file_input,
        [](const file& x) { return skyutil::hash_file(x.path, x.algorithm).hex(); });
    add("floor: read and Crypto++", "hash_file", file_input, [](const file& x) {
        return by_name(
            x, []<class H>(const auto& path) { return rivals::hash_by_hand<H>(path, block()); });
    });
    add("Crypto++, mmap", "hash_file", file_input, [](const file& x) {
        return by_name(x, []<class H>(const auto& path) { return rivals::hash_by_mmap<H>(path); });
    });
#if defined(SKYUTIL_BENCH_OPENSSL)
    add("OpenSSL EVP", "hash_file", file_input, hash_by_evp);
    add("skyutil, hash_openssl.hpp", "hash_file", file_input, hash_by_openssl);
#endif

    add("skyutil", "hash_files", many_input, [](const many_files& x) {
        std::vector<std::string> out;
        for (const skyutil::file_digest& each : skyutil::hash_files(
                 x.paths, skyutil::hash_algorithm::sha256, {.threads = x.threads})) {
            out.push_back(each.digest.hex());
        }
        return out;
    });
    add("floor: as many threads, each its share", "hash_files", many_input,
        [](const many_files& x) {
            return hash_by_shares(x.paths, static_cast<std::size_t>(x.threads));
        });
    add("one file after the other", "hash_files", many_input,
        [](const many_files& x) { return hash_by_shares(x.paths, 1); });
});

}  // namespace
