// SPDX-License-Identifier: MIT
//
// What stands in for <stop_token>, and, where there is one, that it is the same.

#include <skyutil/detail/stop_token/own_stop_token.hpp>
#include <skyutil/stop_token.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace std::chrono_literals;

namespace {

struct own {
    using token = skyutil::detail::own_stop::stop_token;
    using source = skyutil::detail::own_stop::stop_source;
    template <class F>
    using callback = skyutil::detail::own_stop::stop_callback<F>;
    static constexpr auto no_state = skyutil::detail::own_stop::nostopstate;
};

struct chosen {
    using token = skyutil::stop_token;
    using source = skyutil::stop_source;
    template <class F>
    using callback = skyutil::stop_callback<F>;
    static constexpr auto no_state = skyutil::nostopstate;
};

template <class Kind>
void tokens_know_what_their_source_was_told() {
    typename Kind::token none;
    CHECK_FALSE(none.stop_possible());
    CHECK_FALSE(none.stop_requested());
    CHECK(none == typename Kind::token());
    CHECK_FALSE(typename Kind::source(Kind::no_state).stop_possible());
    CHECK_FALSE(typename Kind::source(Kind::no_state).request_stop());

    typename Kind::source source;
    const typename Kind::token token = source.get_token();
    CHECK(token.stop_possible());
    CHECK_FALSE(token.stop_requested());
    CHECK(token == source.get_token());
    CHECK(token != none);
    CHECK(typename Kind::source() != source);
    CHECK(source.request_stop());
    CHECK_FALSE(source.request_stop());
    CHECK(source.stop_requested());
    CHECK(token.stop_requested());
    none = token;
    CHECK(none.stop_requested());
    typename Kind::token other;
    swap(none, other);
    CHECK(other.stop_requested());
    CHECK_FALSE(none.stop_requested());
}

template <class Kind>
void no_stop_is_possible_without_a_source() {
    std::optional<typename Kind::source> first(std::in_place);
    const typename Kind::token token = first->get_token();
    std::optional<typename Kind::source> second(*first);
    std::optional<typename Kind::source> third(std::move(*first));
    CHECK_FALSE(first->stop_possible());  // moved from
    first.reset();
    second.reset();
    CHECK(token.stop_possible());
    third = typename Kind::source();
    CHECK_FALSE(token.stop_possible());

    typename Kind::source source;
    const typename Kind::token stopped = source.get_token();
    source.request_stop();
    source = typename Kind::source();
    CHECK(stopped.stop_possible());
    CHECK(stopped.stop_requested());
}

template <class Kind>
void callbacks_are_called_once_each() {
    using callback = typename Kind::template callback<std::function<void()>>;
    typename Kind::source source;
    std::array<int, 4> calls{};
    {
        const callback gone(source.get_token(), [&] { ++calls[0]; });
    }
    const callback first(source.get_token(), [&] { ++calls[1]; });
    std::optional<callback> middle(std::in_place, source.get_token(), [&] { ++calls[0]; });
    const callback last(source.get_token(), [&] { ++calls[2]; });
    middle.reset();
    source.request_stop();
    source.request_stop();
    CHECK(calls == std::array{0, 1, 1, 0});
    const callback late(source.get_token(), [&] { ++calls[3]; });
    CHECK(calls == std::array{0, 1, 1, 1});
    const callback never(typename Kind::token(), [&] { ++calls[0]; });
    CHECK(calls == std::array{0, 1, 1, 1});
}

template <class Kind>
void a_callback_may_destroy_itself_another_and_the_source() {
    using callback = typename Kind::template callback<std::function<void()>>;
    auto source = std::make_unique<typename Kind::source>();
    const typename Kind::token token = source->get_token();
    std::array<std::unique_ptr<callback>, 3> callbacks;
    int calls = 0;
    for (std::unique_ptr<callback>& each : callbacks) {
        each = std::make_unique<callback>(token, [&] {
            ++calls;
            source.reset();
            const auto kept = std::exchange(callbacks, {});  // of these, one runs
        });
    }
    source->request_stop();
    CHECK(calls == 1);
    CHECK(token.stop_requested());
}

/// Calls a function 200 times; on a machine where that takes long as often as ten seconds allow.
template <class Function>
void repeat(Function function) {
    const auto enough = std::chrono::steady_clock::now() + 10s;
    for (int round = 0; round != 200; ++round) {
        function();
        if (round >= 10 && std::chrono::steady_clock::now() > enough) {
            break;
        }
    }
}

template <class Kind>
void a_callback_that_runs_is_waited_for() {
    using callback = typename Kind::template callback<std::function<void()>>;
    repeat([] {
        typename Kind::source source;
        std::atomic<bool> begun = false;
        bool ended = false;
        std::optional<callback> slow(std::in_place, source.get_token(), [&] {
            begun = true;
            std::this_thread::sleep_for(1ms);
            ended = true;
        });
        std::thread stopper([&] { source.request_stop(); });
        while (!begun) {
            std::this_thread::yield();
        }
        slow.reset();
        CHECK(ended);
        stopper.join();
    });
}

template <class Kind>
void many_threads_register_stop_and_leave_at_once() {
    using callback = typename Kind::template callback<std::function<void()>>;
    repeat([] {
        typename Kind::source source;
        std::atomic<int> called = 0;
        std::atomic<int> won = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i != 4; ++i) {
            threads.emplace_back([&, i] {
                for (int j = 0; j != 20; ++j) {
                    const callback passing(source.get_token(), [] {});
                }
                const callback kept(source.get_token(), [&] { ++called; });
                won += i % 2 == 0 && source.request_stop() ? 1 : 0;
                while (!source.stop_requested()) {
                    std::this_thread::yield();
                }
            });
        }
        for (std::thread& each : threads) {
            each.join();
        }
        CHECK(won == 1);
        // One that went before its turn came was not called.
        CHECK(called <= 4);
        CHECK(called >= 1);
    });
}

}  // namespace

TEST_CASE("tokens know what their source was told") {
    tokens_know_what_their_source_was_told<own>();
    tokens_know_what_their_source_was_told<chosen>();
}

TEST_CASE("no stop is possible without a source") { no_stop_is_possible_without_a_source<own>(); }

TEST_CASE("callbacks are called once each, unless they went before") {
    callbacks_are_called_once_each<own>();
    callbacks_are_called_once_each<chosen>();
}

TEST_CASE("a callback may destroy itself, another and the source") {
    a_callback_may_destroy_itself_another_and_the_source<own>();
}

TEST_CASE("a callback that runs in another thread is waited for when it is destroyed") {
    a_callback_that_runs_is_waited_for<own>();
    a_callback_that_runs_is_waited_for<chosen>();
}

TEST_CASE("many threads register callbacks, request a stop and leave at once") {
    many_threads_register_stop_and_leave_at_once<own>();
    many_threads_register_stop_and_leave_at_once<chosen>();
}

TEST_CASE("where the standard library has stop tokens, they are those of skyutil") {
#if defined(__cpp_lib_jthread)
    STATIC_REQUIRE(std::is_same_v<skyutil::stop_token, std::stop_token>);
    STATIC_REQUIRE(std::is_same_v<skyutil::stop_source, std::stop_source>);
#else
    STATIC_REQUIRE(std::is_same_v<skyutil::stop_token, own::token>);
    STATIC_REQUIRE(std::is_same_v<skyutil::stop_source, own::source>);
#endif
}
