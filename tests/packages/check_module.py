# SPDX-License-Identifier: MIT
#
# check_module.py SOURCES: modules/skyutil.cppm exports every public name of core, and no other.

import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from declarations import declarations_of, headers_in, includes_of

sources = Path(sys.argv[1])
not_core = {
    "skyutil/hash.hpp",
    "skyutil/hash_openssl.hpp",
    "skyutil/asio.hpp",
    "skyutil/skyutil.hpp",
}
headers = headers_in(sources / "include")


def names_of(text):
    """What the namespace skyutil declares: no members, and no operators, which come with their types."""
    return {
        found.name
        for found in declarations_of(text)
        if found.namespace == ("skyutil",)
        and found.member_of is None
        and found.name.isidentifier()
        and not found.name.startswith("operator")
    }


def headers_of(names):
    """Those headers and what they include."""
    found, todo = set(), list(names)
    while todo:
        header = todo.pop()
        if header not in found:
            found.add(header)
            todo += [
                included for _, included in includes_of(headers[header]) if included in headers
            ]
    return found


module = (sources / "modules/skyutil.cppm").read_text()
public = {header for header in headers if header.count("/") == 1} - not_core
included = {header for _, header in includes_of(module) if header.startswith("skyutil/")}
assert included == public, included ^ public

exported = set(re.findall(r"^using skyutil::(\w+);$", module, re.MULTILINE))
declared = set().union(*(names_of(headers[header]) for header in headers_of(public)))
assert len(declared) > 50, declared
assert (
    exported == declared
), f"not exported: {declared - exported}, not declared: {exported - declared}"
