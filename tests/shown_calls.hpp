// SPDX-License-Identifier: MIT
//
// tests/shown_calls.hpp: the system calls that the library makes, each shown to the test first. A
// program compiled with SKYUTIL_TEST_SYSTEM_CALLS="system_calls.hpp" (on Windows
// "windows/system_calls.hpp") defines fails():
//
//     bool skyutil_tests::fails(system_call& call) noexcept {
//         errno = ENOSPC;
//         return call.name == "fsync";
//     }
//
// What the tests themselves and the standard library call is left alone, and so is what a new
// process does before it becomes a program.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace skyutil_tests {

struct system_call {
    std::string_view name;
    std::array<std::uint64_t, 12> arguments{};  ///< numbers and addresses; they may be changed
    std::uint64_t result = ~std::uint64_t{0};   ///< what one that fails returns
};

/// Whether a call is not made but fails with what is in errno then, or GetLastError() says. Defined
/// by each program.
bool fails(system_call& call) noexcept;

template <class Value>
std::uint64_t to_word(Value value) noexcept {
    if constexpr (std::is_pointer_v<Value>) {
        return reinterpret_cast<std::uintptr_t>(value);
    } else if constexpr (std::is_null_pointer_v<Value>) {
        return 0;
    } else {
        return static_cast<std::uint64_t>(value);
    }
}

template <class Value>
Value from_word([[maybe_unused]] std::uint64_t word) noexcept {
    if constexpr (std::is_void_v<Value>) {
        return;
    } else if constexpr (std::is_pointer_v<Value>) {
        return reinterpret_cast<Value>(static_cast<std::uintptr_t>(word));
    } else if constexpr (std::is_null_pointer_v<Value>) {
        return nullptr;
    } else {
        return static_cast<Value>(word);
    }
}

template <class Function, class... Arguments>
auto make_unless_it_fails(std::string_view name, Function function,
                          Arguments... arguments) noexcept {
    system_call call{name, {to_word(arguments)...}, ~std::uint64_t{0}};
    if (fails(call)) {
        return from_word<decltype(function(arguments...))>(call.result);
    }
    return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        return function(from_word<Arguments>(call.arguments[Index])...);
    }(std::index_sequence_for<Arguments...>());
}

}  // namespace skyutil_tests

// Objects, not functions: with these no function of the same name is found beside them by the types
// of the arguments. The library's own variables may have their names.
#pragma GCC diagnostic ignored "-Wshadow"
#define SKYUTIL_SHOW_CALL(from, name, shown_name) \
    inline constexpr auto name = [](auto... arguments) noexcept { \
        return skyutil_tests::make_unless_it_fails( \
            shown_name, [](auto... values) noexcept { return from::name(values...); }, \
            arguments...); \
    };
