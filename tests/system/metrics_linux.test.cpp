// SPDX-License-Identifier: MIT
//
// The description as metrics, read back by a strict parser and by promtool.

#include <skyutil/system.hpp>

#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "support_linux.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::sysroot;

namespace {

using labels = std::map<std::string, std::string>;

struct family {
    std::string unit;
    std::string help;
    std::map<labels, double> samples;
};

/// Reads a page by the grammar of OpenMetrics 1.0, as far as gauges use it, and refuses all else.
class parser {
public:
    static std::map<std::string, family> parse(std::string_view page) {
        return parser(page).families();
    }

private:
    explicit parser(std::string_view page) : left_(page) {}

    std::map<std::string, family> families() {
        std::map<std::string, family> all;
        while (!accept("# EOF\n")) {
            expect("# TYPE ");
            const std::string name = metric_name();
            expect(" gauge\n");
            family read;
            if (accept("# UNIT " + name + " ")) {
                read.unit = until('\n');
                require(name.ends_with("_" + read.unit), "a name without its unit: " + name);
            }
            expect("# HELP " + name + " ");
            read.help = until('\n');
            require(!read.help.empty() && read.help.find('\\') == std::string::npos, "help");
            while (left_.starts_with(name)) {
                expect(name);
                labels of = accept("{") ? label_set() : labels();
                expect(" ");
                require(read.samples.emplace(std::move(of), number(until('\n'))).second,
                        "a sample that stands twice");
            }
            require(!read.samples.empty(), "no sample of " + name);
            require(all.emplace(name, std::move(read)).second, "a family that stands twice");
        }
        require(left_.empty(), "text after the end");
        return all;
    }

    labels label_set() {
        labels all;
        do {
            const std::string name = metric_name();
            require(name.find(':') == std::string::npos, "label name");
            expect("=\"");
            require(all.emplace(name, label_value()).second, "a label that stands twice");
        } while (accept(","));
        expect("}");
        return all;
    }

    std::string label_value() {
        std::string value;
        for (;;) {
            require(!left_.empty() && left_.front() != '\n', "a label value without an end");
            const char c = left_.front();
            left_.remove_prefix(1);
            if (c == '"') {
                return value;
            }
            if (c != '\\') {
                value += c;
                continue;
            }
            require(!left_.empty(), "escape");
            const std::size_t which = std::string_view("\\\"n").find(left_.front());
            require(which != std::string_view::npos, "escape");
            value += "\\\"\n"[which];
            left_.remove_prefix(1);
        }
    }

    std::string metric_name() {
        std::size_t size = 0;
        while (size != left_.size() &&
               (std::isalpha(static_cast<unsigned char>(left_[size])) != 0 || left_[size] == '_' ||
                (size != 0 && std::isdigit(static_cast<unsigned char>(left_[size])) != 0))) {
            ++size;
        }
        require(size != 0, "name");
        std::string name(left_.substr(0, size));
        left_.remove_prefix(size);
        return name;
    }

    static double number(const std::string& text) {
        // No std::from_chars: libc++ has none for double before version 20.
        const bool decimal = text.find_first_not_of("-+.0123456789e") == std::string::npos;
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        require(decimal && !text.empty() && text.front() != '+' && *end == '\0', "number " + text);
        return value;
    }

    std::string until(char end) {
        const std::size_t size = left_.find(end);
        require(size != std::string_view::npos, "a line without an end");
        std::string text(left_.substr(0, size));
        left_.remove_prefix(size + 1);
        return text;
    }

    bool accept(std::string_view text) {
        if (!left_.starts_with(text)) {
            return false;
        }
        left_.remove_prefix(text.size());
        return true;
    }

    void expect(std::string_view text) {
        require(accept(text), "expected '" + std::string(text) + "', there is '" +
                                  std::string(left_.substr(0, 60)) + "'");
    }

    static void require(bool holds, const std::string& what) {
        if (!holds) {
            throw std::runtime_error("no OpenMetrics: " + what);
        }
    }

    std::string_view left_;
};

std::string page_of(const sysroot& root = {}) {
    return skyutil::describe_resources(skyutil::description_form::openmetrics, root);
}

}  // namespace

TEST_CASE("metrics are OpenMetrics in every situation, and agree with the budgets") {
    const no_overrides clean;
    for (const situation& each : situations()) {
        const temporary_directory directory;
        write_files(directory, each);
        const sysroot root{directory.path()};
        INFO(each.name);
        std::map<std::string, family> page;
        REQUIRE_NOTHROW(page = parser::parse(page_of(root)));
        const auto value = [&](const char* name) {
            const auto found = page.find(std::string("skyutil_") + name);
            return found == page.end() ? json() : json(found->second.samples.begin()->second);
        };
        const auto expected = [&](const char* name) {
            return each.expected.contains(name) ? json(each.expected[name].get<double>()) : json();
        };
        CHECK(value("cpus_usable") == expected("usable"));
        CHECK(value("cpus_online") == expected("online"));
        CHECK(value("cpus_affinity") == expected("affinity"));
        CHECK(value("cpus_cpuset") == expected("cpuset"));
        CHECK(value("cpus_quota") == expected("quota"));
        CHECK(value("cpus_request") == expected("request"));
        CHECK(value("cpu_throttled_seconds").is_null() == !each.expected.contains("throttled"));
        CHECK(value("memory_physical_bytes") == expected("physical"));
        CHECK(value("memory_limit_bytes") == expected("limit"));
        CHECK(value("memory_soft_limit_bytes") == expected("soft_limit"));
        CHECK(value("memory_swap_limit_bytes") == expected("swap_limit"));
        CHECK(value("memory_usage_bytes") == expected("usage"));
        CHECK(value("memory_reclaimable_bytes") == expected("reclaimable"));
        CHECK(value("memory_group_available_bytes") == expected("group_available"));
    }
}

TEST_CASE("each metric has the file it was read from, its unit, and names by the rules") {
    const no_overrides clean;
    const temporary_directory directory;
    write_files(directory, find_situation("v2_throttled_by_the_parent"));
    const std::string slice = "/sys/fs/cgroup/user.slice/user-1000.slice/";
    const std::string pressure = slice + "session-2.scope/cpu.pressure";
    write_file(place_in(directory, pressure), pressure_of_group);
    const auto page = parser::parse(page_of({directory.path()}));
    const auto source = [](const std::string& file) { return labels{{"source", file}}; };
    const auto samples = [&](const std::string& name) {
        const auto found = page.find("skyutil_" + name);
        return found == page.end() ? std::map<labels, double>() : found->second.samples;
    };
    CHECK(samples("build_info") ==
          std::map<labels, double>{{{{"version", std::string(skyutil::version)}}, 1}});
    CHECK(samples("cpus_usable") ==
          std::map<labels, double>{
              {{{"limited_by", "CPU quota"}, {"source", slice + "cpu.max"}}, 3}});
    CHECK(samples("cpu_quota_periods") ==
          std::map<labels, double>{{source(slice + "cpu.stat"), 9000}});
    CHECK(samples("cpu_throttled_periods") ==
          std::map<labels, double>{{source(slice + "cpu.stat"), 4500}});
    CHECK(samples("cpu_throttled_seconds") ==
          std::map<labels, double>{{source(slice + "cpu.stat"), 7.50025}});
    CHECK(page.at("skyutil_cpu_throttled_seconds").unit == "seconds");
    CHECK(page.at("skyutil_memory_limit_bytes").unit == "bytes");
    const auto ratios = samples("pressure_ratio");
    CHECK(ratios.size() == 6);
    CHECK(ratios.at(
              {{"resource", "cpu"}, {"tasks", "some"}, {"window", "60s"}, {"source", pressure}}) ==
          0.02);
    CHECK(samples("pressure_waiting_seconds")
              .at({{"resource", "cpu"}, {"tasks", "full"}, {"source", pressure}}) == 5e-06);
}

TEST_CASE("names of groups and overrides break no metric") {
    const temporary_directory directory;
    situation what = find_situation("v2_limit_on_leaf");
    for (auto& [name, text] : what.files) {
        if (name == "/proc/self/cgroup") {
            text = "0::/a\"b\\c\x01\xff\n";
        }
    }
    write_files(directory, what);
    const std::string odd = "/sys/fs/cgroup/a\"b\\c\x01\xff";
    std::filesystem::create_directories(place_in(directory, odd));
    write_file(place_in(directory, odd + "/cpu.max"), "100000 100000\n");
    const scoped_variable memory("SKYUTIL_MEMORY_BYTES", "1e9");
    const auto page = parser::parse(page_of({directory.path()}));
    CHECK(page.at("skyutil_cpus_quota").samples ==
          std::map<labels, double>{
              {{{"source", "/sys/fs/cgroup/a\"b\\c\x01\xef\xbf\xbd/cpu.max"}}, 1}});
    CHECK(page.at("skyutil_memory_override_bytes").samples ==
          std::map<labels, double>{{{{"source", "SKYUTIL_MEMORY_BYTES"}}, 1e9}});
}

TEST_CASE("promtool finds nothing to say about the metrics of any situation") {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0) {  // NOLINT(*-env33-c)
        SKYUTIL_SKIP("promtool is not here");
    }
    const no_overrides clean;
    const temporary_directory out;
    const auto check = [&](const std::string& name, const std::string& page) {
        const std::string file = (out.path() / "page").string();
        write_file(file, page);
        // NOLINTNEXTLINE(*-env33-c)
        CHECK(std::system(
                  ("promtool check metrics <'" + file + "' >'" + file + ".out' 2>&1").c_str()) ==
              0);
        INFO(name);
        CHECK(read_file(file + ".out").empty());
    };
    for (const situation& each : situations()) {
        const temporary_directory directory;
        write_files(directory, each);
        check(each.name, page_of({directory.path()}));
    }
    check("this system", page_of());
}
