// SPDX-License-Identifier: MIT
//
// unique_fd.

#include <skyutil/files.hpp>

#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "catch.hpp"
#include "files/outcomes_linux.hpp"

using namespace skyutil_tests;

namespace {

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

TEST_CASE("unique_fd closes its descriptor once") {
    using skyutil::unique_fd;
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<unique_fd>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<unique_fd>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<unique_fd>);
    STATIC_REQUIRE(std::is_nothrow_move_assignable_v<unique_fd>);
    STATIC_REQUIRE(std::is_nothrow_destructible_v<unique_fd>);
    STATIC_REQUIRE(std::is_nothrow_swappable_v<unique_fd>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<int, unique_fd>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<unique_fd, int>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<unique_fd, bool>);

    SECTION("when it goes") {
        const int fd = open_null();
        {
            const unique_fd owner(fd);
            CHECK(owner);
            CHECK(owner.get() == fd);
            CHECK(is_open(fd));
        }
        CHECK_FALSE(is_open(fd));
    }
    SECTION("not when it has none") {
        CHECK_FALSE(unique_fd());
        CHECK(unique_fd().get() == -1);
        CHECK_FALSE(unique_fd(-1));
        CHECK_FALSE(unique_fd(-5));
        CHECK(unique_fd(::dup(0)));
    }
    SECTION("not when it was released") {
        const int fd = open_null();
        {
            unique_fd owner(fd);
            CHECK(owner.release() == fd);
            CHECK_FALSE(owner);
            CHECK(owner.release() == -1);
        }
        CHECK(is_open(fd));
        ::close(fd);
    }
    SECTION("not when it was moved away") {
        const int fd = open_null();
        unique_fd a(fd);
        unique_fd b(std::move(a));
        CHECK_FALSE(a);  // NOLINT(*-use-after-move)
        CHECK(b.get() == fd);
        const int other = open_null();
        unique_fd c(other);
        c = std::move(b);
        CHECK_FALSE(is_open(other));
        CHECK(c.get() == fd);
        unique_fd& same = c;
        c = std::move(same);
        CHECK(c.get() == fd);
        CHECK(is_open(fd));
    }
    SECTION("when it gets another") {
        const int first = open_null();
        const int second = open_null();
        unique_fd owner(first);
        owner.reset(second);
        CHECK_FALSE(is_open(first));
        CHECK(is_open(second));
        owner.reset(second);
        CHECK(is_open(second));
        owner.reset();
        CHECK_FALSE(is_open(second));
        CHECK_FALSE(owner);
    }
    SECTION("after swapping") {
        const int first = open_null();
        const int second = open_null();
        unique_fd a(first);
        unique_fd b(second);
        swap(a, b);
        CHECK(a.get() == second);
        CHECK(b.get() == first);
        a.swap(b);
        CHECK(a.get() == first);
        a.swap(a);
        CHECK(a.get() == first);
        a.swap(b);
        a.reset();
        CHECK_FALSE(is_open(second));
        CHECK(is_open(first));
    }
}

TEST_CASE("unique_fds are equal when they own the same, which only nothing can be") {
    const skyutil::unique_fd a(open_null());
    const skyutil::unique_fd b(open_null());
    CHECK(a == a);
    CHECK(a != b);
    CHECK(a != skyutil::unique_fd());
    CHECK(skyutil::unique_fd() == skyutil::unique_fd());
}
