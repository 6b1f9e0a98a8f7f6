// SPDX-License-Identifier: MIT
//
// Which processes belong to a tree: the rules, over tables of processes that nobody has started.

#include <skyutil/process.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace detail = skyutil::detail;

namespace {

struct process {
    std::int64_t pid;
    std::int64_t parent;
    std::int64_t group = 0;    ///< 0: that of the shell, 50
    std::int64_t session = 0;  ///< 0: that of the shell, 50
    std::uint64_t start = 1000;
    std::uint64_t identity = 0;  ///< 0: of its own, by id and start time
};

using table = std::vector<process>;

detail::process_entries entries_of(const table& processes) {
    detail::process_entries entries;
    for (const process& each : processes) {
        const auto own_identity = static_cast<std::uint64_t>(each.pid) * 100'000 + each.start;
        entries.push_back({.pid = each.pid,
                           .parent = each.parent,
                           .group = each.group != 0 ? each.group : 50,
                           .session = each.session != 0 ? each.session : 50,
                           .start = each.start,
                           .identity = each.identity != 0 ? each.identity : own_identity,
                           .alive = true});
    }
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.pid < b.pid; });
    return entries;
}

struct member {
    detail::process_entry entry;
    const std::vector<std::int64_t>* ended;

    [[nodiscard]] bool is_left() const {
        return std::find(ended->begin(), ended->end(), entry.pid) == ended->end();
    }
};

struct situation {
    std::string_view name;
    std::vector<table> looks;           ///< what the system shows at each look; the root is 100
    std::vector<std::int64_t> members;  ///< that are found, in that order
    std::vector<std::int64_t> spared{};
    std::vector<std::int64_t> ended{};  ///< before they are looked at closely
};

/// The ids of the members, and whether the last look found any new one.
std::pair<std::vector<std::int64_t>, bool> members_of(const situation& s) {
    detail::tree_members<member> members(s.spared);
    bool found = false;
    for (const table& look : s.looks) {
        const detail::process_entries entries = entries_of(look);
        const auto admit = [&](const detail::process_entry& entry) {
            const member made{entry, &s.ended};
            return made.is_left() ? std::optional(made) : std::nullopt;
        };
        if (members.empty()) {
            members.add_root(entries, {*detail::find_entry(entries, 100), &s.ended});
        }
        found = members.find_more(entries, admit);
    }
    std::vector<std::int64_t> ids;
    for (const member& each : members) {
        ids.push_back(each.entry.pid);
    }
    return {ids, found};
}

// 1 is init, 50 a shell that leads the session in which the root is started.
constexpr process init{.pid = 1, .parent = 0, .group = 1, .session = 1, .start = 1};
constexpr process shell{.pid = 50, .parent = 1, .group = 50, .session = 50, .start = 500};

table with(std::initializer_list<process> processes) {
    table all{init, shell};
    all.insert(all.end(), processes);
    return all;
}

const std::vector<situation> situations{
    {.name = "children and their children, parents first",
     .looks = {with({{100, 50}, {101, 100}, {102, 101}, {99, 102}, {103, 100}})},
     .members = {100, 101, 103, 102, 99}},
    {.name = "a sibling of the root is none, nor is its parent",
     .looks = {with({{100, 50}, {101, 50}, {102, 101}})},
     .members = {100}},
    {.name = "children of a process that is hidden are not found",
     .looks = {with({{100, 50}, {102, 101}})},
     .members = {100}},

    // Sessions.
    {.name = "an orphan in a session that the root made",
     .looks = {with({{100, 50, 100, 100}, {102, 1, 102, 100}})},
     .members = {100, 102}},
    {.name = "an orphan in a session that a child made, and what it started",
     .looks = {with({{100, 50}, {101, 100, 101, 101}, {103, 1, 103, 101}, {104, 103, 104, 104}})},
     .members = {100, 101, 103, 104}},
    {.name = "an orphan in the session that the root is in, but did not make",
     .looks = {with({{100, 50}, {102, 1}})},
     .members = {100}},
    {.name = "a process of the session whose parent is a subreaper",
     .looks = {with({{60, 50}, {100, 60, 100, 100}, {102, 60, 102, 100}})},
     .members = {100, 102}},
    {.name = "a session of that number that is older than the process that has it now",
     .looks = {with({{100, 50, 100, 100, 1000}, {102, 1, 102, 100, 900}})},
     .members = {100}},

    // Groups.
    {.name = "an orphan in the group that the root leads",
     .looks = {with({{100, 50, 100}, {102, 1, 100}})},
     .members = {100, 102}},
    {.name = "an orphan that was given to an ancestor of the root's parent",
     .looks = {with({{60, 50}, {70, 60}, {100, 70, 100}, {102, 60, 100}})},
     .members = {100, 102}},
    {.name = "a pipeline: the shell put siblings of the root into its group",
     .looks = {with({{100, 50, 100}, {102, 50, 100}})},
     .members = {100}},
    {.name = "a pipeline, and an orphan that could be anybody's",
     .looks = {with({{100, 50, 100}, {102, 50, 100}, {103, 1, 100}})},
     .members = {100}},
    {.name = "a process in the group whose parent is a stranger",
     .looks = {with({{80, 50}, {100, 50, 100}, {102, 80, 100}, {103, 1, 100}})},
     .members = {100}},
    {.name = "an orphan whose reaper is the leader's own parent",
     .looks = {with({{100, 1, 100}, {102, 1, 100}})},
     .members = {100}},
    {.name = "an orphan in a group that no member leads",
     .looks = {with({{100, 50, 90}, {102, 1, 90}})},
     .members = {100}},
    {.name = "an orphan in the group of a child",
     .looks = {with({{100, 50}, {101, 100, 101}, {102, 1, 101}})},
     .members = {100, 101, 102}},

    // Ids that are used again.
    {.name = "a reused id: an older process is no child of who has the id of its parent now",
     .looks = {with({{100, 50, 0, 0, 1000}, {102, 100, 0, 0, 900}})},
     .members = {100}},
    {.name = "the id of a member is given to a process whose children are its own",
     .looks = {with({{100, 50}, {101, 100}}),
               with({{100, 50}, {101, 50, 0, 0, 2000}, {102, 101, 0, 0, 2001}})},
     .members = {100, 101}},
    {.name = "a child that a member left before its id was given away",
     .looks = {with({{100, 50}, {101, 100}}),
               with({{100, 50}, {101, 50, 0, 0, 2000}, {102, 101, 0, 0, 1500}})},
     .members = {100, 101, 102}},
    {.name = "the id of a member is given to a new member",
     .looks = {with({{100, 50}, {101, 100}}),
               with({{100, 50}, {101, 100, 0, 0, 2000}, {102, 101, 0, 0, 2001}})},
     .members = {100, 101, 101, 102}},
    {.name = "another identity, and the member of that id is left: it is that process",
     .looks = {with({{100, 50}, {101, 100}}), with({{100, 50}, {101, 100, 0, 0, 1000, 7}})},
     .members = {100, 101}},

    // Looks.
    {.name = "a child that is there at the second look",
     .looks = {with({{100, 50}}), with({{100, 50}, {101, 100}})},
     .members = {100, 101}},
    {.name = "what a member started before it ended",
     .looks = {with({{100, 50}, {101, 100}}), with({{100, 50}, {102, 101}})},
     .members = {100, 101, 102}},
    {.name = "a child that is gone when it is looked at closely",
     .looks = {with({{100, 50}, {101, 100}, {102, 101}, {103, 100}})},
     .members = {100, 103},
     .ended = {101}},

    // Spared.
    {.name = "a spared child, and what it started",
     .looks = {with({{100, 50}, {101, 100}, {102, 101}, {103, 102}, {104, 100}})},
     .members = {100, 104},
     .spared = {101}},
    {.name = "what a spared process starts later",
     .looks = {with({{100, 50}, {101, 100}}), with({{100, 50}, {101, 100}, {102, 101}})},
     .members = {100},
     .spared = {101}},
    {.name = "a spared process in a session that the root made",
     .looks = {with({{100, 50, 100, 100}, {102, 1, 102, 100}, {103, 1, 103, 100}})},
     .members = {100, 103},
     .spared = {102}},
};

}  // namespace

TEST_CASE("the members of a tree are found by parents, sessions and groups") {
    for (const situation& each : situations) {
        CAPTURE(each.name);
        CHECK(members_of(each).first == each.members);
    }
}

TEST_CASE("a look that shows nothing new finds nothing") {
    for (situation each : situations) {
        if (each.ended.empty()) {
            CAPTURE(each.name);
            each.looks.push_back(each.looks.back());
            CHECK_FALSE(members_of(each).second);
        }
    }
}

TEST_CASE("one that ended before it was looked at may have started another: it counts as found") {
    const situation ending{.name = "",
                           .looks = {with({{100, 50}, {101, 100}})},
                           .members = {},
                           .spared = {},
                           .ended = {101}};
    CHECK(members_of(ending) == std::pair(std::vector<std::int64_t>{100}, true));
}

TEST_CASE("a reaped child's session is proven by who was there while the child had its id") {
    const detail::process_entries entries =
        entries_of(with({{102, 1, 102, 100, 1500}, {103, 1, 103, 101, 1000}}));
    CHECK(detail::has_session_since(entries, 100, 1500));
    CHECK_FALSE(detail::has_session_since(entries, 100, 1499));
    CHECK_FALSE(detail::has_session_since(entries, 104, 2000));
}

TEST_CASE("reapers are found where ids that were used again go in a circle") {
    const detail::process_entries entries = entries_of({{60, 70}, {70, 60}, {100, 60}});
    detail::tree_members<member> members({});
    const std::vector<std::int64_t> ended;
    members.add_root(entries, {*detail::find_entry(entries, 100), &ended});
    CHECK(members.size() == 1);
}

TEST_CASE("descendants are children, or all, parents first") {
    using detail::generations;
    const detail::process_entries entries =
        entries_of(with({{100, 50}, {101, 100}, {102, 101}, {103, 100}, {104, 100, 0, 0, 900}}));
    const auto ids = [&](std::int64_t root, generations which) {
        std::vector<std::int64_t> result;
        for (const std::size_t i :
             detail::find_descendants(entries, *detail::find_entry(entries, root), which)) {
            result.push_back(entries[i].pid);
        }
        return result;
    };
    CHECK(ids(100, generations::one) == std::vector<std::int64_t>{101, 103});
    CHECK(ids(100, generations::all) == std::vector<std::int64_t>{101, 103, 102});
    CHECK(ids(102, generations::all).empty());
    CHECK(ids(1, generations::all) == std::vector<std::int64_t>{50, 100, 101, 103, 102});
}
