// SPDX-License-Identifier: MIT
//
// Loads, uses and unloads the shared library that its argument names, again and again: in this
// thread and in others, one of which outlives it. Each time it must be gone from the address space.

#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include <dlfcn.h>

namespace {

bool is_mapped(const std::string& file) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find(file) != std::string::npos) {
            return true;
        }
    }
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        return 2;
    }
    std::mutex mutex;
    std::condition_variable change;
    int used = 0;
    bool end = false;
    int (*use)() = nullptr;
    int result = 0;
    std::thread other([&] {
        std::unique_lock lock(mutex);
        for (int seen = 0; !end; change.wait(lock)) {
            if (use != nullptr && seen == used) {
                result = use() == 0 ? result : 3;
                seen = ++used;
                change.notify_all();
            }
        }
    });
    for (int i = 0; i != 5 && result == 0; ++i) {
        void* const library = dlopen(argv[1], RTLD_NOW);
        void* const symbol = library == nullptr ? nullptr : dlsym(library, "use_skyutil");
        if (symbol == nullptr) {
            std::puts(dlerror());
            result = 4;
            break;
        }
        std::unique_lock lock(mutex);
        use = reinterpret_cast<int (*)()>(symbol);
        const int before = used;
        change.notify_all();
        change.wait(lock, [&] { return used != before; });
        std::thread short_lived([&] { result = use() == 0 ? result : 5; });
        short_lived.join();
        result = use() == 0 ? result : 6;
        use = nullptr;
        if (!is_mapped(argv[1]) || dlclose(library) != 0 || is_mapped(argv[1])) {
            std::puts("the library is still mapped");
            result = 1;
        }
    }
    {
        const std::scoped_lock lock(mutex);
        end = true;
    }
    change.notify_all();
    other.join();
    return result;
}
