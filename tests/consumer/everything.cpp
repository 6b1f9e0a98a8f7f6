// SPDX-License-Identifier: MIT

#include <skyutil/skyutil.hpp>

int main() { return skyutil::get_cpu_count() >= 1 && !skyutil::version.empty() ? 0 : 1; }
