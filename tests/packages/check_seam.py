# SPDX-License-Identifier: MIT
"""check_seam.py SOURCES RULE...: the seam to the operating system, include/skyutil/detail/os/.

backends  Each backend that a contract, detail/os/TOPIC.hpp, can choose defines every function and member that the
          contract declares, and in namespace detail::os no other; what the contract leaves to the types of a
          backend, each backend has. What it needs of another topic it has from that contract. A system is told
          apart in the contracts alone.
above     Above detail/os/ nothing is known of a system: no type, number, path or macro of one, and no backend.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import Iterator, NamedTuple

sys.dont_write_bytecode = True

from declarations import (  # noqa: E402
    Headers,
    apply_rules,
    blank,
    declarations_of,
    includes_of,
    members_of,
)

SEAM = "skyutil/detail/os/"
NAMESPACE = ("skyutil", "detail", "os")

# Which system it is.
OF_SYSTEMS = r"__linux__|__linux|linux|__ANDROID__|_WIN(?:32|64)|__CYGWIN__|__APPLE__|__MACH__|__unix__|__\w+BSD__|SKYUTIL_OS_UNSUPPORTED"
VERSIONED_NAMESPACE = "skyutil/version.hpp"  # names it after the system

# What of a system stands in code, and in the text of literals.
KNOWN = {
    "code": (
        r"\b[pug]id_t\b",
        r"\b(?:mode|off|dev|ino|ssize|socklen|nfds)_t\b",
        r"\bint\s+(?:\w+_)?(?:fds?|descriptors?)_?\b",
        r"\bunsigned\s+long\b",
        r"\bSIG[A-Z]+\b",
        r"\bO_[A-Z]+\b",
        r"\berrno\b",
        r"\benviron\b",
        r"\bpollfd\b",
    ),
    "text": (r"/(?:proc|sys|dev|bin)(?![\w.])",),
}


def code_and_text_of(source: str) -> tuple[str, str]:
    """A source without its comments: once with blank literals, once with nothing else but them."""
    code, text, end = [], [], 0
    for found in re.finditer(
        r'//[^\n]*|/\*.*?\*/|\bR"(?P<end>[^(\s]*)\(.*?\)(?P=end)"|"(?:\\.|[^"\\\n])*"|'
        r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
        source,
        flags=re.DOTALL,
    ):
        before = source[end : found.start()]
        comment = found[0].startswith("/")
        code += [before, blank(found[0])]
        text += [blank(before), blank(found[0]) if comment else found[0]]
        end = found.end()
    code.append(source[end:])
    text.append(blank(source[end:]))
    return "".join(code), "".join(text)


def is_contract(name: str) -> bool:
    return name.startswith(SEAM) and name.count("/") == SEAM.count("/")


def is_backend(name: str) -> bool:
    return name.startswith(SEAM) and not is_contract(name)


def conditions_on_systems(source: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(code_and_text_of(source)[0].splitlines(), 1):
        if re.match(r"\s*#\s*(?:el)?if", line) and re.search(rf"\b(?:{OF_SYSTEMS})\b", line):
            yield number, line.strip()


def above(headers: Headers) -> Iterator[str]:
    for name, source in headers.items():
        if name.startswith(SEAM):
            continue
        code, text = code_and_text_of(source)
        for where, lines in (("code", code.splitlines()), ("text", text.splitlines())):
            for number, line in enumerate(lines, 1):
                for pattern in KNOWN[where]:
                    for found in re.finditer(pattern, line):
                        if not line.lstrip().startswith("#"):
                            yield f"{name}:{number}: {found[0]} is of the system"
        if name != VERSIONED_NAMESPACE:
            for number, line in conditions_on_systems(source):
                yield f"{name}:{number}: {line} tells systems apart"
        for number, included in includes_of(source):
            if is_backend(included):
                yield f"{name}:{number}: <{included}> is a backend; its contract is to be included"


class Chosen(NamedTuple):
    """What a contract includes for one system."""

    condition: str
    files: list[str]


def chosen_by(contract: str) -> list[Chosen]:
    """For each condition on a system, in all groups that have it, the backends that it chooses."""
    files: dict[str, list[str]] = {}
    conditions: list[str] = []
    for line in contract.splitlines():
        directive = re.match(r"\s*#\s*(\w+)\s*(.*)", line)
        word = directive[1] if directive else ""
        if word in ("if", "ifdef", "ifndef"):
            conditions.append(directive[2])
        elif word in ("elif", "else") and conditions:
            conditions[-1] = directive[2] or "else"
        elif word == "endif" and conditions:
            conditions.pop()
        elif word == "include" and conditions:
            files.setdefault(conditions[-1], []).extend(name for _, name in includes_of(line))
    return [Chosen(condition, names) for condition, names in files.items()]


def with_their_own(headers: Headers, files: list[str], of_others: set[str]) -> list[str]:
    """Those headers and the backends that they include, but not those of others."""
    found: list[str] = []
    todo = list(files)
    while todo:
        name = todo.pop(0)
        if name in headers and name not in found:
            found.append(name)
            todo += [
                name
                for _, name in includes_of(headers[name])
                if is_backend(name) and name not in of_others
            ]
    return found


def functions_of(source: str, defined: bool) -> Counter[str]:
    """How many functions of each name namespace detail::os declares, or defines; members as class::name."""
    found = [each for each in declarations_of(source) if each.kind == "function"]
    if not defined:
        found += members_of(source)
    return Counter(
        f"{each.member_of}::{each.name}" if each.member_of else each.name
        for each in found
        if each.namespace == NAMESPACE and each.defined == defined
    )


def others_of(source: str) -> set[str]:
    """The types, constants and other names that namespace detail::os has."""
    return {
        each.name
        for each in declarations_of(source)
        if each.namespace == NAMESPACE and each.kind not in ("function", "forward")
    }


def backends(headers: Headers) -> Iterator[str]:
    contracts = {name: text for name, text in headers.items() if is_contract(name)}
    declared_anywhere: set[str] = set()
    for text in contracts.values():
        declared_anywhere |= set(functions_of(text, defined=False))
        declared_anywhere |= set(functions_of(text, defined=True))
    chosen = {
        file: name
        for name, text in contracts.items()
        for system in chosen_by(text)
        for file in system.files
    }
    reached: set[str] = set()
    for name, text in contracts.items():
        declared = functions_of(text, defined=False)
        systems = chosen_by(text)
        if declared and len(systems) < 2:
            yield f"{name}: chooses no backend"
        others: dict[str, set[str]] = {}
        for condition, files in systems:
            of_others = {file for file in chosen if chosen[file] != name}
            own = with_their_own(headers, files, of_others)
            reached |= set(own)
            for file in files:
                if file not in headers:
                    yield f"{name}: <{file}> is not there"
            defined: Counter[str] = Counter()
            others[condition] = set()
            for file in own:
                defined += functions_of(headers[file], defined=True)
                others[condition] |= others_of(headers[file])
            for function in sorted(declared):
                missing = declared[function] - defined[function]
                if missing > 0:
                    yield f"{files[-1]}: {function} is declared in {name} and not defined"
                elif missing < 0:
                    yield f"{files[-1]}: {function} is defined more often than declared in {name}"
        for condition, names in others.items():
            for other, wanted in others.items():
                for missing_name in sorted(wanted - names):
                    yield f"{name}: of the systems with `{condition}` no backend has {missing_name}, with `{other}` one has"
    for name, text in headers.items():
        if is_backend(name):
            if name not in reached:
                yield f"{name}: no contract chooses it"
            for function in sorted(
                set(functions_of(text, defined=True) + functions_of(text, defined=False))
                - declared_anywhere
            ):
                yield f"{name}: {function} is in no contract; what a backend has for itself is in namespace sys"
            for number, line in conditions_on_systems(text):
                yield f"{name}:{number}: {line} tells systems apart"
            for number, included in includes_of(text):
                if included in chosen and chosen.get(name, chosen[included]) != chosen[included]:
                    yield f"{name}:{number}: <{included}> is for <{chosen[included]}>, which is to be included"


RULES = {rule.__name__: rule for rule in (backends, above)}


if __name__ == "__main__":
    sys.exit(apply_rules(RULES, *sys.argv[1:]))
