// SPDX-License-Identifier: MIT
//
// GNU tail, which follows a name: what follow.hpp is compared with.

#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rivals {

/// `tail -F` of a file, from its first line on, which writes to a pipe.
class gnu_tail {
public:
    explicit gnu_tail(std::string path, int output) {
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        std::string name = "tail";
        std::string follow = "-F";
        std::string all = "-n+1";
        const std::array<char*, 5> words{name.data(), follow.data(), all.data(), path.data(),
                                         nullptr};
        if (::posix_spawnp(&pid_, "tail", &actions, nullptr, words.data(), environ) != 0) {
            std::perror("tail");
            std::exit(1);
        }
        ::posix_spawn_file_actions_destroy(&actions);
    }
    gnu_tail(const gnu_tail&) = delete;
    gnu_tail& operator=(const gnu_tail&) = delete;
    ~gnu_tail() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

private:
    pid_t pid_ = -1;
};

}  // namespace rivals
