// SPDX-License-Identifier: MIT

#include <skyutil/files.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>

#include <string_view>
#include <system_error>

static_assert(SKYUTIL_VERSION >= 100);
consteval bool encodes() {
    char digits[8]{};
    const auto [end, error] = skyutil::base36_to_chars(digits, digits + sizeof digits, "deadbeef");
    return error == std::errc{} && std::string_view(digits, end) == "1ps9wxb";
}
static_assert(encodes());

int main() { return skyutil::get_cpu_count() >= 1 ? 0 : 1; }
