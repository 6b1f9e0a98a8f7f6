// SPDX-License-Identifier: MIT
//
// Hashing a file by hand: what hash.hpp is compared with.

#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include <cryptopp/files.h>
#include <cryptopp/filters.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rivals {

struct descriptor {
    explicit descriptor(const std::filesystem::path& path)
        : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { ::close(fd); }
    const int fd;
};

template <class H>
std::array<unsigned char, H::DIGESTSIZE> finish(H& hash) {
    std::array<unsigned char, H::DIGESTSIZE> out{};
    hash.Final(out.data());
    return out;
}

/// The raw hash class over read(2).
template <class H>
std::array<unsigned char, H::DIGESTSIZE> hash_by_hand(const std::filesystem::path& path,
                                                      std::span<char> block) {
    const descriptor file(path);
    H hash;
    for (ssize_t count; (count = ::read(file.fd, block.data(), block.size())) > 0;) {
        hash.Update(reinterpret_cast<const unsigned char*>(block.data()),
                    static_cast<std::size_t>(count));
    }
    return finish(hash);
}

template <class H>
std::string hash_by_file_source(const std::filesystem::path& path) {
    H hash;
    std::string out;
    const CryptoPP::FileSource source(
        path.c_str(), true, new CryptoPP::HashFilter(hash, new CryptoPP::StringSink(out)));
    return out;
}

template <class H>
std::array<unsigned char, H::DIGESTSIZE> hash_by_mmap(const std::filesystem::path& path) {
    const descriptor file(path);
    struct stat info{};
    ::fstat(file.fd, &info);
    const auto size = static_cast<std::size_t>(info.st_size);
    void* const view = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
    ::madvise(view, size, MADV_SEQUENTIAL);
    H hash;
    hash.Update(static_cast<const unsigned char*>(view), size);
    ::munmap(view, size);
    return finish(hash);
}

}  // namespace rivals
