// SPDX-License-Identifier: MIT
//
// Loaded before a program (LD_PRELOAD), counts how often it asks for memory; the number is written
// to the file that SKYUTIL_ALLOCATIONS names when the program ends.

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

extern "C" {

void* __libc_malloc(std::size_t);                 // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t, std::size_t);    // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void*, std::size_t);         // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t, std::size_t);  // NOLINT(bugprone-reserved-identifier)

static std::atomic<unsigned long> allocations{0};

void* malloc(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_realloc(memory, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    *memory = aligned_alloc(alignment, size);
    return *memory == nullptr ? 12 : 0;
}

__attribute__((destructor)) static void tell() {
    const char* const path = std::getenv("SKYUTIL_ALLOCATIONS");
    std::FILE* const file = path == nullptr ? nullptr : std::fopen(path, "w");
    if (file != nullptr) {
        std::fprintf(file, "%lu\n", allocations.load());
        std::fclose(file);
    }
}

}  // extern "C"
