// SPDX-License-Identifier: MIT
//
// detail/system/impl.hpp: the bodies of system.hpp. Included at its end.

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/os/resources.hpp>
#include <skyutil/detail/system/cpu_count.hpp>
#include <skyutil/detail/system/cpu_rule.hpp>
#include <skyutil/detail/system/kept_limits.hpp>
#include <skyutil/detail/system/memory_size.hpp>
#include <skyutil/detail/system/metrics.hpp>
#include <skyutil/detail/system/override.hpp>
#include <skyutil/detail/system/read_resources.hpp>
#include <skyutil/detail/system/resource_tables.hpp>
#include <skyutil/detail/system/resource_text.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

constexpr std::string_view to_string(limit_kind kind) noexcept {
    switch (kind) {
        case limit_kind::none:
            return "none";
        case limit_kind::machine:
            return "machine";
        case limit_kind::affinity:
            return "affinity mask";
        case limit_kind::cpuset:
            return "cpuset";
        case limit_kind::quota:
            return "CPU quota";
        case limit_kind::memory_limit:
            return "memory limit";
        case limit_kind::override_value:
            return "override";
        default:
            return "unknown";
    }
}

inline int cpu_budget::usable(rounding mode) const noexcept {
    const double exact =
        override_value ? *override_value : detail::lowest_cpus(online, affinity, cpuset, quota);
    return detail::whole_cpus(mode == rounding::floor  ? std::floor(exact)
                              : mode == rounding::ceil ? std::ceil(exact)
                                                       : std::floor(exact + 0.5));
}

inline limit_source cpu_budget::limiting_factor() const {
    if (override_value) {
        return {limit_kind::override_value, override_variable};
    }
    const double least = detail::lowest_cpus(online, affinity, cpuset, quota);
    if (online == least) {
        return {limit_kind::machine, online_source()};
    }
    if (quota == least) {
        return {limit_kind::quota, quota_file};
    }
    if (cpuset == least) {
        return {limit_kind::cpuset, cpuset_file};
    }
    if (affinity == least) {
        return {limit_kind::affinity, affinity_source()};
    }
    return {};
}

inline std::string cpu_budget::online_source() const {
    return online_file.empty() ? detail::os::online_name() : online_file;
}

inline std::string cpu_budget::affinity_source() const {
    return affinity_file.empty() ? detail::os::affinity_name() : affinity_file;
}

namespace detail {

/// Returns the number without its fraction, or the highest where it is too large.
inline std::uint64_t whole_bytes(double bytes) noexcept {
    return bytes < 18446744073709551616.0 ? static_cast<std::uint64_t>(bytes)
                                          : (std::numeric_limits<std::uint64_t>::max)();
}

/// Returns the lowest of the numbers that are known, 0 where none is.
inline std::uint64_t lowest_bytes(
    std::initializer_list<std::optional<std::uint64_t>> numbers) noexcept {
    std::optional<std::uint64_t> least;
    for (const std::optional<std::uint64_t>& number : numbers) {
        if (number && (!least || *number < *least)) {
            least = number;
        }
    }
    return least.value_or(0);
}

}  // namespace detail

inline std::uint64_t memory_budget::usable() const noexcept {
    return override_value ? detail::whole_bytes(*override_value)
                          : detail::lowest_bytes({physical, limit});
}

inline std::uint64_t memory_budget::available() const noexcept {
    const std::optional<std::uint64_t> machine = machine_available ? machine_available : physical;
    if (override_value) {
        const std::uint64_t taken = usage.value_or(0) - reclaimable.value_or(0);
        return detail::lowest_bytes(
            {machine, usable() - (std::min)(usable(), taken), process_available});
    }
    return detail::lowest_bytes({machine, limit, group_available, process_available});
}

inline limit_source memory_budget::limiting_factor() const {
    if (override_value) {
        return {limit_kind::override_value, override_variable};
    }
    if (limit && (!physical || *limit <= *physical)) {
        return {limit_kind::memory_limit, limit_file};
    }
    return physical ? limit_source{limit_kind::machine, physical_file} : limit_source{};
}

inline int get_cpu_count(std::error_code& error) { return detail::cpu_count(error); }

inline int get_cpu_count() { return detail::cpu_count(); }

inline double get_mem_size_gb(std::error_code& error) { return detail::mem_size_gb(error); }

inline double get_mem_size_gb() { return detail::mem_size_gb(); }

inline cpu_budget get_cpu_budget(const sysroot& root, std::error_code& error) {
    const detail::override_setting setting(detail::cpu_overrides);
    error = setting.error();
    cpu_budget budget = detail::read_cpu_budget(detail::limits_of(root));
    if (setting.value) {
        budget.override_value = setting.value;
        budget.override_variable = setting.name;
    }
    return budget;
}

inline cpu_budget get_cpu_budget(const sysroot& root) {
    detail::override_setting(detail::cpu_overrides).throw_if_malformed("skyutil::get_cpu_budget");
    std::error_code error;
    return get_cpu_budget(root, error);
}

inline memory_budget get_memory_budget(const sysroot& root, std::error_code& error) {
    const detail::override_setting setting(detail::memory_overrides);
    error = setting.error();
    memory_budget budget = detail::read_memory_budget(detail::limits_of(root));
    if (setting.value) {
        budget.override_value = setting.value;
        budget.override_variable = setting.name;
    }
    return budget;
}

inline memory_budget get_memory_budget(const sysroot& root) {
    detail::override_setting(detail::memory_overrides)
        .throw_if_malformed("skyutil::get_memory_budget");
    std::error_code error;
    return get_memory_budget(root, error);
}

inline pressure get_pressure(const sysroot& root) {
    return detail::read_pressure(detail::limits_of(root));
}

inline fd_limits get_fd_limits(std::error_code& error) {
    error.clear();
    return detail::read_fd_limits({}, error);
}

inline fd_limits get_fd_limits() {
    return detail::or_throw([&](std::error_code& error) { return get_fd_limits(error); },
                            "skyutil::get_fd_limits: cannot read ",
                            detail::os::limit_name(detail::os::resource::descriptors));
}

inline fd_limits raise_fd_limit(std::uint64_t most, std::error_code& error) {
    fd_limits limits = get_fd_limits(error);
    const std::uint64_t wanted = (std::min)(most, limits.hard.value_or(most));
    if (error || !limits.soft || *limits.soft >= wanted) {
        return limits;
    }
    std::optional<std::uint64_t> soft = wanted;
    if (wanted == (std::numeric_limits<std::uint64_t>::max)()) {
        soft.reset();
    }
    detail::os::set_limit(detail::os::resource::descriptors, {soft, limits.hard}, error);
    if (!error) {
        limits.soft = soft;
    }
    return limits;
}

inline fd_limits raise_fd_limit(std::error_code& error) {
    return raise_fd_limit((std::numeric_limits<std::uint64_t>::max)(), error);
}

inline fd_limits raise_fd_limit(std::uint64_t most) {
    return detail::or_throw([&](std::error_code& error) { return raise_fd_limit(most, error); },
                            "skyutil::raise_fd_limit: cannot set ",
                            detail::os::limit_name(detail::os::resource::descriptors));
}

inline std::size_t open_fd_count(std::error_code& error) {
    error.clear();
    return detail::os::count_open_descriptors({}, error);
}

inline std::size_t open_fd_count() {
    return detail::or_throw([&](std::error_code& error) { return open_fd_count(error); },
                            "skyutil::open_fd_count: cannot list ",
                            detail::os::open_descriptors_name());
}

inline std::string describe_resources(description_form form, const sysroot& root,
                                      std::error_code& error) {
    std::error_code of_memory;
    std::error_code ignored;
    std::error_code uncounted;
    const detail::os::limits_source source = detail::limits_of(root);
    const std::size_t counted = detail::os::count_open_descriptors(source, uncounted);
    const auto open = uncounted ? std::nullopt : std::optional<std::size_t>(counted);
    const cpu_budget cpus = get_cpu_budget(root, error);
    const memory_budget memory = get_memory_budget(root, of_memory);
    const pressure stalls = detail::read_pressure(source);
    const fd_limits descriptors = detail::read_fd_limits(source, ignored);
    error = error ? error : of_memory;
    const std::array<detail::resource_table, 4> tables{
        detail::describe(cpus),
        detail::describe(memory),
        detail::describe(stalls),
        detail::describe(descriptors, open),
    };

    if (form == description_form::openmetrics) {
        detail::metrics_page page;
        const auto add = [&](const char* name, const char* help, auto value,
                             const limit_source& factor) {
            page.add(name, help,
                     detail::metric_label("limited_by", to_string(factor.kind)) + "," +
                         detail::metric_label("source", factor.file),
                     detail::integer_text(value));
        };
        page.add("build_info", "The version of skyutil", detail::metric_label("version", version),
                 "1");
        add("cpus_usable", "CPUs that this process may use, rounded down", cpus.usable(),
            cpus.limiting_factor());
        if (memory.limiting_factor().kind != limit_kind::none) {
            add("memory_usable_bytes", "Memory that this process may use", memory.usable(),
                memory.limiting_factor());
            add("memory_available_bytes", "Memory that it can still take now", memory.available(),
                memory.limiting_factor());
        }
        for (const detail::resource_table& table : tables) {
            page.add(table);
        }
        return page.text();
    }
    if (form == description_form::json) {
        detail::json_object object;
        object.add("version", detail::json_string(version));
        for (const detail::resource_table& table : tables) {
            if (!table.rows.empty()) {
                object.add(table.key, detail::to_json(table));
            }
        }
        return object.text();
    }
    std::string page = "skyutil " + std::string(version) + ": what this process may use\n";
    for (const detail::resource_table& table : tables) {
        if (!table.rows.empty()) {
            page += "\n";
            detail::append_text(page, table);
        }
    }
    return page;
}

inline std::string describe_resources(description_form form, const sysroot& root) {
    detail::override_setting(detail::cpu_overrides)
        .throw_if_malformed("skyutil::describe_resources");
    detail::override_setting(detail::memory_overrides)
        .throw_if_malformed("skyutil::describe_resources");
    std::error_code error;
    return describe_resources(form, root, error);
}

inline resource_monitor::resource_monitor(const sysroot& root, std::chrono::milliseconds max_age)
    : source_(detail::limits_of(root)),
      max_age_(
          static_cast<std::uint64_t>((std::max)(max_age.count(), decltype(max_age.count()){0}))) {
    const detail::override_setting cpus(detail::cpu_overrides);
    cpus.throw_if_malformed("skyutil::resource_monitor");
    const detail::override_setting memory(detail::memory_overrides);
    memory.throw_if_malformed("skyutil::resource_monitor");
    cpu_override_ = cpus.value;
    memory_override_ = memory.value;
}

inline int resource_monitor::cpu_count() {
    if (cpu_override_) {
        return detail::count_cpus(cpu_override_, {}, source_);
    }
    return detail::count_cpus(
        {}, cpus_.get(max_age_, [this] { return source_.read_cpus(); }, std::identity()), source_);
}

inline double resource_monitor::mem_size_gb() {
    const double bytes =
        memory_override_
            ? *memory_override_
            : static_cast<double>(
                  memory_.get(max_age_, [this] { return source_.read_memory(); }, std::identity()));
    return bytes / detail::bytes_per_gib;
}

inline resource_sample resource_monitor::sample() {
    const detail::os::reading<detail::os::limits_sample> found = source_.sample();
    resource_sample now;
    if (last_ && !found.complete) {
        now = *last_;
    } else {
        now.cpus = detail::count_cpus(cpu_override_, found.value.cpus, source_);
        now.memory = memory_override_ ? detail::whole_bytes(*memory_override_) : found.value.memory;
        now.memory_usage = found.value.memory_usage;
        now.throttled = detail::to_throttling(found.value.throttled);
    }
    const std::optional<resource_sample> before = std::exchange(last_, now);
    if (on_change_ && before && (before->cpus != now.cpus || before->memory != now.memory)) {
        on_change_(*before, now);
    }
    return now;
}

inline void resource_monitor::on_change(
    std::function<void(const resource_sample&, const resource_sample&)> callback) {
    on_change_ = std::move(callback);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
