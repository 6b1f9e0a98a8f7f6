// SPDX-License-Identifier: MIT

#include "common.hpp"

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <new>

namespace program {

std::string printable(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    std::string out;
    for (std::size_t i = 0; i != text.size(); ++i) {
        const bool c1 =
            byte(i) == 0xc2 && i + 1 != text.size() && byte(i + 1) < 0xa0 && byte(i + 1) >= 0x80;
        i += c1 ? 1 : 0;
        out += c1 || byte(i) < 0x20 || byte(i) == 0x7f ? '?' : text[i];
    }
    return out;
}

void report(std::string_view what) { std::cerr << "skyutil: " + printable(what) + '\n'; }

void report(std::string_view file, const std::error_code& error) {
    report("cannot read " + std::string(file) + ": " + error.message());
}

std::string explain(const std::exception& exception) {
    if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr) {
        return "not enough memory";
    }
    std::string_view what = exception.what();
    for (const std::string_view start : {"filesystem error: ", "skyutil::"}) {
        if (what.starts_with(start)) {
            what.remove_prefix(start == "skyutil::" && what.find(": ") != what.npos
                                   ? what.find(": ") + 2
                                   : start.size());
        }
    }
    return std::string(what);
}

void print(const json& value) {
    std::cout << value.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

bool is_utf8(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    for (std::size_t i = 0; i < text.size();) {
        const unsigned lead = byte(i);
        const unsigned second = byte(i + 1);
        // Table 3-7 of the Unicode Standard: what may follow the first byte, and how many.
        const std::size_t more = lead < 0x80                   ? 0
                                 : lead >= 0xc2 && lead < 0xe0 ? 1
                                 : lead >= 0xe0 && lead < 0xf0 ? 2
                                 : lead >= 0xf0 && lead < 0xf5 ? 3
                                                               : text.size();
        const unsigned least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        const unsigned most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (more >= text.size() - i || (more != 0 && (second < least || second > most))) {
            return false;
        }
        for (std::size_t next = 2; next <= more; ++next) {
            if ((byte(i + next) & 0xc0) != 0x80) {
                return false;
            }
        }
        i += 1 + more;
    }
    return true;
}

std::string to_base64(std::string_view bytes) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = i; k != i + 3; ++k) {
            group = group << 8 | (k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0U);
        }
        for (std::size_t k = 0; k != 4; ++k) {
            out += i + k <= bytes.size() ? digits[group >> (18 - 6 * k) & 63] : '=';
        }
    }
    return out;
}

void set_text(json& object, const std::string& key, std::string_view text) {
    object[key] = text;
    if (!is_utf8(text)) {
        object[key + "_bytes"] = to_base64(text);
    }
}

}  // namespace program
