# SPDX-License-Identifier: MIT
#
# check_module.py SOURCES: modules/skyutil.cppm exports every public name of core, and no other.

import re
import sys
from pathlib import Path

sources = Path(sys.argv[1])
not_core = {"hash.hpp", "hash_openssl.hpp", "asio.hpp", "skyutil.hpp"}


def names_of(text):
    """What the namespace skyutil declares: names at the start of a line, the style of the sources."""
    names = set()
    namespaces = []
    for line in text.splitlines():
        if line.startswith("namespace "):
            namespaces.append(line)
        elif line.startswith("}  // namespace"):
            namespaces.pop()
        elif namespaces == ["namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {"]:
            line = re.sub(r"^((template <.*>|\[\[\w+\]\]|inline|constexpr) )+", "", line)
            name = re.match(r"(?:class|struct|enum class|concept|using) (?:\[\[\w+\]\] )?(\w+)|"  # types
                            r"(?:[\w:]+(?:<.*?>)?[&*]? )+(\w+)(?:\(| = )", line)  # functions, constants
            if name and not line.startswith((" ", "}", "#", "return")):
                names.add(name[1] or name[2])
    return names


def headers_of(names):
    """Those headers and what they include, machinery that defines public types."""
    headers, todo = set(), list(names)
    while todo:
        header = todo.pop()
        if header not in headers:
            headers.add(header)
            todo += re.findall(r"^#include <(skyutil/.*)>", (sources / "include" / header).read_text(), re.MULTILINE)
    return headers


module = (sources / "modules/skyutil.cppm").read_text()
public = {f"skyutil/{header.name}" for header in (sources / "include/skyutil").glob("*.hpp")
          if header.name not in not_core}
included = set(re.findall(r"^#include <(skyutil/.*)>", module, re.MULTILINE))
assert included == public, included ^ public

exported = set(re.findall(r"^using skyutil::(\w+);$", module, re.MULTILINE))
declared = set().union(*(names_of((sources / "include" / header).read_text()) for header in headers_of(public)))
assert len(declared) > 50, declared
assert exported == declared, f"not exported: {declared - exported}, not declared: {exported - declared}"
