// SPDX-License-Identifier: MIT
//
// How a command is started on Windows and what it gets.

#include <skyutil/detail/os/windows/text.hpp>
#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <windows.h>

#include "subprocess/commands_windows.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using skyutil::run;
using skyutil::shell;
using skyutil::start_step;

namespace {

namespace sys = skyutil::detail::os::sys;

/// The texts in UTF-16 that a child has printed, each with a NUL, in UTF-8.
std::vector<std::string> wide_texts(const std::string& bytes) {
    std::vector<std::string> texts;
    std::wstring text;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        const auto unit = static_cast<wchar_t>(static_cast<unsigned char>(bytes[i]) |
                                               static_cast<unsigned char>(bytes[i + 1]) << 8);
        if (unit != L'\0') {
            text += unit;
            continue;
        }
        texts.push_back(sys::to_utf8(std::wstring_view(text)));
        text.clear();
    }
    return texts;
}

struct failure {
    std::error_code error;
    start_step step;

    friend bool operator==(const failure&, const failure&) = default;
};

failure failure_of(const skyutil::command& what, const skyutil::run_options& options = {}) {
    std::error_code error;
    const auto result = run(what, options, error);
    return {error, result.failed_step};
}

failure failed(std::errc why, start_step step) { return {std::make_error_code(why), step}; }

/// A variable of this process with another value, until the end of the scope.
class variable {
public:
    variable(const wchar_t* name, const std::filesystem::path& value) : name_(name) {
        before_.resize(::GetEnvironmentVariableW(name, before_.data(), 32768));
        ::SetEnvironmentVariableW(name, value.c_str());
    }
    variable(const variable&) = delete;
    variable& operator=(const variable&) = delete;
    ~variable() { ::SetEnvironmentVariableW(name_, before_.c_str()); }

private:
    const wchar_t* name_;
    std::wstring before_ = std::wstring(32768, L'\0');
};

TEST_CASE("10,000 vectors of random words come out of children as they went in") {
    std::minstd_rand random(11);
    const std::vector<std::string> pieces{
        "\\", "\\\\", "\"",     " ", "\t", "a", "%PATH%", "^", "&", "'",  "*",
        "\n", "=",    "\u00e9", "/", "-",  "|", "<",      "$", ";", "\r", "\U0001f600"};
    std::size_t vectors = 10'000;
    bool same = true;
    for (int children = 0; vectors != 0; ++children) {
        std::vector<std::string> words;
        std::size_t size = 0;
        for (; vectors != 0 && size < 30'000; --vectors) {
            for (std::size_t count = random() % 4; count != 0; --count) {
                std::string word;
                for (std::size_t length = random() % 6; length != 0; --length) {
                    word += pieces[random() % pieces.size()];
                }
                size += 2 * word.size() + 3;
                words.push_back(std::move(word));
            }
        }
        std::vector<std::string> all{SKYUTIL_TEST_ACTOR, children % 2 == 0 ? "arguments" : "main"};
        all.insert(all.end(), words.begin(), words.end());
        same = same && wide_texts(run(all).stdout_text) == words;
        if (!same) {
            break;
        }
    }
    CHECK(same);
}

TEST_CASE("an exit code has 32 bits") {
    for (const std::uint32_t code : {0U, 1U, 3U, 256U, 259U, 0xc0000005U, 0xffffffffU}) {
        const auto result = run(actor({"exit", std::to_string(static_cast<std::int32_t>(code))}));
        CHECK(result.exit_code == static_cast<int>(code));
        CHECK(result.signal == 0);
        CHECK(result.ok() == (code == 0));
    }
}

TEST_CASE("words that no program can be given are refused") {
    const std::string with_nul("a\0b", 3);
    CHECK(failure_of(std::vector<std::string>()) ==
          failed(std::errc::invalid_argument, start_step::arguments));
    for (const std::string& word : {with_nul, std::string("\xff"), std::string("\xed\xa0")}) {
        CHECK(failure_of(actor({"echo", word})) ==
              failed(std::errc::invalid_argument, start_step::arguments));
    }
    CHECK(failure_of({"a\"b"}) == failed(std::errc::invalid_argument, start_step::arguments));
    CHECK(failure_of(actor({"echo", std::string(32'767, 'x')})) ==
          failed(std::errc::argument_list_too_long, start_step::arguments));
    CHECK(run(actor({"exit", "0", std::string(32'000, 'x')})).ok());
    CHECK(failure_of({""}) == failed(std::errc::no_such_file_or_directory, start_step::program));
}

TEST_CASE(
    "a child gets the variables in their order, changed in any case, and those of the drives") {
    const auto variables = [](const skyutil::run_options& options) {
        return wide_texts(run(actor({"variables"}), options).stdout_text);
    };
    const variable own(L"Skyutil_Test", L"before");
    const auto count = [&](const auto& all, std::string_view entry) {
        return std::count(all.begin(), all.end(), entry);
    };
    const auto inherited = variables({});
    CHECK(count(inherited, "Skyutil_Test=before") == 1);
    const auto changed = variables(
        {.env = {
             {"SKYUTIL_TEST", "\u00e9 = 2"}, {"zzz", ""}, {"Aaa", "1"}, {"bBb", std::nullopt}}});
    CHECK(count(changed, "SKYUTIL_TEST=\u00e9 = 2") == 1);
    CHECK(count(changed, "Skyutil_Test=before") == 0);
    CHECK(count(changed, "zzz=") == 1);
    CHECK(count(variables({.env = {{"skyutil_test", std::nullopt}}}), "Skyutil_Test=before") == 0);
    const auto few = variables({.env = {{"B", "2"}, {"a", "1"}},
                                .attributes = {.environment = skyutil::base_environment::empty}});
    CHECK(count(few, "a=1") == 1);
    CHECK(count(few, "B=2") == 1);
    CHECK(count(few, "Skyutil_Test=before") == 0);
    CHECK(std::any_of(few.begin(), few.end(), [](const std::string& each) {
        return each.starts_with("SystemRoot=");  // without it no program gets far
    }));
    using std::errc;
    for (const std::string& name : {std::string(), std::string("A=B"), std::string("=C:"),
                                    std::string("A\0B", 3), std::string("\xff")}) {
        CHECK(failure_of(actor({"exit"}), {.env = {{name, "1"}}}) ==
              failed(errc::invalid_argument, start_step::arguments));
    }
}

TEST_CASE("variables are in the order of the system, those of the drives too") {
    sys::variable_map all = sys::own_variables();
    const std::map<std::string, std::optional<std::string>> changes{
        {"zz", "1"}, {"B", "2"}, {"a_b", "3"}, {"AC", "4"}, {"\u00c4", "5"}, {"\u00e3", "6"}};
    all.emplace(L"=C:", L"C:\\");
    CHECK(sys::change_variables(all, changes));
    CHECK(sys::to_block(sys::variable_map()) == std::wstring(2, L'\0'));
    sys::variable_map few;
    few.emplace(L"=C:", L"C:\\");
    CHECK(sys::change_variables(few, changes));
    CHECK(sys::change_variables(few, {{"b", "7"}}));
    CHECK(sys::to_block(few) == std::wstring_view(L"=C:=C:\\\0AC=4\0a_b=3\0b=7\0zz=1\0"
                                                  L"\u00e3=6\0\u00c4=5\0\0",
                                                  37));
    CHECK(sys::to_block(all).find(L"=C:=C:\\") != std::wstring::npos);
}

TEST_CASE("a command has the directory it is given") {
    const temporary_directory directory;
    const auto printed = run(actor({"directory"}), {.cwd = directory.path()}).stdout_text;
    CHECK(std::filesystem::equivalent(printed.substr(0, printed.size() - 1), directory.path()));
    write_file(directory / "file", "");
    using std::errc;
    CHECK(failure_of(actor({"exit"}), {.cwd = directory / "none"}) ==
          failed(errc::no_such_file_or_directory, start_step::directory));
    CHECK(failure_of(actor({"exit"}), {.cwd = directory / "file"}) ==
          failed(errc::not_a_directory, start_step::directory));
    CHECK_THAT(message_of([&] { run({"exit"}, {.cwd = directory / "none"}); }),
               ContainsSubstring("cannot start 'exit' in the directory"));
}

TEST_CASE("a program is looked for in PATH, never in the current directory") {
    const temporary_directory directory;
    std::filesystem::create_directory(directory / "in path");
    std::filesystem::create_directory(directory / "in path/dir.exe");
    std::filesystem::copy_file(SKYUTIL_TEST_ACTOR, directory / "in path/skyutil_tool.exe");
    std::filesystem::copy_file(SKYUTIL_TEST_ACTOR, directory / "skyutil_here.exe");
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(directory.path());
    const failure missing = failed(std::errc::no_such_file_or_directory, start_step::program);
    {
        const variable path(L"PATH", L";.;in path;;C:in path;\"" +
                                         (directory.path() / "in path").native() + L"\";");
        CHECK(run({"skyutil_tool", "exit", "7"}).exit_code == 7);
        CHECK(run({"SKYUTIL_TOOL.EXE", "exit", "7"}).exit_code == 7);
        CHECK(failure_of({"skyutil_here", "exit", "7"}) == missing);
        CHECK(failure_of({"skyutil_here.exe", "exit", "7"}) == missing);
        CHECK(failure_of({"dir", "exit", "7"}) == missing);
        CHECK(run({".\\skyutil_here", "exit", "7"}).exit_code == 7);
        CHECK(run({"./skyutil_here.exe", "exit", "7"}).exit_code == 7);
        CHECK(run({"in path/skyutil_tool", "exit", "7"}).exit_code == 7);
        CHECK(run({"./skyutil_tool", "exit", "7"}, {.cwd = directory / "in path"}).exit_code == 7);
        CHECK(failure_of({"./skyutil_tool", "exit", "7"}) == missing);
        CHECK(failure_of({"in path\\dir.exe"}) ==
              failed(std::errc::permission_denied, start_step::program));
    }
    {
        const variable path(L"PATH", L".;in path");
        CHECK(failure_of({"skyutil_tool"}) == missing);
    }
    std::filesystem::current_path(before);
    write_file(directory / "text.exe", "no program");
    CHECK(failure_of({utf8(directory / "text.exe")}) ==
          failed(std::errc::executable_format_error, start_step::program));
    CHECK_THAT(message_of([] { run({"skyutil-no-such-program"}); }),
               ContainsSubstring("skyutil::run: cannot start 'skyutil-no-such-program'"));
}

TEST_CASE("a batch file is refused in a command, in any spelling") {
    const temporary_directory directory;
    for (const char* const name : {"a.bat", "b.cmd"}) {
        write_file(directory / name, "@echo off\r\necho %1 > " + utf8(directory / "ran") + "\r\n");
    }
    const failure refused = failed(std::errc::executable_format_error, start_step::program);
    const std::string in = utf8(directory.path());
    for (const std::string name : {"/a.bat", "\\A.BAT", "/a.bat.", "/a.bat ", "/b.Cmd", "/b.cmd. .",
                                   "/a", "/b", "/./x/../b.cmd"}) {
        CAPTURE(name);
        CHECK(failure_of({in + name, "word"}) == refused);
    }
    const variable path(L"PATH", directory.path());
    for (const std::string name : {"a", "a.bat", "A.BAT", "b", "b.cmd", "b.cmd "}) {
        CAPTURE(name);
        CHECK(failure_of({name, "word"}) == refused);
    }
    CHECK_FALSE(std::filesystem::exists(directory / "ran"));
}

TEST_CASE("the shell of the system runs a text as it is") {
    CHECK(run(shell("echo a&& exit 4")).exit_code == 4);
    CHECK(run(shell("echo \"a b\" c")).stdout_text == "\"a b\" c\r\n");
    CHECK(run(shell("(echo one)&(echo two)")).stdout_text == "one\r\ntwo\r\n");
    CHECK(run(shell("\"" + std::filesystem::path(SKYUTIL_TEST_ACTOR).make_preferred().string() +
                    "\" exit 6"))
              .exit_code == 6);
    CHECK_FALSE(run(shell("skyutil-no-such-program")).ok());
}

TEST_CASE("a child inherits the handles it is given and no other one") {
    const auto leak = [] {
        SECURITY_ATTRIBUTES inheritable{sizeof inheritable, nullptr, TRUE};
        return skyutil::unique_fd(::CreateEventW(&inheritable, TRUE, FALSE, nullptr));
    };
    std::vector<skyutil::unique_fd> leaking;
    for (int i = 0; i != 50; ++i) {
        leaking.push_back(leak());
    }
    const auto number = std::to_string(reinterpret_cast<std::uintptr_t>(leaking.back().get()));
    CHECK(run(actor({"handle", number})).stdout_text == "no\n");
    CHECK(run(actor({"handle", number}), {.attributes = {.keep_descriptors = true}}).stdout_text ==
          "yes\n");
}

TEST_CASE("a child has the priority it is given") {
    const auto priority = [](int nice) {
        return numbers(run(actor({"group"}), {.attributes = {.nice = nice}}).stdout_text).at(0);
    };
    std::wstring program = std::filesystem::absolute(SKYUTIL_TEST_ACTOR).native();
    STARTUPINFOW info{};
    info.cb = sizeof info;
    PROCESS_INFORMATION made{};
    REQUIRE(::CreateProcessW(program.c_str(), program.data(), nullptr, nullptr, FALSE,
                             IDLE_PRIORITY_CLASS, nullptr, nullptr, &info, &made) != 0);
    const skyutil::unique_fd process(made.hProcess);
    const skyutil::unique_fd thread(made.hThread);
    if (::GetPriorityClass(process.get()) != IDLE_PRIORITY_CLASS) {
        SKYUTIL_SKIP("CreateProcess() sets no priority class here");
    }
    CHECK(priority(19) == IDLE_PRIORITY_CLASS);
    CHECK(priority(5) == BELOW_NORMAL_PRIORITY_CLASS);
    CHECK(priority(0) == NORMAL_PRIORITY_CLASS);
    CHECK(priority(-5) == ABOVE_NORMAL_PRIORITY_CLASS);
    CHECK(priority(-20) == HIGH_PRIORITY_CLASS);
}

TEST_CASE("a child has the CPUs it is given, and there are no limits to set") {
    DWORD_PTR own = 0;
    DWORD_PTR all = 0;
    ::GetProcessAffinityMask(::GetCurrentProcess(), &own, &all);
    unsigned last = 0;
    for (unsigned cpu = 0; cpu != 64; ++cpu) {
        last = (own >> cpu & 1) != 0 ? cpu : last;
    }
    const auto result = run(actor({"group"}), {.attributes = {.cpus = {last}}});
    CHECK(numbers(result.stdout_text).at(1) == std::int64_t{1} << last);
    using std::errc;
    CHECK(failure_of(actor({"exit"}), {.attributes = {.cpus = {64}}}) ==
          failed(errc::invalid_argument, start_step::cpus));
    CHECK(failure_of(actor({"exit"}), {.attributes = {.cpus = {63}}}) ==
          failed(errc::invalid_argument, start_step::cpus));
    CHECK(failure_of(actor({"exit"}), {.attributes = {.limits = {{7, 1, 1}}}}) ==
          failed(errc::function_not_supported, start_step::limits));
    CHECK(failure_of(actor({"exit"}), {.attributes = {.blocked_signals = {-1}}}) ==
          failed(errc::invalid_argument, start_step::arguments));
}

TEST_CASE("a program that is being written is tried again for a while") {
    const temporary_directory directory;
    std::filesystem::copy_file(SKYUTIL_TEST_ACTOR, directory / "new.exe");
    const auto open = [&] {
        return skyutil::unique_fd(::CreateFileW((directory / "new.exe").c_str(), GENERIC_WRITE, 0,
                                                nullptr, OPEN_EXISTING, 0, nullptr));
    };
    skyutil::unique_fd writer = open();
    CHECK(failure_of({utf8(directory / "new.exe"), "exit", "3"}) ==
          failed(std::errc::device_or_resource_busy, start_step::program));
    std::thread closes([&] {
        std::this_thread::sleep_for(50ms);
        writer.reset();
    });
    CHECK(run({utf8(directory / "new.exe"), "exit", "3"}).exit_code == 3);
    closes.join();
}

}  // namespace
