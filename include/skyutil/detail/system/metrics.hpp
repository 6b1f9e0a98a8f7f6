// SPDX-License-Identifier: MIT
//
// detail/system/metrics.hpp: writes tables of resources as metrics that are both OpenMetrics 1.0
// and the text format of Prometheus.

#pragma once

#include <skyutil/detail/system/resource_text.hpp>
#include <skyutil/detail/text/utf8.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns a label with a value; what is not UTF-8 becomes U+FFFD.
inline std::string metric_label(std::string_view name, std::string_view value) {
    std::string valid;
    append_replacing_invalid(valid, value);
    std::string label = std::string(name) + "=\"";
    for (const char c : valid) {
        label.append(c == '"' || c == '\\' ? 1 : 0, '\\');
        label.append(c == '\n' ? std::string_view("\\n") : std::string_view(&c, 1));
    }
    return label += '"';
}

/// Collects samples by the family they are of, and writes families of gauges. The unit of a family
/// is the end of its name.
class metrics_page {
public:
    void add(const std::string& name, std::string_view help, const std::string& labels,
             std::string_view value) {
        auto found = std::find_if(families_.begin(), families_.end(),
                                  [&](const auto& family) { return family.first == name; });
        if (found == families_.end()) {
            std::string head = "# TYPE skyutil_" + name + " gauge\n";
            for (const std::string_view unit : {"bytes", "seconds", "ratio"}) {
                if (name.ends_with(unit)) {
                    head.append("# UNIT skyutil_" + name + " ").append(unit).append("\n");
                }
            }
            head.append("# HELP skyutil_" + name + " ").append(help).append(".\n");
            found = families_.emplace(families_.end(), name, std::move(head));
        }
        found->second.append("skyutil_" + name + "{" + labels + "} ").append(value).append("\n");
    }

    void add(const resource_table& table) {
        for (const resource_row& row : table.rows) {
            const std::string source = metric_label("source", row.source);
            for (const auto& [name, help, labels, value] : row.parts) {
                std::string all = labels;
                all.append(labels.empty() ? "" : ",").append(source);
                add(name, help, all, value);
            }
            if (row.parts.empty() && !row.shown.empty()) {
                std::string name = std::string(table.key) + "_" + std::string(row.key);
                if (const std::size_t unit = name.find("_bytes"); unit != std::string::npos) {
                    name = name.erase(unit, 6) + "_bytes";
                }
                add(name, std::string(table.name) + ": " + std::string(row.name), source,
                    row.value);
            }
        }
    }

    [[nodiscard]] std::string text() const {
        std::string page;
        for (const auto& family : families_) {
            page += family.second;
        }
        return page + "# EOF\n";
    }

private:
    std::vector<std::pair<std::string, std::string>> families_;  // names and texts
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
