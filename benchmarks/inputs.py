# SPDX-License-Identifier: MIT
"""The inputs that all contestants read, and the cases: for each function what it is called with.

A case is a file with one call's arguments a line, which tabs separate; calls take one line after the other,
so that nothing is a constant.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

KIB = 1 << 10
MIB = 1 << 20
VARIANTS = 64


@dataclass(frozen=True)
class Case:
    """What one function is called with."""

    function: str  # as the contestants know it
    input: str  # as people read it
    lines: Callable[[Inputs], list[Sequence[object]]]
    headline: bool = False
    tree: int | None = None  # how many children a process has that is made for each call
    title: str = ""  # the function as people read it, where that differs
    calls: int = 0  # how many a batch has, where it is not found out
    parent: int = 0  # the MiB that the calling process has in use

    @property
    def name(self) -> str:
        return self.title or self.function

    @property
    def file(self) -> str:
        return f"{self.function}.{self.input}".translate(str.maketrans(" /,:", "____"))


@dataclass(frozen=True)
class Curve:
    title: str
    function: str
    x: str
    x_unit: str
    cases: list[tuple[int, Case]]


@dataclass
class Inputs:
    """Makes what a case needs when first asked for it, and removes all at the end."""

    directory: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    first_taken: int = 0

    def __enter__(self) -> Inputs:
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "cases").mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            if process.stdin is not None:
                process.stdin.close()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def write(self, case: Case, lines: list[Sequence[object]]) -> None:
        text = "".join("\t".join(str(part) for part in line) + "\n" for line in lines)
        (self.directory / "cases" / case.file).write_text(text, encoding="utf-8", newline="\n")

    # --- files

    def text_file(self, size: int, most_text: int = 16 * MIB) -> Path:
        """About 100 bytes a line. Of a large one all but the end is a hole."""
        path = self.directory / f"text-{size}"
        if not path.exists():
            chance = random.Random(1)
            piece = b"".join(
                bytes([chance.randrange(97, 123)]) * chance.randrange(200) + b"\n" for _ in range(40_000)
            )
            text = (piece * (min(size, most_text) // len(piece) + 1))[-min(size, most_text) :]
            with open(path, "wb") as file:
                file.seek(size - len(text))
                file.write(text)
        return path

    def bytes_file(self, size: int, number: int = 0) -> Path:
        path = self.directory / f"bytes-{size}-{number}"
        if not path.exists():
            path.write_bytes(random.Random(number).randbytes(size))
        return path

    def many_files(self, size: int, count: int) -> Path:
        path = self.directory / f"files-{size}-{count}"
        if not path.exists():
            path.mkdir()
            for i in range(count):
                (path / f"{i:05}").write_bytes(random.Random(i).randbytes(size))
        return path

    def entries(self, count: int, number: int = 0) -> Path:
        path = self.directory / f"entries-{count}-{number}"
        if not path.exists():
            path.mkdir()
            for i in range(count):
                if i % 10_000 == 0:
                    file = path / f"entry-{i * 7919}"
                    file.touch()
                else:
                    os.link(file, path / f"entry-{i * 7919}")  # cheaper than another file
        return path

    # --- ports

    def port_with_taken(self, taken: int) -> int:
        """A port with so many taken ones before the next that is free."""
        if not self.first_taken:
            holder = subprocess.Popen(
                [sys.executable, __file__, "hold", str(MOST_TAKEN)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self.processes.append(holder)
            assert holder.stdout is not None
            self.first_taken = int(holder.stdout.readline())
        return self.first_taken + MOST_TAKEN - taken

    # --- processes

    def sleeper(self) -> int:
        self.processes.append(subprocess.Popen(["sleep", "3600"]))
        return self.processes[-1].pid

    def zombie(self) -> int:
        process = subprocess.Popen(["true"])
        self.processes.append(process)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return process.pid


MOST_TAKEN = 1000
FREE_BEHIND = 32


def hold_ports(count: int) -> None:
    """Holds as many ports in a row, with free ones behind, until the standard input ends."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def bind(port: int) -> socket.socket | None:
        for family in (socket.AF_INET6, socket.AF_INET):
            try:
                holder = socket.socket(family)
                if family == socket.AF_INET6:
                    holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                holder.bind(("", port))
                return holder
            except OSError as problem:
                if problem.errno == errno.EADDRINUSE:
                    return None
        return None

    for first in range(10000, 30000, 2000):
        held = [bind(port) for port in range(first, first + count + FREE_BEHIND)]
        if None not in held:
            for free in held[count:]:
                assert free is not None
                free.close()
            print(first, flush=True)
            sys.stdin.read()
            return
        for holder in held:
            if holder is not None:
                holder.close()
    sys.exit("no ports in a row are free")


# --- cases ----------------------------------------------------------------------------------------


def hex_digits(digits: int) -> Callable[[Inputs], list[Sequence[object]]]:
    def lines(_: Inputs) -> list[Sequence[object]]:
        chance = random.Random(digits)
        first = "deadbeef" * (digits // 8)
        rest = (f"{chance.getrandbits(4 * digits) | 1 << (4 * digits - 1):x}" for _ in range(VARIANTS - 1))
        return [(first,), *((text,) for text in rest)]

    return lines


def cents(most: int) -> Callable[[Inputs], list[Sequence[object]]]:
    """Numbers with two decimals, as sizes, prices and durations have them."""

    def lines(_: Inputs) -> list[Sequence[object]]:
        chance = random.Random(most)
        numbers = [
            123456789,
            *(chance.randrange(most) * 100 + chance.randrange(1, 100) for _ in range(VARIANTS)),
        ]
        return [(f"{number // 100}.{number % 100:02}", 1) for number in numbers]

    return lines


def random_doubles(_: Inputs) -> list[Sequence[object]]:
    chance = random.Random(3)
    return [(repr(chance.random() * 10.0 ** chance.randrange(-20, 10)), 6) for _ in range(VARIANTS)]


def texts(alphabet: str, mode: str) -> Callable[[Inputs], list[Sequence[object]]]:
    """About 1000 characters, cut to 80."""

    def lines(_inputs: Inputs) -> list[Sequence[object]]:
        chance = random.Random(len(alphabet))
        out: list[Sequence[object]] = []
        for _ in range(VARIANTS):
            words = ("".join(chance.choices(alphabet, k=chance.randrange(1, 13))) for _ in range(200))
            out.append((" ".join(words)[: chance.randrange(990, 1010)], 80, mode))
        return out

    return lines


def last(size: int, n: int, most_text: int = 16 * MIB) -> Callable[[Inputs], list[Sequence[object]]]:
    variants = 4 if 4 < n < 100_000 else 1
    return lambda inputs: [(inputs.text_file(size, most_text), n - i) for i in range(variants)]


def hashed(size: int, algorithm: str) -> Callable[[Inputs], list[Sequence[object]]]:
    return lambda inputs: [(inputs.bytes_file(size, i), algorithm) for i in range(16 if size < MIB else 1)]


def listed(count: int) -> Callable[[Inputs], list[Sequence[object]]]:
    return lambda inputs: [(inputs.entries(count, i),) for i in range(2 if count < 10_000 else 1)]


def ports(taken: int) -> Callable[[Inputs], list[Sequence[object]]]:
    def lines(inputs: Inputs) -> list[Sequence[object]]:
        start = inputs.port_with_taken(taken)
        return [(start + i,) for i in range(16)] if taken == 0 else [(start,), (start + 1,)]

    return lines


def fixed(*lines: Sequence[object]) -> Callable[[Inputs], list[Sequence[object]]]:
    return lambda _: list(lines)


ASCII = "abcdefg-12"
MULTIBYTE = "\u00e9\u00fc\u65e5\u672c\u8a9e\U0001f600a\u0436"
HUNDRED_MB = 101_000_000


def tail_case(size: int, shown: str, n: int, headline: bool = False, most_text: int = 16 * MIB) -> Case:
    return Case("read_last_n_lines", f"last {n:,} of {shown}", last(size, n, most_text), headline)


def hash_case(size: int, shown: str, algorithm: str, headline: bool = False) -> Case:
    return Case("hash_file", f"{shown}, {algorithm}", hashed(size, algorithm), headline)


def files_case(size: int, count: int, threads: int, headline: bool = False) -> Case:
    return Case(
        "hash_files",
        f"{count} of {size // KIB} KiB, sha256, {threads} threads",
        lambda inputs: [(inputs.many_files(size, count), threads)],
        headline,
    )


def entries_case(count: int, headline: bool = False) -> Case:
    return Case("estimate_fd_for_directory", f"{count:,} entries", listed(count), headline)


def port_case(taken: int, headline: bool = False) -> Case:
    return Case("find_free_port", f"{taken:,} taken", ports(taken), headline)


def tree_case(children: int) -> Case:
    return Case("kill_process_tree", f"{children + 1:,} processes", fixed(), tree=children)


def run_case(mib: int, headline: bool = False) -> Case:
    return Case("run", f"/bin/true, parent of {mib:,} MiB", fixed((mib,)), headline, calls=10, parent=mib)


def base36_case(digits: int, headline: bool = False) -> Case:
    return Case("base36_encode", f"{digits:,} digits", hex_digits(digits), headline)


def cases() -> list[Case]:
    def sleepers(inputs: Inputs) -> list[Sequence[object]]:
        return [("self",), *((inputs.sleeper(),) for _ in range(3))]

    def mixed(inputs: Inputs) -> list[Sequence[object]]:
        return [("self",), (inputs.sleeper(),), (inputs.zombie(),), (1 << 22,)]

    def sources(inputs: Inputs) -> list[Sequence[object]]:
        return [[inputs.entries(100, i) for i in range(10)]]

    return [
        base36_case(8, True),
        base36_case(32, True),
        base36_case(64, True),
        base36_case(1024, True),
        Case("format_float", "1234567.89 and the like", cents(10_000_000), True),
        Case("format_float", "random doubles, 6 digits", random_doubles),
        Case("truncate_long_string", "1000 ASCII to 80", texts(ASCII, "word"), True),
        Case("truncate_long_string", "1000 multibyte to 80", texts(MULTIBYTE, "word"), True),
        Case("truncate_long_string", "1000 ASCII to 80, middle", texts(ASCII, "middle"), True),
        Case("truncate_long_string", "1000 multibyte to 80, middle", texts(MULTIBYTE, "middle"), True),
        tail_case(10**9, "1 GB", 10, True),
        tail_case(10**9, "1 GB", 1000, True),
        tail_case(HUNDRED_MB, "100 MB", 1_000_000, True, HUNDRED_MB),
        tail_case(4 * KIB, "4 KiB", 10),
        hash_case(100 * MIB, "100 MiB", "md5", True),
        hash_case(100 * MIB, "100 MiB", "sha256", True),
        hash_case(100 * MIB, "100 MiB", "sha512", True),
        hash_case(4 * KIB, "4 KiB", "sha256"),
        hash_case(MIB, "1 MiB", "sha256"),
        files_case(MIB, 64, 2, True),
        files_case(16 * KIB, 500, 2),
        port_case(0, True),
        port_case(100, True),
        port_case(1000, True),
        Case("get_cpu_count", "steady", fixed(()), True),
        Case("get_cpu_count_first", "first call", fixed(()), title="get_cpu_count"),
        Case("get_mem_size_gb", "steady", fixed(()), True),
        Case("get_mem_size_gb_first", "first call", fixed(()), title="get_mem_size_gb"),
        Case("get_parallel_threads", "no cloud", fixed(("",), ("gcp",)), True),
        Case("get_parallel_threads", "kubernetes", fixed(("kubernetes",), ("Kubernetes",))),
        Case("pid_exists", "own", fixed(("self",)), True),
        Case("pid_exists", "running, zombie, none", mixed),
        Case("is_process_alive", "running", sleepers, True),
        Case("is_process_alive", "running, zombie, none", mixed),
        Case("get_max_workers_for_file_mounts", "10 directories of 100", sources, True),
        entries_case(1000, True),
        entries_case(100_000, True),
        entries_case(10),
        run_case(10, True),
        run_case(4096, True),
        tree_case(1000),
        tree_case(10),
    ]


def curves() -> list[Curve]:
    sizes = [(10**power, f"{10**power:,} bytes") for power in range(4, 11)]
    return [
        Curve(
            "read_last_n_lines: 10 lines",
            "read_last_n_lines",
            "file size",
            "bytes",
            [(size, tail_case(size, "1 GB" if size == 10**9 else shown, 10)) for size, shown in sizes],
        ),
        Curve(
            "read_last_n_lines: a file of 100 MB",
            "read_last_n_lines",
            "lines",
            "lines",
            [(10**p, tail_case(HUNDRED_MB, "100 MB", 10**p, False, HUNDRED_MB)) for p in range(7)],
        ),
        Curve(
            "estimate_fd_for_directory",
            "estimate_fd_for_directory",
            "directory entries",
            "entries",
            [(10**p, entries_case(10**p)) for p in range(1, 6)],
        ),
        Curve(
            "find_free_port",
            "find_free_port",
            "ports taken",
            "ports",
            [(taken, port_case(taken)) for taken in (0, 1, 10, 100, 1000)],
        ),
        Curve(
            "kill_process_tree",
            "kill_process_tree",
            "processes",
            "processes",
            [(children + 1, tree_case(children)) for children in (0, 10, 100, 1000)],
        ),
        Curve(
            "run: /bin/true",
            "run",
            "memory of the parent",
            "MiB",
            [(mib, run_case(mib)) for mib in (10, 256, 1024, 4096)],
        ),
        Curve(
            "hash_files: 64 files of 1 MiB",
            "hash_files",
            "threads",
            "threads",
            [(threads, files_case(MIB, 64, threads)) for threads in (1, 2, 4)],
        ),
        Curve(
            "base36_encode",
            "base36_encode",
            "digits",
            "hexadecimal digits",
            [(digits, base36_case(digits)) for digits in (8, 32, 64, 256, 1024, 4096)],
        ),
    ]


if __name__ == "__main__" and sys.argv[1:2] == ["hold"]:
    hold_ports(int(sys.argv[2]))
