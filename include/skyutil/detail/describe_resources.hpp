// SPDX-License-Identifier: MIT
//
// detail/describe_resources.hpp: what describe_resources() tells; included by system.hpp.

#pragma once

#include <skyutil/detail/resource_text.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace skyutil::inline v0 {

namespace detail {

inline std::string limit_json(const limit_source& source) {
    return json_object()
        .add("kind", json_string(to_string(source.kind)))
        .add("source", json_string(source.file))
        .text();
}

inline std::string limit_text(std::string total, const limit_source& source) {
    if (source.kind != limit_kind::none) {
        total.append(", limited by the ").append(to_string(source.kind));
    }
    return total;
}

enum class row_kind { common, rare };

/// A row for a count or, with bytes_text, a size.
template <class T>
resource_row make_row(std::string_view name, std::string_view key, const std::optional<T>& value,
                      std::string_view source, std::string (*show)(double), bool decides,
                      row_kind kind = row_kind::common) {
    resource_row row{name, key, {}, {}, std::string(source), decides, kind == row_kind::rare};
    if (value) {
        row.shown = show(static_cast<double>(*value));
        if constexpr (std::is_integral_v<T>) {
            row.value = std::to_string(*value);
        } else {
            row.value = number_text(*value);
        }
    }
    return row;
}

inline resource_table describe(const cpu_budget& budget) {
    const limit_source factor = budget.limiting_factor();
    const std::string usable = std::to_string(budget.usable());
    resource_table table{"CPUs", "cpus", limit_text(usable, factor), {}, {}};
    table.members.add("usable", usable).add("limited_by", limit_json(factor));
    const auto add = [&](std::string_view name, std::string_view key, const auto& value,
                         std::string_view source, limit_kind decides,
                         row_kind kind = row_kind::common) {
        table.rows.push_back(make_row(name, key, value, source, short_number,
                                      value && factor.kind == decides, kind));
    };
    add("override", "override", budget.override_, budget.override_variable, limit_kind::override_,
        row_kind::rare);
    add("machine", "online", budget.online, online_file, limit_kind::machine);
    add("affinity mask", "affinity", budget.affinity, "sched_getaffinity(2)", limit_kind::affinity);
    add("cpuset", "cpuset", budget.cpuset, budget.cpuset_file, limit_kind::cpuset);
    add("CPU quota", "quota", budget.quota, budget.quota_file, limit_kind::quota);
    add("asked for", "request", budget.request, budget.request_file, limit_kind::none,
        row_kind::rare);
    return table;
}

inline resource_table describe(const memory_budget& budget) {
    const limit_source factor = budget.limiting_factor();
    const std::uint64_t available = budget.available();
    resource_table table{"Memory",
                         "memory_bytes",
                         limit_text(bytes_text(static_cast<double>(budget.usable())), factor) +
                             "; " + bytes_text(static_cast<double>(available)) + " available now",
                         {},
                         {}};
    table.members.add("usable", std::to_string(budget.usable()))
        .add("available", std::to_string(available))
        .add("limited_by", limit_json(factor));
    const auto add = [&](std::string_view name, std::string_view key, const auto& value,
                         std::string_view source, limit_kind decides = limit_kind::none,
                         row_kind kind = row_kind::common) {
        table.rows.push_back(
            make_row(name, key, value, source, bytes_text,
                     value && decides != limit_kind::none && factor.kind == decides, kind));
    };
    const auto add_rare = [&](std::string_view name, std::string_view key, const auto& value,
                              std::string_view source) {
        add(name, key, value, source, limit_kind::none, row_kind::rare);
    };
    add("override", "override", budget.override_, budget.override_variable, limit_kind::override_,
        row_kind::rare);
    add("machine", "physical", budget.physical, budget.physical_file, limit_kind::machine);
    add("memory limit", "limit", budget.limit, budget.limit_file, limit_kind::memory_limit);
    add("soft limit", "soft_limit", budget.soft_limit, budget.soft_limit_file);
    add("swap limit", "swap_limit", budget.swap_limit, budget.swap_limit_file);
    add_rare("address space limit", "address_space_limit", budget.address_space_limit, "RLIMIT_AS");
    add_rare("data limit", "data_limit", budget.data_limit, "RLIMIT_DATA");
    add_rare("in use", "usage", budget.usage, budget.usage_file);
    add_rare("of it reclaimable", "reclaimable", budget.reclaimable,
             budget.usage_file.substr(0, budget.usage_file.rfind('/')) + "/memory.stat");
    add_rare("left of the limit", "group_available", budget.group_available,
             budget.group_available_file);
    add_rare("left of the machine", "machine_available", budget.machine_available, "/proc/meminfo");
    return table;
}

/// nullopt where the kernel tells nothing.
inline std::optional<resource_table> describe(const pressure& stalls) {
    resource_table table{"Pressure",
                         "pressure_percent",
                         "percent of the last 10, 60 and 300 s in which some waited",
                         {},
                         {}};
    for (const auto& [name, stall] :
         {std::pair("cpu", stalls.cpu), std::pair("memory", stalls.memory),
          std::pair("io", stalls.io)}) {
        if (!stall) {
            continue;
        }
        resource_row row{name, name, {}, {}, stall->file};
        json_object value;
        for (const auto& [kind, averages] :
             {std::pair("some", stall->some), std::pair("full", stall->full)}) {
            if (!averages) {
                continue;
            }
            const std::array numbers{averages->avg10, averages->avg60, averages->avg300};
            if (row.shown.empty()) {
                for (const double number : numbers) {
                    row.shown.append(row.shown.empty() ? "" : " ").append(short_number(number));
                }
            }
            value.add(kind, json_object()
                                .add("avg10", number_text(numbers[0]))
                                .add("avg60", number_text(numbers[1]))
                                .add("avg300", number_text(numbers[2]))
                                .add("total_us", std::to_string(averages->total.count()))
                                .text());
        }
        row.value = value.text();
        table.rows.push_back(std::move(row));
    }
    return table.rows.empty() ? std::nullopt : std::optional(std::move(table));
}

inline resource_table describe(const fd_limits& limits, const std::optional<std::size_t>& open) {
    return {"Descriptors",
            "descriptors",
            limits.soft ? std::to_string(*limits.soft) : "no limit",
            {},
            {make_row("soft limit", "soft", limits.soft, "RLIMIT_NOFILE", short_number,
                      limits.soft.has_value()),
             make_row("hard limit", "hard", limits.hard, "RLIMIT_NOFILE", short_number, false),
             make_row("open", "open", open, "/proc/self/fd", short_number, false, row_kind::rare)}};
}

}  // namespace detail

inline std::string describe_resources(description form, const sysroot& root,
                                      std::error_code& error) {
    std::error_code of_memory;
    std::vector<detail::resource_table> tables{
        detail::describe(get_cpu_budget(root, error)),
        detail::describe(get_memory_budget(root, of_memory)),
    };
    error = error ? error : of_memory;
    if (auto stalls = detail::describe(detail::read_pressure(root))) {
        tables.push_back(std::move(*stalls));
    }
    std::error_code ignored;
    const fd_limits limits = detail::read_fd_limits(root, ignored);
    std::error_code uncounted;
    const std::size_t open = detail::count_open_fds(root, uncounted);
    tables.push_back(
        detail::describe(limits, uncounted ? std::nullopt : std::optional<std::size_t>(open)));

    if (form == description::json) {
        detail::json_object object;
        object.add("version", detail::json_string(version));
        for (const detail::resource_table& table : tables) {
            object.add(table.key, detail::to_json(table));
        }
        return object.text();
    }
    std::string page = "skyutil " + std::string(version) + ": what this process may use\n";
    for (const detail::resource_table& table : tables) {
        page += "\n";
        detail::append_text(page, table);
    }
    return page;
}

inline std::string describe_resources(description form, const sysroot& root) {
    detail::override_setting(detail::cpu_overrides)
        .throw_if_malformed("skyutil::describe_resources");
    detail::override_setting(detail::memory_overrides)
        .throw_if_malformed("skyutil::describe_resources");
    std::error_code error;
    return describe_resources(form, root, error);
}

}  // namespace skyutil::inline v0
