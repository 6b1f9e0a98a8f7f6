// SPDX-License-Identifier: MIT
//
// Strings beside their rivals: base 36 beside GMP, numbers beside std::to_chars and snprintf,
// truncation beside a plain copy of as many bytes. Inputs change with every call, so that nothing
// is a constant.

#include "rivals/strings.hpp"

#include <skyutil/strings.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t variants = 512;  // a power of two

/// Calls `f` with one input after the other.
template <class Inputs, class F>
void each(benchmark::State& state, const Inputs& inputs, F f) {
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(f(inputs[i++ % variants]));
    }
}

std::mt19937_64 generator(std::uint64_t seed) {
    return std::mt19937_64(seed);  // NOLINT(*-msc51-cpp): the same inputs in every run
}

std::vector<std::string> hex_inputs(std::int64_t bits) {
    auto random = generator(1);
    std::vector<std::string> inputs(variants);
    for (std::string& input : inputs) {
        for (std::int64_t i = 0; i < bits / 4; ++i) {
            input += "0123456789abcdef"[random() % 16];
        }
        input.front() = "123456789abcdef"[random() % 15];
    }
    return inputs;
}

/// Numbers with two decimals, as sizes, prices and durations have them: 0.01 to ten million.
std::vector<double> money_inputs() {
    auto random = generator(2);
    std::vector<double> inputs(variants);
    for (double& input : inputs) {
        input = static_cast<double>(random() % 1'000'000'000 + 1) / 100;
    }
    return inputs;
}

/// Any finite double.
std::vector<double> any_inputs() {
    auto random = generator(3);
    std::vector<double> inputs;
    while (inputs.size() < variants) {
        const auto x = std::bit_cast<double>(random());
        if (x - x == 0) {
            inputs.push_back(x);
        }
    }
    return inputs;
}

/// Words of 1 to 12 characters, in all about 1000 characters.
std::vector<std::string> text_inputs(const std::vector<std::string_view>& alphabet) {
    auto random = generator(4);
    std::vector<std::string> inputs(variants);
    for (std::string& input : inputs) {
        std::size_t left = 990 + random() % 20;
        while (left != 0) {
            for (std::size_t word = 1 + random() % 12; word != 0 && left != 0; --word, --left) {
                input += alphabet[random() % alphabet.size()];
            }
            if (left != 0) {
                input += ' ';
                --left;
            }
        }
    }
    return inputs;
}

std::vector<std::string> ascii_inputs() {
    return text_inputs({"a", "b", "c", "d", "e", "f", "g", "-", "1", "2"});
}

std::vector<std::string> multibyte_inputs() {
    return text_inputs(
        {"\u00e9", "\u00fc", "\u65e5", "\u672c", "\u8a9e", "\U0001f600", "a", "\u0436"});
}

std::vector<std::string> japanese_inputs() {
    return text_inputs({"\u65e5", "\u672c", "\u8a9e", "\u306e", "\u6587", "\u5b57"});
}

void base36_encode(benchmark::State& state) {
    each(state, hex_inputs(state.range(0)),
         [](const std::string& hex) { return skyutil::base36_encode(hex); });
}

void base36_to_chars(benchmark::State& state) {
    each(state, hex_inputs(state.range(0)), [](const std::string& hex) {
        std::array<char, 1024> buffer;  // NOLINT(*-member-init)
        return *(skyutil::base36_to_chars(buffer.data(), buffer.data() + buffer.size(), hex).ptr -
                 1);
    });
}

#if defined(SKYUTIL_BENCH_GMP)
void base36_gmp(benchmark::State& state) {
    each(state, hex_inputs(state.range(0)), rivals::base36_by_gmp);
}
#endif

/// One text of so many hexadecimal digits: how the time grows.
template <class F>
void one(benchmark::State& state, F f) {
    auto random = generator(3);
    std::string hex(static_cast<std::size_t>(state.range(0)), 'f');
    for (char& c : hex) {
        c = "123456789abcdef"[random() % 15];
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(f(hex));
    }
}

void base36_encode_long(benchmark::State& state) {
    one(state, [](const std::string& hex) { return skyutil::base36_encode(hex); });
}

void base36_decode_long(benchmark::State& state) {
    one(state, [](const std::string& hex) { return skyutil::base36_decode(hex); });
}

#if defined(SKYUTIL_BENCH_GMP)
void base36_gmp_long(benchmark::State& state) { one(state, rivals::base36_by_gmp); }
void base36_gmp_decode_long(benchmark::State& state) { one(state, rivals::hex_by_gmp); }
#endif

void format_float(benchmark::State& state, const std::vector<double>& inputs, int precision) {
    each(state, inputs, [=](double x) { return skyutil::format_float(x, precision); });
}

void format_to_chars(benchmark::State& state, const std::vector<double>& inputs, int precision) {
    each(state, inputs, [=](double x) { return rivals::format_by_to_chars(x, precision); });
}

void format_snprintf(benchmark::State& state, const std::vector<double>& inputs, int precision) {
    each(state, inputs, [=](double x) { return rivals::format_by_snprintf(x, precision); });
}

void truncate(benchmark::State& state, const std::vector<std::string>& inputs,
              skyutil::truncate_mode mode) {
    each(state, inputs,
         [=](const std::string& text) { return skyutil::truncate_long_string(text, 80, mode); });
}

/// The floor: a string of as many bytes, allocated and copied.
void truncate_copy(benchmark::State& state, const std::vector<std::string>& inputs) {
    std::vector<std::string> results;
    for (const std::string& text : inputs) {
        results.push_back(skyutil::truncate_long_string(text, 80));
    }
    each(state, results,
         [](const std::string& text) { return std::string(text.data(), text.size()); });
}

constexpr std::initializer_list<std::int64_t> bits{32, 128, 256, 512, 4096};

void each_size(benchmark::internal::Benchmark* benchmark) {
    for (const std::int64_t size : bits) {
        benchmark->Arg(size);
    }
}

BENCHMARK(base36_encode)->Apply(each_size);
BENCHMARK(base36_to_chars)->Apply(each_size);
#if defined(SKYUTIL_BENCH_GMP)
BENCHMARK(base36_gmp)->Apply(each_size);
#endif

void growing(benchmark::internal::Benchmark* benchmark) {
    benchmark->RangeMultiplier(10)->Range(1000, 1'000'000)->Unit(benchmark::kMillisecond);
}

BENCHMARK(base36_encode_long)->Apply(growing);
BENCHMARK(base36_decode_long)->Apply(growing);
#if defined(SKYUTIL_BENCH_GMP)
BENCHMARK(base36_gmp_long)->Apply(growing);
BENCHMARK(base36_gmp_decode_long)->Apply(growing);
#endif

BENCHMARK_CAPTURE(format_float, money, money_inputs(), 1);
BENCHMARK_CAPTURE(format_to_chars, money, money_inputs(), 1);
BENCHMARK_CAPTURE(format_snprintf, money, money_inputs(), 1);
BENCHMARK_CAPTURE(format_float, any, any_inputs(), 6);
BENCHMARK_CAPTURE(format_to_chars, any, any_inputs(), 6);
BENCHMARK_CAPTURE(format_snprintf, any, any_inputs(), 6);

BENCHMARK_CAPTURE(truncate, ascii_word, ascii_inputs(), skyutil::truncate_mode::word);
BENCHMARK_CAPTURE(truncate, ascii_middle, ascii_inputs(), skyutil::truncate_mode::middle);
BENCHMARK_CAPTURE(truncate, ascii_exact, ascii_inputs(), skyutil::truncate_mode::exact);
BENCHMARK_CAPTURE(truncate_copy, ascii, ascii_inputs());
BENCHMARK_CAPTURE(truncate, multibyte_word, multibyte_inputs(), skyutil::truncate_mode::word);
BENCHMARK_CAPTURE(truncate, multibyte_middle, multibyte_inputs(), skyutil::truncate_mode::middle);
BENCHMARK_CAPTURE(truncate, multibyte_exact, multibyte_inputs(), skyutil::truncate_mode::exact);
BENCHMARK_CAPTURE(truncate_copy, multibyte, multibyte_inputs());
BENCHMARK_CAPTURE(truncate, japanese_word, japanese_inputs(), skyutil::truncate_mode::word);
BENCHMARK_CAPTURE(truncate, japanese_middle, japanese_inputs(), skyutil::truncate_mode::middle);
BENCHMARK_CAPTURE(truncate, japanese_exact, japanese_inputs(), skyutil::truncate_mode::exact);
BENCHMARK_CAPTURE(truncate_copy, japanese, japanese_inputs());

}  // namespace

BENCHMARK_MAIN();
