// SPDX-License-Identifier: MIT
//
// detail/system/resource_tables.hpp: the tables of which describe_resources() makes its page.
// Included at the end of skyutil/system.hpp.

#pragma once

#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/os/resources.hpp>
#include <skyutil/detail/system/metrics.hpp>
#include <skyutil/detail/system/resource_text.hpp>
#include <skyutil/detail/text/integer_text.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

inline std::string limit_json(const limit_source& source) {
    return json_object()
        .add("kind", json_string(to_string(source.kind)))
        .add("source", json_string(source.file))
        .text();
}

inline std::string seconds_text(std::chrono::microseconds time) {
    return number_text(static_cast<double>(time.count()) / 1e6);
}

inline std::string limit_text(std::string total, const limit_source& source) {
    if (source.kind != limit_kind::none) {
        total.append(", limited by the ").append(to_string(source.kind));
    }
    return total;
}

enum class row_kind { common, rare };

/// A count or a size, if it is known.
struct row_number {
    template <class T>
    row_number(const std::optional<T>& number) {  // NOLINT(*-explicit-*) as numbers are passed
        if (number) {
            value = static_cast<double>(*number);
            if constexpr (std::is_integral_v<T>) {
                json = integer_text(*number);
            } else {
                json = number_text(*number);
            }
        }
    }

    [[nodiscard]] bool known() const noexcept { return !json.empty(); }

    double value = 0;
    std::string json;
};

/// Returns a row; `show` is short_number or bytes_text.
inline resource_row make_row(std::string_view name, std::string_view key, const row_number& number,
                             std::string_view source, std::string (*show)(double), bool decides,
                             row_kind kind = row_kind::common) {
    return {name,
            key,
            number.known() ? show(number.value) : std::string(),
            number.json,
            std::string(source),
            decides && number.known(),
            kind == row_kind::rare};
}

inline resource_table describe(const cpu_budget& budget) {
    const limit_source factor = budget.limiting_factor();
    const std::string usable = integer_text(budget.usable());
    resource_table table{"CPUs", "cpus", limit_text(usable, factor), {}, {}};
    table.members.add("usable", usable).add("limited_by", limit_json(factor));
    const auto add = [&](std::string_view name, std::string_view key, const row_number& number,
                         std::string_view source, limit_kind decides,
                         row_kind kind = row_kind::common) {
        table.rows.push_back(
            make_row(name, key, number, source, short_number, factor.kind == decides, kind));
    };
    add("override", "override", budget.override_value, budget.override_variable,
        limit_kind::override_value, row_kind::rare);
    add("machine", "online", budget.online, budget.online_source(), limit_kind::machine);
    add("affinity mask", "affinity", budget.affinity, budget.affinity_source(),
        limit_kind::affinity);
    add("cpuset", "cpuset", budget.cpuset, budget.cpuset_file, limit_kind::cpuset);
    add("CPU quota", "quota", budget.quota, budget.quota_file, limit_kind::quota);
    add("asked for", "request", budget.request, budget.request_file, limit_kind::none,
        row_kind::rare);
    if (const auto& throttled = budget.throttled) {
        const auto microseconds = throttled->throttled_time.count();
        table.rows.push_back(
            {"held back by it",
             "throttled",
             throttled->periods == 0
                 ? std::string()
                 : integer_text(throttled->throttled_periods) + " of " +
                       integer_text(throttled->periods) + " periods, " +
                       short_number(static_cast<double>(microseconds) / 1e6) + " s",
             json_object()
                 .add("periods", integer_text(throttled->periods))
                 .add("throttled_periods", integer_text(throttled->throttled_periods))
                 .add("throttled_us", integer_text(microseconds))
                 .text(),
             budget.throttled_file,
             false,
             true,
             {{"cpu_quota_periods",
               "Periods of the quota in which tasks ran",
               {},
               integer_text(throttled->periods)},
              {"cpu_throttled_periods",
               "Periods in which the quota was used up",
               {},
               integer_text(throttled->throttled_periods)},
              {"cpu_throttled_seconds",
               "How long tasks waited for quota, on all CPUs",
               {},
               seconds_text(throttled->throttled_time)}}});
    }
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
    table.members.add("usable", integer_text(budget.usable()))
        .add("available", integer_text(available))
        .add("limited_by", limit_json(factor));
    const auto add = [&](std::string_view name, std::string_view key, const row_number& number,
                         std::string_view source, limit_kind decides = limit_kind::none,
                         row_kind kind = row_kind::common) {
        table.rows.push_back(make_row(name, key, number, source, bytes_text,
                                      decides != limit_kind::none && factor.kind == decides, kind));
    };
    const auto add_rare = [&](std::string_view name, std::string_view key, const row_number& number,
                              std::string_view source) {
        add(name, key, number, source, limit_kind::none, row_kind::rare);
    };
    add("override", "override", budget.override_value, budget.override_variable,
        limit_kind::override_value, row_kind::rare);
    add("machine", "physical", budget.physical, budget.physical_file, limit_kind::machine);
    add("memory limit", "limit", budget.limit, budget.limit_file, limit_kind::memory_limit);
    add("soft limit", "soft_limit", budget.soft_limit, budget.soft_limit_file);
    add("swap limit", "swap_limit", budget.swap_limit, budget.swap_limit_file);
    add_rare("address space limit", "address_space_limit", budget.address_space_limit,
             os::limit_name(os::resource::address_space));
    add_rare("data limit", "data_limit", budget.data_limit, os::limit_name(os::resource::data));
    add_rare("in use", "usage", budget.usage, budget.usage_file);
    add_rare("of it reclaimable", "reclaimable", budget.reclaimable, budget.reclaimable_file);
    add_rare("left of the limit", "group_available", budget.group_available,
             budget.group_available_file);
    add_rare("left of the machine", "machine_available", budget.machine_available,
             budget.machine_available_file);
    return table;
}

/// Returns a table without rows where the kernel tells nothing.
inline resource_table describe(const pressure& stalls) {
    resource_table table{"Pressure",
                         "pressure_percent",
                         "percent of the last 10, 60 and 300 s in which some waited",
                         {},
                         {}};
    const auto add = [&](std::string_view name, const std::optional<resource_pressure>& stall) {
        if (!stall) {
            return;
        }
        resource_row row{name, name, {}, {}, stall->file};
        json_object value;
        const auto add_kind = [&](const char* kind,
                                  const std::optional<pressure_averages>& averages) {
            if (!averages) {
                return;
            }
            if (row.shown.empty()) {
                row.shown = short_number(averages->avg10) + " " + short_number(averages->avg60) +
                            " " + short_number(averages->avg300);
            }
            value.add(kind, json_object()
                                .add("avg10", number_text(averages->avg10))
                                .add("avg60", number_text(averages->avg60))
                                .add("avg300", number_text(averages->avg300))
                                .add("total_us", integer_text(averages->total.count()))
                                .text());
            const std::string labels =
                metric_label("resource", name) + "," + metric_label("tasks", kind);
            for (const auto& [window, percent] :
                 {std::pair("10s", averages->avg10), std::pair("60s", averages->avg60),
                  std::pair("300s", averages->avg300)}) {
                row.parts.push_back({"pressure_ratio",
                                     "Part of the time in which some or all tasks waited",
                                     labels + "," + metric_label("window", window),
                                     number_text(std::floor(percent * 100 + 0.5) / 1e4)});
            }
            row.parts.push_back({"pressure_waiting_seconds",
                                 "How long some or all tasks have waited", labels,
                                 seconds_text(averages->total)});
        };
        add_kind("some", stall->some);
        add_kind("full", stall->full);
        row.value = value.text();
        table.rows.push_back(std::move(row));
    };
    add("cpu", stalls.cpu);
    add("memory", stalls.memory);
    add("io", stalls.io);
    return table;
}

inline resource_table describe(const fd_limits& limits, const std::optional<std::size_t>& open) {
    const char* const source = os::limit_name(os::resource::descriptors);
    return {
        "Descriptors",
        "descriptors",
        limits.soft ? integer_text(*limits.soft) : "no limit",
        {},
        {make_row("soft limit", "soft", limits.soft, source, short_number, limits.soft.has_value()),
         make_row("hard limit", "hard", limits.hard, source, short_number, false),
         make_row("open", "open", open, os::open_descriptors_name(), short_number, false,
                  row_kind::rare)}};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
