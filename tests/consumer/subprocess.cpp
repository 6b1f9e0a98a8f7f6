// SPDX-License-Identifier: MIT

#include <skyutil/subprocess.hpp>

int main() { return skyutil::run({"echo", "text"}).stdout_text == "text\n" ? 0 : 1; }
