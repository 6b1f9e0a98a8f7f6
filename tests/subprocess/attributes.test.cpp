// SPDX-License-Identifier: MIT
//
// What a child gets beside its standard streams, and who it is.

#include <skyutil/files.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>
#include <skyutil/system.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "subprocess/commands.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using skyutil::child_attributes;
using skyutil::child_process;
using skyutil::completed_process;
using skyutil::passed_handle;
using skyutil::run;
using skyutil::shell;
using skyutil::start_step;
using skyutil::unique_fd;

namespace {

child_attributes passing(std::vector<passed_handle> handles) {
    child_attributes attributes;
    attributes.pass = std::move(handles);
    return attributes;
}

constexpr std::uint32_t nobody = 65534;

child_attributes as_nobody() {
    child_attributes attributes;
    attributes.who = {.user = nobody, .group = nobody};
    return attributes;
}

struct two_ends {
    two_ends() {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
    unique_fd read;
    unique_fd write;
};

std::string text_in(const unique_fd& fd) {
    char buffer[1000];
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    return {buffer, count > 0 ? static_cast<std::size_t>(count) : 0};
}

TEST_CASE("a child gets the handles it is passed under their numbers, and no other ones") {
    two_ends pipe;
    CHECK(run(shell("echo hello >&7"), {.attributes = passing({{pipe.write.get(), 7}})}).ok());
    CHECK(text_in(pipe.read) == "hello\n");
    CHECK(run(actor({"descriptors"}),
              {.attributes = passing({{pipe.write.get(), 300}, {pipe.write.get(), 4}})})
              .stdout_text == "0 1 2 4 300 \n");
    CHECK(run(actor({"descriptors"})).stdout_text == "0 1 2 \n");
}

TEST_CASE("handles can change their numbers, and standard ones are handles, too") {
    two_ends a;
    two_ends b;
    CHECK(run(shell("echo a >&" + std::to_string(b.write.get()) + "; echo b >&" +
                    std::to_string(a.write.get())),
              {.attributes =
                   passing({{a.write.get(), b.write.get()}, {b.write.get(), a.write.get()}})})
              .ok());
    CHECK(text_in(a.read) == "a\n");
    CHECK(text_in(b.read) == "b\n");
    const json passed = run_in_child([] {
        two_ends c;
        ::dup2(c.write.get(), 1);
        const bool done = run(shell("echo one >&3"), {.attributes = passing({{1, 3}})}).ok();
        return json{done, text_in(c.read)};
    });
    CHECK(passed == json{true, "one\n"});
}

TEST_CASE("the numbers of passed handles are nobody else's, whatever the library uses itself") {
    two_ends pipe;
    std::vector<passed_handle> all;
    for (int number = 3; number != 40; ++number) {
        all.push_back({pipe.write.get(), number});
    }
    std::error_code error;  // first, as then a pipe tells what has failed
    CHECK(run({"skyutil-no-such-program"}, {.attributes = passing(all)}, error).failed_step ==
          start_step::program);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(run(shell("for i in 3 4 5 6 7 8 9; do echo $i >&$i; done"), {.attributes = passing(all)})
              .ok());
    CHECK(text_in(pipe.read) == "3\n4\n5\n6\n7\n8\n9\n");
    CHECK(skyutil::open_fd_count() < 40);
}

TEST_CASE("a number or a handle that cannot be passed on is an error, and nothing runs") {
    two_ends pipe;
    const int good = pipe.write.get();
    const auto refused = [](const std::vector<passed_handle>& handles) {
        std::error_code error;
        const completed_process done = run({"true"}, {.attributes = passing(handles)}, error);
        CHECK(done.failed_step == start_step::descriptors);
        return error;
    };
    for (const int number : {-1, 0, 1, 2}) {
        CHECK(refused({{good, number}}) == std::errc::invalid_argument);
    }
    CHECK(refused({{good, 5}, {good, 6}, {good, 5}}) == std::errc::invalid_argument);
    CHECK(refused({{good, 5}, {4000, 6}}) == std::errc::bad_file_descriptor);
    CHECK(refused({{-1, 6}}) == std::errc::bad_file_descriptor);
    CHECK(refused({{good, 0x7fffffff}}) == std::errc::bad_file_descriptor);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 1 << 20) {
        const int most = static_cast<int>(limit.rlim_cur);
        CHECK(refused({{good, most}}) == std::errc::bad_file_descriptor);
        CHECK(run({"true"}, {.attributes = passing({{good, most - 1}})}).ok());
    }
    CHECK_THAT(message_of([&] { run({"true"}, {.attributes = passing({{good, 2}})}); }),
               ContainsSubstring("skyutil::run: cannot give 'true' its descriptors"));
}

TEST_CASE("a server is handed the port that was reserved for it") {
    std::error_code missing;
    run({"python3", "-c", ""}, missing);
    if (missing) {
        SKYUTIL_SKIP("there is no python3");
    }
    skyutil::reserved_port port(
        8000, {.address = skyutil::port_address::loopback, .family = skyutil::port_family::ipv4});
    port.listen();
    child_process server({"python3", "-c",
                          "import socket\n"
                          "client = socket.socket(fileno=3).accept()[0]\n"
                          "client.sendall(b'served')"},
                         {.grace = grace, .attributes = passing({{port.native_handle(), 3}})});
    const unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0);
    CHECK(text_in(client) == "served");
    CHECK(server.wait().ok());
}

TEST_CASE("a detached program gets passed handles, too") {
    two_ends pipe;
    const skyutil::temporary_directory directory;
    static_cast<void>(skyutil::run_detached(shell("echo hello >&9"), directory.path() / "log",
                                            {.attributes = passing({{pipe.write.get(), 9}})}));
    CHECK(text_in(pipe.read) == "hello\n");
}

TEST_CASE("a child has the user and the groups that it is given, and no privilege") {
    if (::geteuid() != 0) {
        SKYUTIL_SKIP("only root can change the user");
    }
    const auto id =
        shell("id -u; id -g; id -G; id -ru; id -rg; grep -c '^Cap[PE].*0000$' /proc/self/status");
    CHECK(run(id, {.attributes = as_nobody()}).stdout_lines() ==
          std::vector<std::string>{"65534", "65534", "65534", "65534", "65534", "2"});
    child_attributes with_groups = as_nobody();
    with_groups.who.groups = {100, 1234};
    CHECK(run({"id", "-G"}, {.attributes = with_groups}).stdout_text == "65534 100 1234\n");
    child_attributes group_alone;
    group_alone.who.group = nobody;
    CHECK(run(shell("id -u; id -G"), {.attributes = group_alone}).stdout_text == "0\n65534\n");
}

TEST_CASE("what needs rights is done before they are given up") {
    if (::geteuid() != 0) {
        SKYUTIL_SKIP("only root can change the user");
    }
    const skyutil::temporary_directory directory;  // nobody else may enter it
    child_attributes attributes = as_nobody();
    attributes.nice = -5;
    CHECK(run({"nice"}, {.cwd = directory.path(),
                         .stderr_to = skyutil::to_file(directory.path() / "log"),
                         .attributes = attributes})
              .stdout_text == "-5\n");
}

TEST_CASE("an identity that cannot be taken is an error before the program runs") {
    std::error_code error;
    child_attributes without_group;
    without_group.who.user = nobody;
    CHECK(run({"true"}, {.attributes = without_group}, error).failed_step == start_step::identity);
    CHECK(error == std::errc::invalid_argument);
    child_attributes unchanged;
    unchanged.who = {.user = ~0U, .group = 0};
    run({"true"}, {.attributes = unchanged}, error);
    CHECK(error == std::errc::invalid_argument);
    const json refused = run_in_child([] {
        if (::geteuid() == 0 && ::setresuid(1234, 1234, 1234) == -1) {
            throw cannot_run{"cannot become another user"};
        }
        const skyutil::temporary_directory directory;
        const auto mark = directory.path() / "mark";
        std::error_code failed;
        const completed_process done =
            run({"touch", mark.string()}, {.attributes = as_nobody()}, failed);
        return json{done.failed_step == start_step::identity,
                    failed == std::errc::operation_not_permitted, std::filesystem::exists(mark)};
    });
    CHECK(refused == json{true, true, false});
    CHECK_THAT(message_of([&] { run({"true"}, {.attributes = without_group}); }),
               ContainsSubstring("cannot give 'true' its user, groups or privileges"));
}

TEST_CASE("a child has the umask and the lack of new privileges that it is given") {
    child_attributes attributes;
    attributes.umask = std::filesystem::perms(0027);
    CHECK(run(shell("umask"), {.attributes = attributes}).stdout_text == "0027\n");
    child_attributes none;
    none.no_new_privileges = true;
    const auto flag = shell("grep NoNewPrivs /proc/self/status");
    CHECK_THAT(run(flag, {.attributes = none}).stdout_text, ContainsSubstring("1"));
}

TEST_CASE("a child with another user still dies with its parent") {
    if (::geteuid() != 0) {
        SKYUTIL_SKIP("only root can change the user");
    }
    const json pid = run_in_child([] {
        child_attributes attributes = as_nobody();
        attributes.die_with_parent = true;
        auto* const left = new child_process({"sleep", "1000"}, {.attributes = attributes});
        return json(left->pid());
    });
    CHECK(are_gone({pid.get<std::int64_t>()}));
}

}  // namespace
