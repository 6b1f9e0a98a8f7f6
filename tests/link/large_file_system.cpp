// SPDX-License-Identifier: MIT
//
// Asks what is known of a file system of 64 TiB, which has more blocks than 32 bits can count.

#include <skyutil/detail/os/file_events.hpp>
#include <skyutil/files.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

int main() {
    const skyutil::temporary_directory directory;
    const char* const name = directory.path().c_str();
    const int with_user = ::geteuid() == 0 ? 0 : CLONE_NEWUSER;
    if (::unshare(CLONE_NEWNS | with_user) == -1 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
        ::mount("none", name, "tmpfs", 0, "size=64T") == -1) {
        std::printf("skipped: no file system of 64 TiB can be mounted here: %s\n",
                    std::strerror(errno));
        return 0;
    }
    const bool tells = skyutil::detail::os::tells_of_changes(directory.path().native());
    ::umount(name);
    if (!tells) {
        std::puts("tmpfs is not known to tell of changes");
        return 1;
    }
    return 0;
}
