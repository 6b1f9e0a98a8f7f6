// SPDX-License-Identifier: MIT
//
// detail/system/metrics.hpp: writes budgets as metrics that are both OpenMetrics 1.0 and the text
// format of Prometheus. Included at the end of skyutil/system.hpp.

#pragma once

#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/os/resources.hpp>
#include <skyutil/detail/system/resource_text.hpp>
#include <skyutil/detail/text/integer_text.hpp>
#include <skyutil/detail/text/utf8.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// A page of metrics. A metric family is written when its first sample is.
class metrics_page {
public:
    /// Begins a family of gauges; a unit is also the end of the name.
    void begin(std::string_view name, std::string_view unit, std::string_view help) {
        name_ = "skyutil_" + std::string(name);
        head_ = "# TYPE " + name_ + " gauge\n";
        if (!unit.empty()) {
            head_.append("# UNIT ").append(name_).append(" ").append(unit).append("\n");
        }
        head_.append("# HELP ").append(name_).append(" ").append(help).append("\n");
    }

    using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

    template <class T>
    void add(const T& value, labels all) {
        text_.append(std::exchange(head_, {})).append(name_);
        char before = '{';
        for (const auto& [name, text] : all) {
            text_.append(1, std::exchange(before, ',')).append(name).append("=\"");
            append_escaped(text);
            text_ += '"';
        }
        text_.append(before == ',' ? "} " : " ");
        if constexpr (std::is_integral_v<T>) {
            text_ += integer_text(value);
        } else {
            text_ += number_text(value);
        }
        text_ += '\n';
    }

    /// A family with one sample, if there is such a number.
    template <class T>
    void add(std::string_view name, std::string_view unit, std::string_view help,
             const std::optional<T>& value, std::string_view source) {
        if (value) {
            begin(name, unit, help);
            add(*value, {{"source", source}});
        }
    }

    [[nodiscard]] std::string text() && { return std::move(text_.append("# EOF\n")); }

private:
    void append_escaped(std::string_view text) {
        std::string valid;
        append_replacing_invalid(valid, text);
        for (const char c : valid) {
            if (c == '"' || c == '\\') {
                text_ += '\\';
            }
            text_.append(c == '\n' ? std::string_view("\\n") : std::string_view(&c, 1));
        }
    }

    std::string name_;
    std::string head_;
    std::string text_;
};

inline double to_seconds(std::chrono::microseconds time) noexcept {
    return static_cast<double>(time.count()) / 1e6;
}

inline void add_metrics(metrics_page& page, const cpu_budget& cpus) {
    const limit_source factor = cpus.limiting_factor();
    page.begin("cpus_usable", "", "CPUs that this process may use, rounded down.");
    page.add(cpus.usable(), {{"limited_by", to_string(factor.kind)}, {"source", factor.file}});
    page.add("cpus_override", "", "CPUs set in the environment.", cpus.override_value,
             cpus.override_variable);
    page.add("cpus_online", "", "CPUs of the machine that are switched on.", cpus.online,
             cpus.online_source());
    page.add("cpus_affinity", "", "CPUs in the affinity mask.", cpus.affinity,
             cpus.affinity_source());
    page.add("cpus_cpuset", "", "CPUs in the cpuset.", cpus.cpuset, cpus.cpuset_file);
    page.add("cpus_quota", "", "CPUs that the lowest quota allows.", cpus.quota, cpus.quota_file);
    page.add("cpus_request", "", "CPUs that were asked for.", cpus.request, cpus.request_file);
    if (const std::optional<cpu_throttling>& throttled = cpus.throttled) {
        page.add("cpu_quota_periods", "",
                 "Periods of the quota in which tasks ran, since the group was made.",
                 std::optional(throttled->periods), cpus.throttled_file);
        page.add("cpu_throttled_periods", "",
                 "Periods in which the quota was used up, since the group was made.",
                 std::optional(throttled->throttled_periods), cpus.throttled_file);
        page.add("cpu_throttled_seconds", "seconds",
                 "How long tasks waited for quota since the group was made, the sum of all CPUs.",
                 std::optional(to_seconds(throttled->throttled_time)), cpus.throttled_file);
    }
}

inline void add_metrics(metrics_page& page, const memory_budget& memory) {
    const limit_source factor = memory.limiting_factor();
    const auto add = [&](std::string_view name, std::string_view help, const auto& value,
                         std::string_view source) { page.add(name, "bytes", help, value, source); };
    if (factor.kind != limit_kind::none) {
        page.begin("memory_usable_bytes", "bytes", "Memory that this process may use.");
        page.add(memory.usable(),
                 {{"limited_by", to_string(factor.kind)}, {"source", factor.file}});
        page.begin("memory_available_bytes", "bytes", "Memory that it can still take now.");
        page.add(memory.available(), {});
    }
    add("memory_override_bytes", "Memory set in the environment.", memory.override_value,
        memory.override_variable);
    add("memory_physical_bytes", "Memory of the machine.", memory.physical, memory.physical_file);
    add("memory_limit_bytes", "The lowest memory limit.", memory.limit, memory.limit_file);
    add("memory_soft_limit_bytes", "The lowest soft limit.", memory.soft_limit,
        memory.soft_limit_file);
    add("memory_swap_limit_bytes", "Swap that may be used.", memory.swap_limit,
        memory.swap_limit_file);
    add("memory_usage_bytes", "Memory in use, with page cache.", memory.usage, memory.usage_file);
    add("memory_reclaimable_bytes", "The part of it that can be taken back.", memory.reclaimable,
        memory.reclaimable_file);
    add("memory_group_available_bytes", "Memory left below the limits of groups.",
        memory.group_available, memory.group_available_file);
    add("memory_machine_available_bytes", "Memory that the machine has left.",
        memory.machine_available, memory.machine_available_file);
    add("memory_address_space_limit_bytes", "The limit on mapped memory.",
        memory.address_space_limit, os::limit_name(os::resource::address_space));
    add("memory_data_limit_bytes", "The limit on private writable memory.", memory.data_limit,
        os::limit_name(os::resource::data));
}

inline void add_metrics(metrics_page& page, const pressure& stalls) {
    const auto for_each = [&](auto add) {
        const auto add_resource = [&](std::string_view resource,
                                      const std::optional<resource_pressure>& stall) {
            if (stall && stall->some) {
                add(resource, "some", *stall->some, stall->file);
            }
            if (stall && stall->full) {
                add(resource, "full", *stall->full, stall->file);
            }
        };
        add_resource("cpu", stalls.cpu);
        add_resource("memory", stalls.memory);
        add_resource("io", stalls.io);
    };
    page.begin("pressure_ratio", "ratio",
               "The part of the time in which some or all tasks waited for a resource.");
    for_each([&](std::string_view resource, std::string_view tasks, const pressure_averages& of,
                 std::string_view file) {
        const auto add = [&](std::string_view window, double percent) {
            page.add(
                percent / 100,
                {{"resource", resource}, {"tasks", tasks}, {"window", window}, {"source", file}});
        };
        add("10s", of.avg10);
        add("60s", of.avg60);
        add("300s", of.avg300);
    });
    page.begin("pressure_waiting_seconds", "seconds",
               "How long some or all tasks have waited for a resource since the group was made.");
    for_each([&](std::string_view resource, std::string_view tasks, const pressure_averages& of,
                 std::string_view file) {
        page.add(to_seconds(of.total),
                 {{"resource", resource}, {"tasks", tasks}, {"source", file}});
    });
}

inline std::string to_metrics(const cpu_budget& cpus, const memory_budget& memory,
                              const pressure& stalls, const fd_limits& descriptors,
                              const std::optional<std::size_t>& open) {
    metrics_page page;
    page.begin("build_info", "", "The version of skyutil.");
    page.add(1, {{"version", version}});
    add_metrics(page, cpus);
    add_metrics(page, memory);
    add_metrics(page, stalls);
    const char* const source = os::limit_name(os::resource::descriptors);
    page.add("descriptors_soft_limit", "", "Descriptors that may be open.", descriptors.soft,
             source);
    page.add("descriptors_hard_limit", "", "How far that limit may be raised.", descriptors.hard,
             source);
    page.add("descriptors_open", "", "Descriptors that are open.", open,
             os::open_descriptors_name());
    return std::move(page).text();
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
