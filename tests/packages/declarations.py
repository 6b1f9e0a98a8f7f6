# SPDX-License-Identifier: MIT
"""What a header declares at namespace scope, and what it includes, without a compiler.

Knows as much of C++ as the headers of this project use: namespaces (those that are inline do not
count), templates and constraints, classes, enums, aliases, concepts, functions, constants. Of
`#if` it takes every branch.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, Optional

Headers = dict[str, str]  # the text of each by its name, "skyutil/files.hpp"
Rule = Callable[[Headers], Iterator[str]]

# What may stand before a declaration and says nothing of its kind.
SPECIFIERS = {
    "inline",
    "constexpr",
    "consteval",
    "constinit",
    "static",
    "extern",
    "thread_local",
    "typename",
    "explicit",
    "virtual",
    "friend",
    "const",
    "volatile",
}
CLASS_KEYS = {"class", "struct", "union", "enum"}
OPENING = {"(": ")", "{": "}", "[": "]"}


class Declaration(NamedTuple):
    namespace: tuple[str, ...]
    kind: str  # "type", "forward" (a type without its body), "alias", "concept", "function", "constant"
    name: str
    member_of: Optional[str]  # of `value class_name::name(...)` the class
    defined: bool
    line: int


class Token(NamedTuple):
    text: str
    line: int


def blank(text: str) -> str:
    """As many characters that mean nothing."""
    return re.sub(r"[^\n]", " ", text)


def tokens_of(source: str) -> list[Token]:
    """The tokens of a source without comments and directives; literals are two quotes."""
    source = re.sub(
        r'//[^\n]*|/\*.*?\*/|\bR"(?P<end>[^(\s]*)\(.*?\)(?P=end)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
        lambda found: blank(found[0]) if found[0].startswith("/") else '""' + blank(found[0])[2:],
        re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "_", source),
        flags=re.DOTALL,
    )
    source = re.sub(
        r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda found: blank(found[0]), source, flags=re.MULTILINE
    )
    tokens, line = [], 1
    for found in re.finditer(r'\n|\w+|""|::|->|&&|\|\||[^\s\w]', source):
        if found[0] == "\n":
            line += 1
        else:
            tokens.append(Token(found[0], line))
    return tokens


class Parser:
    def __init__(self, source: str) -> None:
        self.tokens = tokens_of(source)
        self.at = 0
        self.found: list[Declaration] = []
        self.members: list[Declaration] = []

    def text(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at].text if at < len(self.tokens) else ""

    def take(self, *texts: str) -> bool:
        if self.text() in texts:
            self.at += 1
            return True
        return False

    def skip_brackets(self) -> None:
        """From an opening bracket to behind the one that closes it."""
        depth = 0
        while self.at < len(self.tokens):
            text = self.text()
            self.at += 1
            depth += (text in OPENING) - (text in OPENING.values())
            if depth == 0:
                return

    def skip_angles(self) -> None:
        """From a `<` to behind its `>`."""
        depth = 0
        while self.at < len(self.tokens):
            text = self.text()
            if text in OPENING:
                self.skip_brackets()
                continue
            self.at += 1
            depth += (text == "<") - (text == ">")
            if depth == 0:
                return

    def skip_constraint(self) -> None:
        """What follows `requires`: (...), a concept, requires (...) {...}, joined by && and ||."""
        while True:
            while self.take("!"):
                pass
            if self.take("requires"):
                if self.text() == "(":
                    self.skip_brackets()
                self.skip_brackets()
            elif self.text() == "(":
                self.skip_brackets()
            else:
                self.skip_name()
            if not self.take("&&", "||"):
                return

    def skip_name(self) -> None:
        """a::b<...>::c"""
        self.take("::")
        while True:
            self.at += 1
            if self.text() == "<":
                self.skip_angles()
            if not self.take("::"):
                return

    def skip_to_end(self) -> bool:
        """To behind the end of a declaration; whether that was a body, or says that there is none to come."""
        while self.at < len(self.tokens):
            text = self.text()
            if text == ";":
                self.at += 1
                return self.text(-2) in ("default", "delete")
            if text == "{":
                self.skip_brackets()
                return True
            if text == "requires":
                self.at += 1
                self.skip_constraint()
            elif text == ":":  # initializers of a constructor
                self.at += 1
                while True:
                    self.skip_name()
                    self.skip_brackets()
                    if not self.take(","):
                        break
            elif text in OPENING:
                self.skip_brackets()
            else:
                self.at += 1
        return False

    def skip_attributes(self) -> None:
        while True:
            if self.text() == "[" and self.text(1) == "[":
                self.skip_brackets()
            elif self.text() in ("__attribute__", "alignas", "__declspec"):
                self.at += 1
                self.skip_brackets()
            else:
                return

    def parse(self, namespace: tuple[str, ...] = ()) -> list[Declaration]:
        while self.at < len(self.tokens) and self.text() != "}":
            if self.take(";"):
                continue
            if self.text() == "extern" and self.text(1) == '""':
                self.at += 2
                if self.take("{"):
                    self.parse(namespace)
                    self.at += 1
                continue
            if self.text() == "namespace" or (
                self.text() == "inline" and self.text(1) == "namespace"
            ):
                self.parse_namespace(namespace)
            else:
                self.parse_declaration(namespace)
        return self.found

    def parse_namespace(self, outer: tuple[str, ...]) -> None:
        is_inline = self.take("inline")
        line = self.tokens[self.at].line
        self.at += 1
        self.skip_attributes()
        inner = list(outer)
        while self.text() not in ("{", "=", ""):
            is_inline = self.take("inline") or is_inline
            if not is_inline:
                inner.append(self.text())
            self.at += 1
            is_inline = False
            self.take("::")
        if self.text() == "=":
            self.found.append(Declaration(outer, "alias", inner[-1], None, True, line))
            self.skip_to_end()
            return
        self.at += 1
        self.parse(tuple(inner))
        self.at += 1

    def parse_declaration(self, namespace: tuple[str, ...]) -> None:
        line = self.tokens[self.at].line

        def add(kind: str, name: str, defined: bool, member_of: Optional[str] = None) -> None:
            self.found.append(Declaration(namespace, kind, name, member_of, defined, line))

        while self.take("template"):
            if self.text() == "<":
                self.skip_angles()
            if self.take("requires"):
                self.skip_constraint()
        self.skip_attributes()
        while self.text() in SPECIFIERS:
            self.at += 1
            self.skip_attributes()

        if self.text() in ("static_assert", "asm"):
            self.skip_to_end()
        elif self.take("concept"):
            add("concept", self.text(), True)
            while not self.take(";"):
                self.skip_brackets() if self.text() in OPENING else self.take(self.text())
        elif self.take("using"):
            if not self.take("namespace"):
                name = self.text()
                while not self.take(";"):
                    if self.text() == "=":
                        self.skip_to_semicolon()
                        break
                    if re.fullmatch(r"\w+", self.text()):
                        name = self.text()
                    self.at += 1
                add("alias", name, True)
            else:
                self.skip_to_end()
        elif self.text() in CLASS_KEYS and self.is_type():
            key = self.text()
            self.at += 1
            self.take("class", "struct")
            self.skip_attributes()
            name = member_of = self.text()
            self.at += 1
            if self.text() == "<":
                self.skip_angles()
            nested = False
            while self.take("::"):
                nested, name = True, self.text()
                self.at += 1
            while self.text() not in ("{", ";", ""):  # final, bases, the type of an enum
                self.skip_angles() if self.text() == "<" else self.take(self.text())
            body = self.text() == "{"
            if body and key != "enum":
                self.parse_members(namespace, name)
            self.skip_to_semicolon()
            add("type" if body else "forward", name, body, member_of if nested else None)
        else:
            self.parse_function_or_constant(add)

    def parse_members(self, namespace: tuple[str, ...], class_name: str) -> None:
        """The functions in the body of a class that starts here; of what is nested nothing."""
        start = self.at
        self.skip_brackets()
        inner = Parser("")
        inner.tokens = self.tokens[start + 1 : self.at - 1]
        while inner.at < len(inner.tokens):
            if inner.text() in ("public", "protected", "private") and inner.text(1) == ":":
                inner.at += 2
            elif inner.text() == ";" or inner.text() == "}":
                inner.at += 1
            elif inner.text() == "friend":
                inner.skip_to_end()
            else:
                inner.parse_declaration(namespace)
        self.members += [
            found._replace(member_of=class_name)
            for found in inner.found
            if found.kind == "function" and found.member_of is None
        ]

    def skip_to_semicolon(self) -> None:
        while self.at < len(self.tokens) and not self.take(";"):
            if self.text() in OPENING:
                self.skip_brackets()
            else:
                self.at += 1

    def is_type(self) -> bool:
        """Whether a class key begins a type, not what a function returns."""
        ahead = 1
        while self.text(ahead) not in ("{", ";", "(", "=", ""):
            ahead += 1
        return self.text(ahead) in ("{", ";") or self.text() == "enum"

    def parse_function_or_constant(self, add) -> None:
        words: list[str] = []  # names and :: before what tells the kind
        while self.at < len(self.tokens):
            text = self.text()
            if text == "operator":
                name = "operator"
                self.at += 1
                if self.text() == "(":
                    name += "()"
                    self.at += 2
                while self.text() not in ("(", ""):
                    name += self.text()
                    self.at += 1
                words.append(name)
            elif text == "~":
                words.append("~" + self.text(1))
                self.at += 2
            elif text in ("decltype", "noexcept", "alignas", "__attribute__"):
                self.at += 1
                self.skip_brackets()
            elif text == "<":
                self.skip_angles()
            elif text == "[" and self.text(1) == "[":
                self.skip_brackets()
            elif text in ("(", "=", "{", ";", "["):
                break
            else:
                if re.fullmatch(r"\w+|::", text):
                    words.append(text)
                else:
                    words.append(" ")  # & and *, what is before it is no scope
                self.at += 1
        if not words:
            self.at += 1
            return
        name = words[-1]
        member_of = words[-3] if len(words) > 2 and words[-2] == "::" else None
        if self.text() == "(":
            self.skip_brackets()
            add("function", name, self.skip_to_end(), member_of)
        else:
            self.skip_to_semicolon()
            add("constant", name, True, member_of)


def declarations_of(source: str) -> list[Declaration]:
    return Parser(source).parse()


def members_of(source: str) -> list[Declaration]:
    """The functions that are declared in the bodies of classes."""
    parser = Parser(source)
    parser.parse()
    return parser.members


def friends_of(source: str) -> set[str]:
    """The functions that classes declare as friends."""
    texts = [token.text for token in tokens_of(source)]
    names = set()
    for at, text in enumerate(texts):
        if text == "friend" and texts[at + 1] not in CLASS_KEYS:
            end = next((i for i in range(at, len(texts)) if texts[i] in ("(", ";")), at)
            if texts[end] == "(":
                start = next((i for i in range(at, end) if texts[i] == "operator"), end - 1)
                names.add("".join(texts[start:end]))
    return names


def includes_of(source: str) -> list[tuple[int, str]]:
    """Lines and names, as they are written between <> or quotes."""
    return [
        (number, found[1])
        for number, line in enumerate(source.splitlines(), 1)
        if (found := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line))
    ]


def headers_in(folder: Path) -> Headers:
    """The text of each header by the name in its #include."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.hpp"))
    }


def apply_rules(rules: dict[str, Rule], sources: str, *names: str) -> int:
    """Prints what the rules of these names find wrong with the headers of the sources; 1 if anything."""
    headers = headers_in(Path(sources) / "include")
    assert len(headers) > 20, headers
    wrong = [line for name in names for line in rules[name](headers)]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0
