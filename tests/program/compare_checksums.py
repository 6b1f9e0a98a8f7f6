#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks many lists of checksums with coreutils and with `skyutil hash -c`, and compares.

    tests/program/compare_checksums.py SKYUTIL [--verbose]

What both print for each file must be the same, and so must the exit code; a name may be escaped by
one alone, as coreutils 9.1 does it for line ends only, skyutil for all that a list escapes. DIFFERENCES
has what is not the same, each with the reason; one that is not seen is a failure too. Exit code 77:
there is no coreutils 9 to compare with.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, NamedTuple, Optional

TOOLS = {
    "md5": "md5sum",
    "sha1": "sha1sum",
    "sha224": "sha224sum",
    "sha256": "sha256sum",
    "sha384": "sha384sum",
    "sha512": "sha512sum",
    "blake2b": "b2sum",
}
TAGS = {name: name.upper() for name in TOOLS} | {"blake2b": "BLAKE2b"}

# The content of each file is its name, but for these.
FILES = [
    b"a",
    b"b",
    b"two words",
    b" blank in front",
    b"*star in front",
    b"blank behind ",
    b"back\\slash",
    b"line\nend",
    b"carriage\rreturn",
    b"x) = y",
    b"(x) = y",
    b"-dash",
    b"-",
    b"[draft]",
    b"[a,b]",
    b"#number",
    b"caf\xc3\xa9",
    b"\xff\xfe",
    b"SHA256 (a) = b",
]
ZERO = "0" * 64


class Case(NamedTuple):
    name: str
    list: bytes
    flags: tuple[str, ...] = ()
    algorithm: str = "sha256"
    input: Optional[bytes] = None  # standard input; the list is there when it is None


NO_LIST = "a list without checksums, or that cannot be read, is an error (2), not a wrong file (1)"
LENIENT = "the names OpenSSL 3 and others give the algorithm are known too"
SHORTER = "BLAKE2b has its whole length only"
NUL = "a name with a NUL is no name: coreutils opens what is in front of it"

# case, or its beginning and "*": exit codes of coreutils and of skyutil, or None for the same, and
# why. The output is not compared.
DIFFERENCES: dict[str, tuple[Optional[int], Optional[int], str]] = {
    "empty list": (1, 2, NO_LIST),
    "no list": (1, 2, NO_LIST),
    "a directory": (1, 2, NO_LIST),
    "comments only": (1, 2, NO_LIST),
    "alone: *": (1, 2, NO_LIST),
    "lenient alone: *": (1, 0, LENIENT),
    "lenient with a good line: *": (0, 0, LENIENT),
    "shorter BLAKE2b: *": (0, 2, SHORTER),
    "NUL in the name": (0, 0, NUL),
    "NUL behind the name": (0, 2, NUL),
    "usage: *": (1, 2, "usage is exit code 2 in every command"),
}


def digest(content: bytes, algorithm: str = "sha256") -> bytes:
    return hashlib.new(algorithm, content).hexdigest().encode()


def escaped(name: bytes) -> bytes:
    return name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def unescaped(output: bytes) -> list[bytes]:
    """The lines of a check, with the names as they are."""
    letters = {b"\\n": b"\n", b"\\r": b"\r", b"\\\\": b"\\"}
    return [
        re.sub(rb"\\[nr\\]", lambda found: letters[found[0]], line[1:])
        if line.startswith(b"\\")
        else line
        for line in output.split(b"\n")
    ]


def plain(name: bytes, blank: bytes = b"  ", algorithm: str = "sha256") -> bytes:
    start = b"\\" if escaped(name) != name else b""
    return start + digest(name, algorithm) + blank + escaped(name) + b"\n"


def tagged(name: bytes, form: bytes = b"%s (%s) = %s", algorithm: str = "sha256") -> bytes:
    start = b"\\" if escaped(name) != name else b""
    tag = TAGS[algorithm].encode()
    return start + form % (tag, escaped(name), digest(name, algorithm)) + b"\n"


def good_cases() -> Iterator[Case]:
    """Lists that are right in every line."""
    every = [name for name in FILES if name != b"-"]
    for algorithm in TOOLS:
        yield Case(
            f"{algorithm}: text", b"".join(plain(n, b"  ", algorithm) for n in every), (), algorithm
        )
        yield Case(
            f"{algorithm}: binary",
            b"".join(plain(n, b" *", algorithm) for n in every),
            (),
            algorithm,
        )
        yield Case(
            f"{algorithm}: tagged",
            b"".join(tagged(n, algorithm=algorithm) for n in every),
            (),
            algorithm,
        )
        yield Case(
            f"{algorithm}: upper case",
            plain(b"a", b"  ", algorithm).upper().replace(b"  A", b"  a"),
            (),
            algorithm,
        )
        yield Case(f"{algorithm}: openssl", tagged(b"a", b"%s(%s)= %s", algorithm), (), algorithm)
    for name in every:
        shown = name.decode("utf-8", "backslashreplace")
        yield Case(f"text: {shown!r}", plain(name))
        yield Case(f"binary: {shown!r}", plain(name, b" *"))
        yield Case(f"one blank: {shown!r}", plain(name, b" "))
        yield Case(f"tab: {shown!r}", plain(name, b"\t"))
        yield Case(f"tagged: {shown!r}", tagged(name))
        yield Case(f"tagged, tight: {shown!r}", tagged(name, b"%s(%s)=%s"))


GOOD = plain(b"a")
BAD_LINES: dict[str, bytes] = {
    "words": b"no checksum\n",
    "digest only": digest(b"b") + b"\n",
    "digest and blank": digest(b"b") + b" \n",
    "blanks": b"   \n",
    "tab": b"\t\n",
    "short digest": digest(b"b")[1:] + b"  b\n",
    "long digest": digest(b"b") + b"0  b\n",
    "no hexadecimal": b"g" + digest(b"b")[1:] + b"  b\n",
    "of MD5": plain(b"b", b"  ", "md5"),
    "of SHA-512": plain(b"b", b"  ", "sha512"),
    "tagged MD5": tagged(b"b", algorithm="md5"),
    "tagged SHA-1": tagged(b"b", algorithm="sha1"),
    "tagged MD4": b"MD4 (b) = " + b"0" * 32 + b"\n",
    "tagged, short digest": b"SHA256 (b) = " + digest(b"b")[1:] + b"\n",
    "tagged, no digest": b"SHA256 (b) = \n",
    "tagged, blank behind": tagged(b"b").rstrip() + b" \n",
    "tagged, no end": b"SHA256 (b = " + digest(b"b") + b"\n",
    "tagged, no equal": b"SHA256 (b) " + digest(b"b") + b"\n",
    "tagged, two blanks": b"SHA256  (b) = " + digest(b"b") + b"\n",
    "tagged, no name at all": b"SHA256 = " + digest(b"b") + b"\n",
    "HMAC": b"HMAC-SHA256(b)= " + digest(b"b") + b"\n",
    "bad escape": b"\\" + digest(b"b") + b"  b\\x\n",
    "escape at the end": b"\\" + digest(b"b") + b"  b\\\n",
    "tagged, bad escape": b"\\SHA256 (b\\x) = " + digest(b"b") + b"\n",
    "backslash": b"\\\n",
    "two backslashes": b"\\\\" + digest(b"b") + b"  b\n",
    "long": b"a" * 100_000 + b"\n",
    "bytes": b"\xff\xfe\x01\x02\n",
    "BOM": b"\xef\xbb\xbf" + plain(b"b"),
    "PGP": b"-----BEGIN PGP SIGNED MESSAGE-----\n",
    "markdown": b"`" + digest(b"b") + b"  b`\n",
}
LENIENT_LINES: dict[str, bytes] = {
    "openssl 3": b"SHA2-256(b)= " + digest(b"b") + b"\n",
    "lower case": b"sha256 (b) = " + digest(b"b") + b"\n",
    "hyphen": b"SHA-256 (b) = " + digest(b"b") + b"\n",
}


def cases() -> Iterator[Case]:
    yield from good_cases()
    for name, line in BAD_LINES.items():
        yield Case(f"alone: {name}", line)
        yield Case(f"bad before good: {name}", line + GOOD)
        yield Case(f"bad after good: {name}", GOOD + line)
        yield Case(f"strict: {name}", GOOD + line, ("--strict",))
    for name, line in LENIENT_LINES.items():
        yield Case(f"lenient alone: {name}", line)
        yield Case(f"lenient with a good line: {name}", GOOD + line)

    wrong = ZERO.encode() + b"  b\n"
    missing = ZERO.encode() + b"  missing\n"
    yield Case("empty list", b"")
    yield Case("comments only", b"# one\n#two\n\n")
    yield Case("comments and blank lines", b"# one\n\n" + GOOD + b"\n\r\n#" + wrong)
    yield Case("strict with comments and blank lines", b"# one\n\n" + GOOD + b"\n", ("--strict",))
    yield Case("no line end at the end", GOOD[:-1])
    yield Case("carriage returns", (GOOD + tagged(b"b")).replace(b"\n", b"\r\n"))
    yield Case("two carriage returns", GOOD.replace(b"\n", b"\r\r\n"))
    yield Case("blanks in front", b"  \t " + GOOD + b" " + tagged(b"b"))
    yield Case("blanks in front of an escape", b"  " + plain(b"line\nend"))
    yield Case(
        "one blank, then two", plain(b"a", b" ") + plain(b" blank in front", b" ") + plain(b"b")
    )
    yield Case("two blanks, then one", plain(b"b") + plain(b"a", b" "))
    yield Case("two blanks, then one, strict", plain(b"b") + plain(b"a", b" "), ("--strict",))
    yield Case("one blank after tagged", tagged(b"b") + plain(b"a", b" "))
    yield Case("binary, then one blank", plain(b"b", b" *") + plain(b"a", b" "))
    yield Case("a name of one character after one blank", plain(b"a", b" ") + plain(b"b", b" "))
    yield Case("the same file twice", GOOD + GOOD)
    yield Case("wrong", wrong)
    yield Case("wrong and good", wrong + GOOD)
    yield Case("wrong, tagged", b"SHA256 (b) = " + ZERO.encode() + b"\n")
    yield Case("missing", missing + GOOD)
    yield Case("missing, tagged", b"SHA256 (missing) = " + ZERO.encode() + b"\n" + GOOD)
    yield Case("a directory in it", ZERO.encode() + b"  directory\n" + GOOD)
    yield Case("an empty name, tagged", b"SHA256 () = " + ZERO.encode() + b"\n" + GOOD)
    yield Case("a name of a blank", digest(b"b") + b"  \n")
    yield Case("in a directory that is a file", ZERO.encode() + b"  a/b\n" + GOOD)
    yield Case("a name that is too long", ZERO.encode() + b"  " + b"n" * 5000 + b"\n" + GOOD)
    yield Case("NUL in the name", digest(b"a") + b"  a\0b\n" + plain(b"b"))
    yield Case("NUL behind the name", digest(b"a") + b"  a\0\n")
    yield Case("many", (GOOD + plain(b"b") + tagged(b"two words")) * 3000)
    yield Case("many and one wrong", GOOD * 5000 + wrong + GOOD * 5000)
    yield Case("signed", SIGNED)
    yield Case("signed, quiet", SIGNED, ("--quiet",))
    yield Case("signed, strict", SIGNED, ("--strict",))
    for flags in (
        ("--quiet",),
        ("--status",),
        ("--warn",),
        ("--strict",),
        ("--ignore-missing",),
        ("--ignore-missing", "--quiet"),
        ("--ignore-missing", "--status"),
        ("--ignore-missing", "--strict"),
        ("--status", "--strict", "--warn"),
    ):
        shown = " ".join(flags)
        yield Case(f"{shown}: good", GOOD, flags)
        yield Case(f"{shown}: wrong", wrong + GOOD, flags)
        yield Case(f"{shown}: missing", missing + GOOD, flags)
        yield Case(f"{shown}: all missing", missing, flags)
        yield Case(f"{shown}: missing and wrong", missing + wrong, flags)
        yield Case(f"{shown}: with a bad line", GOOD + b"bad\n", flags)
        yield Case(f"{shown}: a directory", ZERO.encode() + b"  directory\n" + GOOD, flags)
    shorter = hashlib.blake2b(b"b", digest_size=32).hexdigest().encode()
    yield Case("shorter BLAKE2b: text", shorter + b"  b\n", (), "blake2b")
    yield Case("shorter BLAKE2b: tagged", b"BLAKE2b-256 (b) = " + shorter + b"\n", (), "blake2b")
    # In a list that is a file, "-" is standard input; in one from there it is nothing.
    yield Case("standard input in a list", digest(b"text") + b"  -\n", input=b"text")
    yield Case("standard input in a list, wrong", digest(b"other") + b"  -\n", input=b"text")
    yield Case("standard input in a list, twice", (digest(b"text") + b"  -\n") * 2, input=b"text")
    yield Case("standard input, tagged", b"SHA256 (-) = " + digest(b"text") + b"\n", input=b"text")
    yield Case("- in a list from standard input", GOOD + digest(b"") + b"  -\n")
    yield Case(
        "- alone in a list from standard input, strict",
        GOOD + digest(b"") + b"  -\n",
        ("--strict",),
    )


SIGNED = (
    b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
    + GOOD
    + plain(b"b", b" *")
    + b"-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAdFiEEabcdefghijklmnopqrstuvwxyz0123456789AAoJEA\n"
    + b"=AbCd\n-----END PGP SIGNATURE-----\n"
)


class Outcome(NamedTuple):
    code: int
    out: bytes
    err: bytes


def run(words: list[str], where: str, stdin: Optional[bytes]) -> Outcome:
    done = subprocess.run(
        words,
        cwd=where,
        input=stdin or b"",
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def difference(name: str) -> Optional[tuple[Optional[int], Optional[int], str]]:
    for pattern, row in DIFFERENCES.items():
        if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
            return row
    return None


def compare(case: Case, skyutil: str, where: str) -> tuple[Optional[str], str]:
    """Returns what is wrong, and the reason for a difference that is meant."""
    file = "-"
    if case.input is not None:
        file = "the list"
        (Path(where) / file).write_bytes(case.list)
    stdin = case.list if case.input is None else case.input
    theirs = run([TOOLS[case.algorithm], "-c", *case.flags, file], where, stdin)
    ours = run([skyutil, "hash", "-a", case.algorithm, "-c", file, *case.flags], where, stdin)
    return judge(case.name, theirs, ours)


def judge(name: str, theirs: Outcome, ours: Outcome) -> tuple[Optional[str], str]:
    meant = difference(name)
    if meant is not None:
        codes = (meant[0], meant[1])
        seen = (theirs.code, ours.code)
        return (None if codes == seen else f"exit codes {seen}, not {codes}"), meant[2]
    if theirs.code != ours.code:
        return f"exit code {ours.code}, not {theirs.code}: {ours.err!r}, {theirs.err!r}", ""
    if unescaped(theirs.out) != unescaped(ours.out):
        return f"printed {ours.out[:300]!r}, not {theirs.out[:300]!r}", ""
    return None, ""


def usage_cases() -> Iterator[tuple[str, list[str]]]:
    """Command lines that make no sense to either."""
    for flag in ("--ignore-missing", "--quiet", "--status", "--strict", "--warn"):
        yield f"usage: {flag} without --check", [flag, "a"]
    yield "usage: --zero with --check", ["--zero", "-c", "list"]
    yield "usage: --tag with --check", ["--tag", "-c", "list"]
    yield "no list", ["-c", "missing"]
    yield "a directory", ["-c", "directory"]


def printed_cases() -> Iterator[list[str]]:
    """What is printed for files is the same too."""
    names = [os.fsdecode(name) for name in FILES if name != b"-"]
    for flags in ([], ["--tag"], ["--zero"], ["--tag", "--zero"]):
        yield [*flags, "--", *names]
    yield ["-"]
    yield ["--tag", "-"]
    yield ["a", "-", "b"]


def main() -> int:
    skyutil = os.path.abspath(sys.argv[1])
    verbose = "--verbose" in sys.argv
    try:
        version = run(["sha256sum", "--version"], "/", None).out
    except FileNotFoundError:
        version = b""
    if not re.match(rb"sha256sum \(GNU coreutils\) (9|[1-9][0-9])\.", version):
        print("skipped: there is no sha256sum of coreutils 9")
        return 77
    failures = 0
    meant: dict[str, int] = {}
    count = 0
    with tempfile.TemporaryDirectory() as where:
        for name in FILES:
            (Path(os.fsencode(where).decode()) / os.fsdecode(name)).write_bytes(name)
        (Path(where) / "directory").mkdir()
        (Path(where) / "list").write_bytes(GOOD)

        def note(name: str, wrong: Optional[str], reason: str) -> None:
            nonlocal failures, count
            count += 1
            failures += wrong is not None
            if reason:
                meant[reason] = meant.get(reason, 0) + 1
            if wrong is not None or verbose:
                print(
                    f"{'ok' if wrong is None else 'FAILED'}: {name}: {wrong or reason or 'the same'}"
                )

        lists = list(cases())
        for case in lists:
            note(case.name, *compare(case, skyutil, where))
        for name, words in usage_cases():
            note(
                name,
                *judge(
                    name,
                    run(["sha256sum", *words], where, None),
                    run([skyutil, "hash", *words], where, None),
                ),
            )
        for algorithm, tool in TOOLS.items():
            for words in printed_cases():
                name = f"{algorithm}: {' '.join(words[:2])}..."
                theirs = run([tool, *words], where, b"text")
                ours = run([skyutil, "hash", "-a", algorithm, *words], where, b"text")
                note(name, *judge(name, theirs, ours))
    print(
        f"{len(lists)} lists and {count - len(lists)} other calls, {failures} not as they should be"
    )
    for reason, times in meant.items():
        print(f"  {times} other than coreutils: {reason}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
