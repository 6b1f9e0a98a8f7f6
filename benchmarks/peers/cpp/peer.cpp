// SPDX-License-Identifier: MIT
//
// The contestants in C++: skyutil, floors and rivals, as benchmarks/run.py asks them.
//
//     skyutil_peer list                 "contestant<TAB>function" for all
//     skyutil_peer CONTESTANT CASES     answers lines of its input, until that ends:
//         answer FUNCTION CASE          JSON: the answers to all lines of the file CASES/CASE
//         time FUNCTION CASE CALLS      nanoseconds for so many calls, with one line after the
//         other
//                                       or "none REASON", "error REASON"
//     skyutil_peer tree CHILDREN        a process with children that sleep; prints its id, reaps
//     them all

#include "peer.hpp"
#include "../../rivals/process.hpp"

#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

std::int64_t peer::pid(const fields& line) {
    return line.at(0) == "self" ? ::getpid() : std::stoll(line.at(0));
}

namespace {

peer::lines read_case(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    peer::lines all;
    for (std::string line; std::getline(in, line);) {
        peer::fields& fields = all.emplace_back();
        std::istringstream rest(line);
        for (std::string field; std::getline(rest, field, '\t');) {
            fields.push_back(field);
        }
        if (fields.empty()) {
            fields.emplace_back();
        }
    }
    if (all.empty()) {
        throw std::runtime_error("no case " + path);
    }
    return all;
}

std::string reply(const std::string& contestant, const std::string& directory,
                  const std::string& request) {
    std::istringstream words(request);
    std::string what;
    std::string function;
    std::string name;
    std::size_t calls = 0;
    words >> what >> function >> name >> calls;
    for (const peer::entry& entry : peer::entries()) {
        if (entry.contestant == contestant && entry.function == function) {
            const peer::lines lines = read_case(directory + '/' + name);
            return what == "answer" ? entry.answer(lines)
                                    : std::to_string(entry.time(lines, calls));
        }
    }
    return "none not built";
}

/// Whoever ends the tree is not its parent: that is here, and reaps at once.
int keep_tree(int children) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) == -1) {
        return 2;
    }
    const pid_t root = ::fork();
    if (root == 0) {
        for (int i = 0; i < children; ++i) {
            if (::fork() == 0) {
                rivals::sleep_until_killed();
            }
        }
        static_cast<void>(!::write(ends[1], "", 1));
        rivals::sleep_until_killed();
    }
    char byte = 0;
    static_cast<void>(!::read(ends[0], &byte, 1));
    ::usleep(static_cast<useconds_t>(20000 + 50 * children));  // until all sleep
    std::cout << root << std::endl;
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && argv[1] == std::string("list")) {
        for (const peer::entry& entry : peer::entries()) {
            std::cout << entry.contestant << '\t' << entry.function << '\n';
        }
        return 0;
    }
    if (argc != 3) {
        std::cerr << "skyutil_peer list | tree CHILDREN | CONTESTANT CASES\n";
        return 2;
    }
    if (argv[1] == std::string("tree")) {
        return keep_tree(std::stoi(argv[2]));
    }
    for (std::string request; std::getline(std::cin, request);) {
        try {
            std::cout << reply(argv[1], argv[2], request) << std::endl;
        } catch (const std::exception& problem) {
            std::cout << "error " << problem.what() << std::endl;
        }
    }
}
