// SPDX-License-Identifier: MIT

#include "nearest.hpp"

#include <algorithm>
#include <cstddef>

namespace program {

namespace {

/// How many letters have to be put in, left out, changed, or changed with their neighbour to make
/// one word of the other.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            d[i][j] = (std::min)({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = (std::min)(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

std::string lower(std::string_view word) {
    std::string out(word);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

}  // namespace

std::string suggest(std::string_view word, const std::vector<std::string>& names) {
    constexpr std::size_t longest = 40;
    if (word.size() > longest) {
        return {};
    }
    const std::string typed = lower(word);
    const std::size_t letters =
        typed.size() - (std::min)(typed.find_first_not_of('-'), typed.size());
    std::size_t best = (letters + 2) / 3 + 1;  // a third of them may be wrong
    std::string found;
    for (const std::string& name : names) {
        const std::size_t far = letters > 1 && name.starts_with(typed) ? 0 : distance(typed, name);
        if (far < best) {
            best = far;
            found = name;
        }
    }
    return found.empty() ? "" : "; did you mean '" + found + "'?";
}

}  // namespace program
