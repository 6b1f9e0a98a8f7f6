// SPDX-License-Identifier: MIT
//
// tests/strings/reference.hpp: rows of reference answers, those aside that are another on purpose.

#pragma once

#include <skyutil/strings.hpp>

#include <map>
#include <random>
#include <string>
#include <utility>

#include "support.hpp"

namespace skyutil_tests {

inline std::mt19937_64 generator() {
    return std::mt19937_64(20260101);  // the same in every run
}

/// The ids of the rows that differ must be exactly those listed, each for its reason.
class golden_rows {
public:
    explicit golden_rows(std::map<std::string, std::string> differing)
        : expected_(std::move(differing)) {}

    void compare(const nlohmann::json& row, bool same) {
        const std::string id = row["id"];
        const bool listed = expected_.erase(id) != 0;
        if (same == listed) {
            UNSCOPED_INFO((listed ? "listed, but does not differ: " : "differs: ") << row.dump());
            wrong_ = true;
        }
    }

    void finish() const {
        for (const auto& [id, reason] : expected_) {
            UNSCOPED_INFO("listed, but not there: " << id << ", " << reason);
        }
        CHECK(expected_.empty());
        CHECK_FALSE(wrong_);
    }

private:
    std::map<std::string, std::string> expected_;
    bool wrong_ = false;
};

}  // namespace skyutil_tests
