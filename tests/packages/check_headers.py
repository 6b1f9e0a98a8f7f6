# SPDX-License-Identifier: MIT
"""check_headers.py SOURCES RULE...: the layout of the headers in include/skyutil.

public_names    What namespace skyutil declares is declared in include/skyutil/*.hpp, nothing of it in detail/:
                there a public type may be named beforehand, and a public function or member may have its body.
detail_blocks   Nothing of namespace detail is declared in include/skyutil/*.hpp but types named beforehand, on
                one line: namespace detail { class x; }
circles         No header includes itself, directly or through others.
system_headers  Headers of the system are included in detail/os/ alone.
"""

from __future__ import annotations

import sys
from typing import Iterator

sys.dont_write_bytecode = True

from declarations import (  # noqa: E402
    Headers,
    apply_rules,
    declarations_of,
    friends_of,
    includes_of,
)

# Directories of libraries, whose headers end in .h too, and headers of compilers.
THIRD_PARTY = ("boost/", "cryptopp/", "openssl/")
OF_COMPILERS = ("immintrin.h", "arm_neon.h")


def is_public(name: str) -> bool:
    return name.count("/") == 1


def public_names(headers: Headers) -> Iterator[str]:
    types, functions = set(), set()
    for name, text in headers.items():
        if is_public(name):
            functions |= friends_of(text)
            for found in declarations_of(text):
                if found.namespace == ("skyutil",):
                    (functions if found.kind == "function" else types).add(found.name)
    for name, text in headers.items():
        for found in declarations_of(text):
            if is_public(name) or found.namespace != ("skyutil",):
                continue
            if found.member_of is not None:
                allowed = found.member_of in types
            elif found.kind == "function":
                allowed = found.defined and found.name in functions
            else:
                allowed = found.kind == "forward" and found.name in types
            if not allowed:
                yield f"{name}:{found.line}: {found.kind} skyutil::{found.name} is declared below detail"


def detail_blocks(headers: Headers) -> Iterator[str]:
    for name, text in headers.items():
        if is_public(name):
            lines = text.splitlines()
            for found in declarations_of(text):
                if "detail" in found.namespace:
                    block = lines[found.line - 1]
                    if (
                        found.kind != "forward"
                        or not block.startswith("namespace ")
                        or not block.endswith("}")
                    ):
                        yield f"{name}:{found.line}: {found.kind} detail::{found.name} is declared in a public header"


def circles(headers: Headers) -> Iterator[str]:
    done: set[str] = set()

    def visit(path: list[str]) -> Iterator[str]:
        for _, included in includes_of(headers[path[-1]]):
            if included in path:
                yield "a circle: " + " -> ".join([*path[path.index(included) :], included])
            elif included in headers and included not in done:
                yield from visit([*path, included])
        done.add(path[-1])

    for name in headers:
        if name not in done:
            yield from visit([name])


def system_headers(headers: Headers) -> Iterator[str]:
    for name, text in headers.items():
        if not name.startswith("skyutil/detail/os/"):
            for line, included in includes_of(text):
                if (
                    included.endswith(".h")
                    and included not in OF_COMPILERS
                    and not included.startswith(THIRD_PARTY)
                ):
                    yield f"{name}:{line}: <{included}> is of the system, which detail/os/ alone knows"


RULES = {rule.__name__: rule for rule in (public_names, detail_blocks, circles, system_headers)}


if __name__ == "__main__":
    sys.exit(apply_rules(RULES, *sys.argv[1:]))
