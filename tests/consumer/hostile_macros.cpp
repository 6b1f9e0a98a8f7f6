// SPDX-License-Identifier: MIT
//
// Names that <windows.h>, <sys/sysmacros.h>, Qt, X11, Arduino, the Linux kernel and compilers in
// GNU mode make macros, as they define them, in the way of every header of core and of the standard
// library's. A longer list is in tests/data/foreign_macros.txt.

// clang-format off
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define major(device) ((device) >> 8)
#define minor(device) ((device) & 255)
#define interface struct
#define near
#define far
#define small char
#define hyper __int64
#define IN
#define OUT
#define OPTIONAL
#define CONST const
#define VOID void
#define ERROR 0
#define DELETE (0x00010000L)
#define TRUE 1
#define FALSE 0
#define signals public
#define slots
#define emit
#define foreach for
#define forever for (;;)
#define None 0L
#define Bool int
#define Status int
#define True 1
#define False 0
#define Success 0
#define Always 2
#define bit(b) (1UL << (b))
#define word(...) makeWord(__VA_ARGS__)
#define F(text) (text)
#define PI 3.1415926535897932384626433832795
#define HIGH 0x1
#define LOW 0x0
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define newline cur_term->type.Strings[103]
#define set_attributes cur_term->type.Strings[131]
#undef unix
#define unix 1
#undef linux
#define linux 1

#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/parallel.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/workers.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>
// clang-format on

#include <vector>

int main() {
    const std::vector<int> numbers(4, 1);
    const auto results = skyutil::run_in_parallel([](int number) { return number; }, numbers);
    return results == numbers && skyutil::get_cpu_count() >= 1 &&
                   skyutil::format_float(0.25) == "0.2" &&
                   skyutil::get_max_workers_for_file_mounts(1) >= 1
               ? 0
               : 1;
}
