// SPDX-License-Identifier: MIT
//
// The program skyutil as a user calls it: what it prints, its exit codes, its errors.

#include "catch.hpp"
#include "support_linux.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace skyutil_tests;
using nlohmann::json;

struct outcome {
    int exit_code;
    std::string out;
    std::string err;
};

using variables = std::vector<std::pair<std::string, std::string>>;

/// Runs the program with its output in files, so that neither side can wait for the other.
outcome run(std::vector<std::string> arguments, const variables& environment = {},
            const char* out_file = nullptr) {
    const temporary_directory directory;
    const std::string out = out_file != nullptr ? out_file : (directory / "out").string();
    const std::string err = directory / "err";
    arguments.insert(arguments.begin(), SKYUTIL_TEST_PROGRAM);
    std::vector<char*> pointers;
    for (std::string& argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);

    const pid_t child = ::fork();
    if (child == 0) {
        for (const auto& [name, value] : environment) {
            ::setenv(name.c_str(), value.c_str(), 1);
        }
        const int in_fd = ::open("/dev/null", O_RDONLY);
        const int out_fd = ::open(out.c_str(), O_WRONLY | O_CREAT, 0600);
        const int err_fd = ::open(err.c_str(), O_WRONLY | O_CREAT, 0600);
        ::dup2(in_fd, 0);
        ::dup2(out_fd, 1);
        ::dup2(err_fd, 2);
        ::execv(pointers.front(), pointers.data());
        ::_exit(127);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    const int exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return {exit_code, out_file != nullptr ? std::string() : read_file(out), read_file(err)};
}

bool is_one_line(const std::string& text) {
    return !text.empty() && text.back() == '\n' && std::count(text.begin(), text.end(), '\n') == 1;
}

TEST_CASE("inspect shows CPUs, memory and every function at work") {
    const auto [exit_code, out, err] = run({"inspect"});
    CHECK(exit_code == 0);
    CHECK(err.empty());
    CHECK_THAT(out, Catch::Matchers::ContainsSubstring("CPUs"));
    CHECK_THAT(out, Catch::Matchers::ContainsSubstring("Memory"));
    CHECK_THAT(out, Catch::Matchers::ContainsSubstring("15 of 15 work"));
}

TEST_CASE("inspect --json has the same numbers and where they come from") {
    const auto [exit_code, out, err] = run({"inspect", "--json"});
    CHECK(exit_code == 0);
    const json page = json::parse(out);
    CHECK(page["cpus"]["usable"].get<int>() >= 1);
    CHECK(page["memory_bytes"]["usable"].get<double>() > 0);
    CHECK_FALSE(page["cpus"]["limited_by"]["source"].get<std::string>().empty());
    CHECK(page["checks"].size() == 15);
}

TEST_CASE("inspect --openmetrics prints the metrics of the library, and nothing else") {
    const auto [exit_code, out, err] = run({"inspect", "--openmetrics"});
    CHECK(exit_code == 0);
    CHECK(err.empty());
    CHECK(out.starts_with("# TYPE skyutil_build_info gauge\n"));
    CHECK(out.ends_with("\n# EOF\n"));
    for (const char* const other : {"--json", "--watch=1"}) {
        const auto refused = run({"inspect", "--openmetrics", other});
        CHECK(refused.exit_code == 2);
        CHECK(refused.out.empty());
        CHECK_THAT(refused.err, Catch::Matchers::ContainsSubstring("--openmetrics cannot be"));
    }
}

TEST_CASE("inspect --watch prints one page after the other") {
    const auto lines_of = [](const std::vector<std::string>& words) {
        std::vector<std::string> all{"run", "--timeout",          "0.7",
                                     "--",  SKYUTIL_TEST_PROGRAM, "inspect"};
        all.insert(all.end(), words.begin(), words.end());
        return run(all).out;
    };
    const std::string pages = lines_of({"--watch", "0.1"});
    const std::string title = ": what this process may use\n";
    CHECK(pages.find(title) != pages.rfind(title));
    CHECK(pages.find('\x1b') == std::string::npos);  // no terminal
    CHECK(pages.find("work\n") == std::string::npos);
    const std::string objects = lines_of({"--json", "--watch", "0.1"});
    REQUIRE(std::count(objects.begin(), objects.end(), '\n') >= 2);
    CHECK(json::parse(objects.substr(0, objects.find('\n')))["cpus"]["usable"] >= 1);
    for (const char* const wrong : {"0", "0.009", "-1", "soon"}) {
        const auto refused = run({"inspect", "--watch", wrong});
        CHECK(refused.exit_code == 2);
        CHECK_THAT(refused.err, Catch::Matchers::ContainsSubstring("--watch"));
    }
}

TEST_CASE("inspect shows an override as what limits") {
    const json page = json::parse(run({"inspect", "--json"}, {{"SKYUTIL_CPU_COUNT", "3.5"}}).out);
    CHECK(page["cpus"]["usable"] == 3);
    CHECK(page["cpus"]["limited_by"]["kind"] == "override");
    CHECK(page["cpus"]["limited_by"]["source"] == "SKYUTIL_CPU_COUNT");
}

TEST_CASE("a malformed override is an error that names the variable and its value") {
    const auto [exit_code, out, err] = run({"inspect"}, {{"SKYUTIL_CPU_COUNT", "many"}});
    CHECK(exit_code == 2);
    CHECK(is_one_line(err));
    CHECK_THAT(err, Catch::Matchers::ContainsSubstring("SKYUTIL_CPU_COUNT"));
    CHECK_THAT(err, Catch::Matchers::ContainsSubstring("'many'"));
}

TEST_CASE("tail prints the last lines byte for byte") {
    const temporary_directory directory;
    write_file(directory / "log", "one\r\ntwo\xff\n\nlast");
    CHECK(run({"tail", "-n", "3", (directory / "log").string()}).out == "two\xff\n\nlast");
    CHECK(run({"tail", "-n", "0", (directory / "log").string()}).out.empty());
    CHECK(run({"tail", "--replace-invalid", "-n", "3", (directory / "log").string()}).out ==
          "two\ufffd\n\nlast");
}

TEST_CASE("tail --json is valid JSON for lines that are not UTF-8") {
    const temporary_directory directory;
    write_file(directory / "log", "a\xff\"\nb\n");
    const auto [exit_code, out, err] = run({"tail", "--json", (directory / "log").string()});
    CHECK(exit_code == 0);
    CHECK(json::parse(out)["lines"] == json{"a\ufffd\"", "b"});
}

TEST_CASE("tail refuses to hold more than it may") {
    const temporary_directory directory;
    write_file(directory / "log", std::string(1000, 'x') + "\n");
    const auto [exit_code, out, err] =
        run({"tail", "--max-bytes", "1000", (directory / "log").string()});
    CHECK(exit_code == 2);
    CHECK(out.empty());
    CHECK_THAT(err, Catch::Matchers::ContainsSubstring("File too large"));
}

TEST_CASE("an error is one line that names the file and the reason") {
    const temporary_directory directory;
    const std::string missing = directory / "no\nsuch";
    for (const char* const command : {"tail", "hash"}) {
        CAPTURE(command);
        const auto [exit_code, out, err] = run({command, missing});
        CHECK(exit_code == 2);
        CHECK(is_one_line(err));
        CHECK_THAT(err, Catch::Matchers::ContainsSubstring("no?such"));
        CHECK_THAT(err, Catch::Matchers::ContainsSubstring("No such file or directory"));
        CHECK_THAT(run({command, directory.path().string()}).err,
                   Catch::Matchers::ContainsSubstring("Is a directory"));
    }
}

TEST_CASE("hash prints what sha256sum prints, and goes on after a file it cannot read") {
    const temporary_directory directory;
    write_file(directory / "abc", "abc");
    const std::string abc = directory / "abc";
    const std::string digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const auto [exit_code, out, err] = run({"hash", directory / "missing", abc});
    CHECK(exit_code == 2);
    CHECK(is_one_line(err));
    CHECK(out == digest + "  " + abc + "\n");

    const json list =
        json::parse(run({"hash", "--json", "-a", "SHA-256", abc, directory / "missing"}).out);
    CHECK(list[0]["digest"] == digest);
    CHECK(list[1]["digest"].is_null());
    CHECK(list[1]["error"] == "No such file or directory");
}

TEST_CASE("an unknown algorithm is an error that lists the known ones") {
    const auto [exit_code, out, err] = run({"hash", "-a", "md4", "/dev/null"});
    CHECK(exit_code == 2);
    CHECK_THAT(err, Catch::Matchers::ContainsSubstring("'md4'"));
    CHECK_THAT(err, Catch::Matchers::ContainsSubstring("blake2b"));
}

TEST_CASE("port prints a port that is free, and says no for one that is taken") {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const std::string taken = std::to_string(ntohs(address.sin_port));

    CHECK(run({"port", "--check", taken}).exit_code == 1);
    CHECK(run({"port", taken, "--last", taken}).exit_code == 2);
    CHECK(json::parse(run({"port", "--json", "--check", taken}).out)["available"] == false);
    const auto [exit_code, out, err] = run({"port", taken});
    CHECK(exit_code == 0);
    CHECK(std::stoi(out) > std::stoi(taken));
    ::close(listener);
}

TEST_CASE("alive tells the living, zombies and what is no process apart") {
    const pid_t zombie = ::fork();
    if (zombie == 0) {
        ::_exit(0);
    }
    siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT) == 0);
    const std::string self = std::to_string(::getpid());
    const std::string dead = std::to_string(zombie);

    CHECK(run({"alive", self}).exit_code == 0);
    const auto [exit_code, out, err] = run({"alive", self, dead, "0", "9223372036854775807"});
    CHECK(exit_code == 1);
    CHECK(out == self + " is alive\n" + dead + " is a zombie\n0 does not exist\n" +
                     "9223372036854775807 does not exist\n");
    CHECK(run({"alive", "--", "-1"}).exit_code == 1);
    CHECK(run({"alive", "9223372036854775808"}).exit_code == 2);
    CHECK(json::parse(run({"alive", "--json", dead}).out)[0] ==
          json{{"pid", zombie}, {"alive", false}, {"exists", true}});
    REQUIRE(::waitpid(zombie, nullptr, 0) == zombie);
}

TEST_CASE("workers counts what the sources and the cloud allow") {
    const temporary_directory directory;
    const variables cpus{{"SKYUTIL_CPU_COUNT", "6"}};
    CHECK(run({"workers", directory.path().string()}, cpus).out == "5\n");
    CHECK(json::parse(
              run({"workers", "--json", "--sources", "3", "--cloud", "Kubernetes"}, cpus).out) ==
          json{{"workers", 20}, {"parallel_threads", 20}});
}

TEST_CASE("base36 goes both ways") {
    CHECK(run({"base36", "ff", "0xDEADBEEF"}).out == "73\n1ps9wxb\n");
    CHECK(run({"base36", "-d", "1PS9WXB"}).out == "deadbeef\n");
    CHECK(json::parse(run({"base36", "--json", "ff"}).out)[0] ==
          json{{"from", "ff"}, {"to", "73"}});
    const auto [exit_code, out, err] = run({"base36", "12g"});
    CHECK(exit_code == 2);
    CHECK_THAT(err, Catch::Matchers::ContainsSubstring("position 2"));
}

TEST_CASE("a command line that makes no sense is one line of error and exit code 2") {
    const std::vector<std::vector<std::string>> lines{{},
                                                      {"frobnicate"},
                                                      {"tail"},
                                                      {"hash"},
                                                      {"port", "70000"},
                                                      {"port", "-1"},
                                                      {"port", "--family", "ipx"},
                                                      {"alive"},
                                                      {"alive", "x"},
                                                      {"inspect", "--bad"},
                                                      {"tail", "-n", "-1", "f"},
                                                      {"base36"}};
    for (const auto& line : lines) {
        CAPTURE(line);
        const auto [exit_code, out, err] = run(line);
        CHECK(exit_code == 2);
        CHECK(out.empty());
        CHECK(is_one_line(err));
    }
}

TEST_CASE("help and version are no errors") {
    CHECK(run({"--version"}).out == SKYUTIL_TEST_PROJECT_VERSION "\n");
    for (const char* const command :
         {"inspect", "tail", "hash", "port", "alive", "kill-tree", "ps", "workers", "base36"}) {
        const auto [exit_code, out, err] = run({command, "--help"});
        CHECK(exit_code == 0);
        CHECK_THAT(out, Catch::Matchers::ContainsSubstring("--json"));
    }
}

TEST_CASE("output that cannot be written is an error") {
    if (::access("/dev/full", W_OK) != 0) {
        SKYUTIL_SKIP("there is no /dev/full");
    }
    const auto [exit_code, out, err] = run({"base36", "ff"}, {}, "/dev/full");
    CHECK(exit_code == 2);
    CHECK(err == "skyutil: cannot write to standard output\n");
}

TEST_CASE("port prints as many ports as are asked for") {
    const auto [exit_code, out, err] = run({"port", "--json", "--count", "3", "20000"});
    CHECK(exit_code == 0);
    CHECK(err.empty());
    const json page = json::parse(out);
    auto ports = page["ports"].get<std::vector<int>>();
    CHECK(page["port"] == ports.front());
    CHECK(ports.size() == 3);
    CHECK(ports.front() >= 20000);
    CHECK(std::is_sorted(ports.begin(), ports.end()));
    CHECK(std::adjacent_find(ports.begin(), ports.end()) == ports.end());

    const outcome lines = run({"port", "-c", "2", "0", "--protocol", "both", "--loopback"});
    CHECK(lines.exit_code == 0);
    CHECK(std::count(lines.out.begin(), lines.out.end(), '\n') == 2);

    const outcome none = run({"port", "-c", "11", "20000", "--last", "20009"});
    CHECK(none.exit_code == 2);
    CHECK(none.out.empty());
    CHECK(is_one_line(none.err));
    CHECK_THAT(none.err, Catch::Matchers::ContainsSubstring("11 ports from 20000 to 20009"));
    for (const std::vector<std::string>& line : {std::vector<std::string>{"port", "-c", "0"},
                                                 {"port", "--hold", "-1"},
                                                 {"port", "--hold", "x"}}) {
        CHECK(run(line).exit_code == 2);
    }
}

TEST_CASE("port --hold keeps the port from others, --hand-over not from who sets SO_REUSEADDR") {
    for (const bool hand_over : {false, true}) {
        CAPTURE(hand_over);
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::dup2(ends[1], 1);
            ::execl(SKYUTIL_TEST_PROGRAM, "skyutil", "port", "0", "--hold", "60",
                    hand_over ? "--hand-over" : nullptr, nullptr);
            ::_exit(127);
        }
        ::close(ends[1]);
        std::string line;
        for (char c = 0; ::read(ends[0], &c, 1) == 1 && c != '\n';) {
            line += c;
        }
        ::close(ends[0]);
        CHECK(run({"port", "--check", line}).exit_code == 1);
        const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        CHECK(::setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(line.empty() ? 0 : std::stoi(line)));
        const bool taken_over =
            ::bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
            ::listen(server, 1) == 0;
        ::close(server);
        ::kill(child, SIGKILL);
        CHECK(::waitpid(child, nullptr, 0) == child);
        CHECK_FALSE(line.empty());
        CHECK(taken_over == hand_over);
    }
}

TEST_CASE("hash prints names as sha256sum does, and checks the lists of both and of BSD") {
    const temporary_directory directory;
    const std::string abc = directory / "abc";
    const std::string odd = directory / "back\\slash and\nline end";
    write_file(abc, "abc");
    write_file(odd, "def");
    const std::string digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const std::string odd_digest =
        "cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34";
    const std::string odd_name = directory.path().string() + "/back\\\\slash and\\nline end";
    const std::string list = directory / "list";

    write_file(list, run({"hash", "--threads", "2", odd, abc}).out);
    CHECK(read_file(list) ==
          "\\" + odd_digest + "  " + odd_name + "\n" + digest + "  " + abc + "\n");
    CHECK(run({"hash", "--check", list}).out == "\\" + odd_name + ": OK\n" + abc + ": OK\n");

    write_file(list, "# a comment\n\n" + digest + " *" + abc + "\r\nMD5 (" + abc +
                         ") = 900150983cd24fb0d6963f7d28e17f72\nSHA256 (" + abc + ") = " + digest);
    const auto [exit_code, out, err] = run({"hash", "-c", list});
    CHECK(exit_code == 0);
    CHECK(out == abc + ": OK\n" + abc + ": OK\n" + abc + ": OK\n");
    CHECK(err.empty());
}

TEST_CASE("a list with a wrong digest or a missing file is a no, other lines are reported") {
    const temporary_directory directory;
    const std::string abc = directory / "abc";
    const std::string missing = directory / "missing";
    const std::string list = directory / "list";
    write_file(abc, "abc");
    const std::string digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const std::string zeroes(64, '0');

    write_file(list, zeroes + "  " + abc + "\n" + digest + "  " + abc + "\n");
    outcome result = run({"hash", "-c", list});
    CHECK(result.exit_code == 1);
    CHECK(result.out == abc + ": FAILED\n" + abc + ": OK\n");

    write_file(list, digest + "  " + missing + "\n" + digest + "  " + abc + "\n");
    result = run({"hash", "-c", list});
    CHECK(result.exit_code == 1);
    CHECK(result.out == missing + ": FAILED open or read\n" + abc + ": OK\n");
    CHECK(is_one_line(result.err));

    const json page = json::parse(run({"hash", "--json", "-c", list}).out);
    CHECK(page["ok"] == false);
    CHECK(page["results"][0]["error"] == "No such file or directory");
    CHECK(page["results"][1]["ok"] == true);

    const std::vector<std::string> bad_lines{
        "no checksum",
        digest,
        digest + " " + abc,
        digest + "  ",
        digest.substr(2) + "  " + abc,
        "g" + digest.substr(1) + "  " + abc,
        "MD4 (" + abc + ") = 900150983cd24fb0d6963f7d28e17f72",
        "MD5 (" + abc + ") = " + digest,
        "SHA256 (" + abc + ") = ",
        "SHA256 ) = " + digest,
        "SHA256 () = ",
        " () = ",
        "\\" + digest + "  a\\x",
        "\\" + digest + "  a\\",
        "\\",
        std::string(100'000, 'a'),
        std::string("\0\xff", 2),
    };
    for (const std::string& bad : bad_lines) {
        CAPTURE(bad);
        write_file(list, digest + "  " + abc + "\n" + bad + "\n");
        result = run({"hash", "-c", list});
        CHECK(result.exit_code == 0);
        CHECK(result.out == abc + ": OK\n");
        CHECK(is_one_line(result.err));
        CHECK_THAT(result.err, Catch::Matchers::ContainsSubstring("line 2"));
        CHECK(run({"hash", "--strict", "-c", list}).exit_code == 1);
    }
    for (const std::vector<std::string>& line :
         {std::vector<std::string>{"hash", "-c", "/dev/null"},
          {"hash", "-c", missing},
          {"hash", "-c", "/dev/zero"},
          {"hash", "-c", directory.path().string()},
          {"hash", "-c", list, abc}}) {
        CAPTURE(line);
        result = run(line);
        CHECK(result.exit_code == 2);
        CHECK(result.out.empty());
        CHECK(is_one_line(result.err));
    }
}

/// A child with a child of its own, which ignore SIGTERM.
class deaf_tree {
public:
    deaf_tree() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) == -1) {
            throw_errno("pipe2");
        }
        root_ = ::fork();
        if (root_ == 0) {
            ::alarm(60);
            ::signal(SIGTERM, SIG_IGN);
            const pid_t child = ::fork();
            if (child == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                ::prctl(PR_SET_NAME, "deaf child");
                static_cast<void>(!::write(ends[1], "", 1));
            }
            for (;;) {
                ::pause();
            }
        }
        char byte = 0;
        if (::read(ends[0], &byte, 1) != 1) {
            throw_errno("read");
        }
        ::close(ends[0]);
        ::close(ends[1]);
    }
    deaf_tree(const deaf_tree&) = delete;
    deaf_tree& operator=(const deaf_tree&) = delete;
    ~deaf_tree() {
        ::kill(root_, SIGKILL);
        ::waitpid(root_, nullptr, 0);
    }

    std::string root() const { return std::to_string(root_); }

private:
    pid_t root_ = 0;
};

TEST_CASE("alive waits for processes to end") {
    const deaf_tree tree;
    CHECK(run({"alive", "--wait", "0.05", tree.root(), "0"}).exit_code == 1);
    CHECK(run({"alive", "--wait", "0.05", tree.root()}).out == tree.root() + " is alive\n");
    const pid_t ending = ::fork();
    if (ending == 0) {
        ::usleep(200'000);
        ::_exit(0);
    }
    const std::string pid = std::to_string(ending);
    CHECK(run({"alive", "--wait", "1e9", pid}).out == pid + " is a zombie\n");
    REQUIRE(::waitpid(ending, nullptr, 0) == ending);
}

TEST_CASE("ps shows a tree with names, kill-tree ends it") {
    const deaf_tree tree;
    const json list = json::parse(run({"ps", "--json", tree.root()}).out);
    REQUIRE(list.size() == 2);
    CHECK(list[0]["parent"] == ::getpid());
    CHECK(std::to_string(list[1]["parent"].get<int>()) == tree.root());
    CHECK(list[1]["name"] == "deaf child");
    CHECK(list[1]["alive"] == true);
    const std::string child = std::to_string(list[1]["pid"].get<int>());
    CHECK_THAT(run({"ps", tree.root()}).out,
               Catch::Matchers::ContainsSubstring("\n  " + child + " deaf child\n"));

    const json report =
        json::parse(run({"kill-tree", "--json", "--grace", "0.05", "--children", tree.root()}).out);
    CHECK(report == json{{"signalled", {list[1]["pid"]}},
                         {"killed", {list[1]["pid"]}},
                         {"left", json::array()}});
    CHECK(run({"alive", tree.root()}).exit_code == 0);
    const auto [exit_code, out, err] = run({"kill-tree", "--force", tree.root()});
    CHECK(exit_code == 0);
    CHECK(out == tree.root() + " was killed\n");
    CHECK(run({"alive", tree.root()}).exit_code == 1);
    CHECK(run({"kill-tree", "--", "-1"}).exit_code == 2);
    CHECK(run({"ps", "0"}).exit_code == 2);
}

TEST_CASE("run passes on the command's output and exit code") {
    const outcome done = run({"run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"});
    CHECK(done.exit_code == 7);
    CHECK(done.out == "out\n");
    CHECK(done.err == "err\n");
    CHECK(run({"run", "--", "sh", "-c", "kill -9 $$"}).exit_code == 128 + SIGKILL);
    const outcome missing = run({"run", "--", "skyutil-no-such-program"});
    CHECK(missing.exit_code == 127);
    CHECK(is_one_line(missing.err));
    CHECK_THAT(missing.err, Catch::Matchers::ContainsSubstring("skyutil-no-such-program"));
    CHECK(run({"run"}).exit_code == 125);
    CHECK(run({"run", "--timeout", "-1", "--", "true"}).exit_code == 125);
}

TEST_CASE("run --json tells what became of the command") {
    const outcome late = run({"run", "--json", "--timeout", "0.2", "--grace", "0.2", "--", "sh",
                              "-c", "printf out; sleep 1000"});
    CHECK(late.exit_code == 124);
    const json page = json::parse(late.out);
    CHECK(page["timed_out"] == true);
    CHECK(page["exit_code"] == -1);
    CHECK(page["signal"] == SIGTERM);
    CHECK(page["stdout"] == "out");
    CHECK(page["elapsed_seconds"].get<double>() >= 0.2);

    const temporary_directory directory;
    const std::string counter = directory / "counter";
    const outcome again =
        run({"run", "--json", "--retries", "2", "--max-output", "3", "--", "sh", "-c",
             "echo >> " + counter + "; printf 12345; [ $(wc -l < " + counter + ") -gt 1 ]"});
    CHECK(again.exit_code == 0);
    const json repeated = json::parse(again.out);
    CHECK(repeated["attempts"] == 2);
    CHECK(repeated["stdout"] == "123");
    CHECK(repeated["truncated"] == true);
}

}  // namespace
