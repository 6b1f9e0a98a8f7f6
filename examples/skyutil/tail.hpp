// SPDX-License-Identifier: MIT
//
// tail.hpp: what the command tail was asked for, and the part of it that goes on.

#pragma once

#include "numbers.hpp"

#include <skyutil/files.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace program {

struct tail_arguments {
    enum class unit { lines, bytes };

    std::vector<std::string> files;
    unit counted = unit::lines;
    std::uint64_t count = 10;
    bool from_start = false;  ///< all from that line or byte on
    std::size_t max_bytes = skyutil::tail_options{}.max_bytes;
    bool replace_invalid = false;

    bool follow = false;
    bool by_name = false;
    bool retry = false;
    std::vector<std::int64_t> pids;  ///< it ends with the last of these
    seconds interval = std::chrono::seconds(1);

    /// What is before the first one asked for.
    [[nodiscard]] std::uint64_t skipped() const noexcept {
        return from_start && count != 0 ? count - 1 : 0;
    }
};

/// Prints "==> file <==" before what is of another file than what was printed last.
class tail_headers {
public:
    explicit tail_headers(bool wanted) noexcept : wanted_(wanted) {}
    void print_for(const std::string& file);

private:
    bool wanted_;
    bool printed_ = false;
    std::string last_;
};

/// Prints what is asked for and then what is appended. Returns the exit code.
int follow(const tail_arguments& arguments, bool as_json);

}  // namespace program
