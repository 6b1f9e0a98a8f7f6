#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures skyutil beside Python, Rust, floors and C++ rivals and writes build/report/report.json.

    run.py [--quick] [--only TEXT] [--check] [--baseline FILE] [--build DIRECTORY] [--python PROGRAM]

Each contestant is a process that is asked for one function at a time (see peers/): first for its answers,
which must be equal, then for the time of a batch of calls, one contestant after the other (A B A B). The
clock runs inside the contestant, around the calls alone. ./dev bench builds what this needs and starts it;
report.py makes the pages of it.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import math
import os
import platform
import re
import resource
import select
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # leaves nothing in the source directory

import inputs as given  # noqa: E402
from reporting import gate  # noqa: E402
from reporting.model import read_report, read_targets  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks"
REPORT = ROOT / "build" / "report"

Stat = dict[str, Any]

# Functions whose answer depends on limits. The peers look at them where a container has them; skyutil and
# the kernel know more places, so another answer is no mistake of the benchmark.
LIMITS = re.compile("get_(cpu_count|mem_size_gb|parallel_threads|max_workers)")

PEER_NOTES = {
    "get_cpu_count": "python: the quota at its usual place only; skyutil: of every group up to the root",
    "get_mem_size_gb": "python, rust: the limit at its usual place only; skyutil: of every group up to the root",
    "hash_files": "python, rust: as many threads; SkyPilot's own and the Rust port have one",
}

WHY_BEHIND = {
    "hash_file": "the hash function itself takes the time: Crypto++ beside OpenSSL's assembly (Python) or the "
    "crate; hash_openssl.hpp has OpenSSL's for the same call",
    "hash_files": "the hash function itself takes the time",
    "estimate_fd_for_directory": "the kernel takes the time: see the floor",
    "get_max_workers_for_file_mounts": "the kernel takes the time: see the floor",
    "run": "its child leads a session of its own, which a busy kernel (autogroup) has wait for its turn",
    "find_free_port": "the kernel takes the time: see the floor",
    "is_process_alive": "three system calls, which a pidfd takes; a reading of /proc/PID/stat knows no threads "
    "that outlive the first",
    "kill_process_tree": "it looks again for children that are born meanwhile, and holds each process by a pidfd",
    "pid_exists": "one system call: see the floor",
    "get_cpu_count": "what it finds on the first call it knows on later ones; the peers look each time",
    "get_mem_size_gb": "what it finds on the first call it knows on later ones; the peers look each time",
}

# The same beside floors (from a tenth on) and rivals.
WHY_ABOVE = {
    "hash_file": WHY_BEHIND["hash_file"],
    "truncate_long_string": "the floor copies, and looks at no character",
    "get_cpu_count": "the overrides in the environment and a look at the clock come on top of the system call",
    "get_parallel_threads": "the overrides in the environment and a look at the clock come on top of the system call",
    "kill_process_tree": WHY_BEHIND["kill_process_tree"],
    "run": WHY_BEHIND["run"],
    "read_last_n_lines": "mmap copies nothing before it makes the lines; a file that shrinks meanwhile ends it with SIGBUS",
}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def shown(ns: float) -> str:
    for unit, size in (("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)):
        if ns < 1000 * size or unit == "s":
            return (
                f"{ns / size:.3g} {unit}" if ns < 999.5 * size or unit == "s" else f"{ns / size:.0f} {unit}"
            )
    return ""


def stat(samples: list[float]) -> Stat:
    ordered = sorted(samples)
    quartiles = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    return {
        "median": statistics.median(ordered),
        "low": quartiles[0],
        "high": quartiles[2],
        "samples": [round(sample, 3) for sample in samples],
    }


# --- contestants ----------------------------------------------------------------------------------


class Absent(Exception):
    """A contestant does not have the function; the text says why."""


class Wrong(Exception):
    """A contestant failed or gave another answer."""


@dataclass
class Contestant:
    """How to start it; `name` is as people read it, with "floor: " in front where it is one."""

    name: str
    command: list[str]

    @property
    def is_floor(self) -> bool:
        return self.name.startswith("floor: ")


class Process:
    """A contestant at work."""

    def __init__(self, contestant: Contestant, cases: Path, environment: dict[str, str] | None = None):
        self.contestant = contestant
        self.child = subprocess.Popen(
            [*contestant.command, str(cases)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def ask(self, request: str, patience: float = 120) -> str:
        assert self.child.stdin is not None and self.child.stdout is not None
        self.child.stdin.write(request + "\n")
        self.child.stdin.flush()
        if not select.select([self.child.stdout], [], [], patience)[0]:
            raise Wrong(f"no answer within {patience:g} s")
        line = self.child.stdout.readline().rstrip("\n")
        if not line:
            raise Wrong(f"ended with {self.child.wait()}")
        if line.startswith("none "):
            raise Absent(line.removeprefix("none "))
        if line.startswith("error "):
            raise Wrong(line.removeprefix("error "))
        return line

    def peak(self) -> int:
        """The most memory it had, in bytes."""
        text = Path(f"/proc/{self.child.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s*(\d+) kB", text)
        return int(found[1]) << 10 if found else 0

    def close(self) -> None:
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def available_memory() -> int:
    found = re.search(r"^MemAvailable:\s*(\d+) kB", text_of("/proc/meminfo") or "", re.M)
    return int(found[1]) << 10 if found else 0


def same(left: Any, right: Any) -> bool:
    """Equal answers, numbers but for rounding."""
    if isinstance(left, float) or isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-12)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def abridged(answer: Any) -> str:
    text = json.dumps(answer)
    return text if len(text) < 200 else text[:200] + "..."


@dataclass
class Contestants:
    """All there are on this machine."""

    peer: Path
    python: list[str] | None
    rust: Path | None
    notes: dict[str, str] = field(default_factory=dict)  # of python and rust: why they are not there
    of_function: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed = subprocess.run([self.peer, "list"], check=True, capture_output=True, text=True).stdout
        for line in listed.splitlines():
            name, function = line.split("\t")
            self.of_function.setdefault(function, []).append(name)

    def for_function(self, function: str) -> list[Contestant]:
        names = self.of_function.get(function, [])
        out = [Contestant(name, [str(self.peer), name]) for name in names if name == "skyutil"]
        if self.python:
            out.append(Contestant("python", self.python))
        if self.rust:
            out.append(Contestant("rust", [str(self.rust)]))
        out += [Contestant(name, [str(self.peer), name]) for name in names if name != "skyutil"]
        return out


# --- measuring ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Effort:
    repetitions: int
    batch: float  # ns for one batch
    row: float  # ns for all of a row, as long as that is enough for a few repetitions


@dataclass
class Result:
    stats: dict[str, Stat]
    notes: list[str]


class Bench:
    def __init__(self, contestants: Contestants, inputs: given.Inputs, quick: bool):
        self.contestants = contestants
        self.inputs = inputs
        self.quick = quick
        self.results: dict[str, Result] = {}
        self.wrong: list[str] = []

    @contextlib.contextmanager
    def ready(self, case: given.Case) -> Iterator[None]:
        """What one request needs: nothing, or a tree of processes that it ends."""
        if case.tree is None:
            yield
            return
        keeper = subprocess.Popen(
            [self.contestants.peer, "tree", str(case.tree)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert keeper.stdout is not None
            root = int(keeper.stdout.readline())
            self.inputs.write(case, [(root,)])
            yield
            keeper.wait(10)
        finally:
            keeper.kill()
            keeper.wait()

    def prepare(self, case: given.Case) -> None:
        if case.tree is None:
            self.inputs.write(case, case.lines(self.inputs))

    def time(self, process: Process, case: given.Case, calls: int) -> float:
        with self.ready(case):
            return int(process.ask(f"time {case.function} {case.file} {calls}")) / calls

    def answers(self, case: given.Case, processes: dict[str, Process]) -> list[str]:
        """Asks all and leaves out who has no answer; another answer than skyutil's is an error. Somebody else
        may take a port meanwhile: then all are asked again."""
        if case.function == "find_free_port":
            try:
                return self.answers_once(case, processes)
            except Wrong as wrong:
                say(f"{case.name}, {case.input}: {wrong}; asking again")
        return self.answers_once(case, processes)

    def answers_once(self, case: given.Case, processes: dict[str, Process]) -> list[str]:
        notes = []
        expected: Any = None
        for name, process in list(processes.items()):
            reason = ""
            try:
                with self.ready(case):
                    answer = json.loads(process.ask(f"answer {case.function} {case.file}"))
                if name == "skyutil":
                    expected = answer
                elif not same(answer, expected):
                    difference = f"{abridged(answer)} instead of {abridged(expected)}"
                    if not LIMITS.match(case.function):
                        raise Wrong(f"{name} answers {difference}")
                    reason = f"answers {difference}"
            except Absent as absent:
                reason = f"skipped, {absent}"
            except Wrong as wrong:
                raise Wrong(f"{name}: {wrong}") from None
            if reason and name == "skyutil":
                raise Wrong(f"{name}: {reason}")
            if reason:
                notes.append(f"{name}: {reason}")
                # A floor may do less.
                if not (process.contestant.is_floor and LIMITS.match(case.function)):
                    processes.pop(name).close()
        return notes

    def measure(self, case: given.Case, effort: Effort) -> Result:
        """The times of all contestants; each call of this starts them anew."""
        if case.file in self.results:
            return self.results[case.file]
        if case.parent << 20 > available_memory() - (1 << 30):
            raise Absent("not enough memory")
        self.prepare(case)
        cases = self.inputs.directory / "cases"
        present = self.contestants.for_function(case.function)
        left_out: list[str] = []
        if case.parent > 256 and self.quick:
            # Their memory takes long to fill.
            left_out = [
                each.name for each in present if each.name not in ("skyutil", "python") and not each.is_floor
            ]
        processes = {each.name: Process(each, cases) for each in present if each.name not in left_out}
        try:
            notes = [f"{name}: skipped, in the full run only" for name in left_out]
            # With as much memory only the time: smaller parents have shown the answer.
            notes += [] if case.parent > 256 else self.answers(case, processes)
            calls = {}
            taken = 0.0
            for name, process in processes.items():
                calls[name], once = self.calls(process, case, effort.batch)
                taken += once
            least = 2 if self.quick and case.parent > 1024 else 4
            repetitions = max(least, min(effort.repetitions, int(effort.row / taken)))
            samples: dict[str, list[float]] = {name: [] for name in processes}
            for _ in range(repetitions):
                for name, process in processes.items():
                    samples[name].append(self.time(process, case, calls[name]))
        finally:
            for process in processes.values():
                process.close()
        result = Result({name: stat(each) for name, each in samples.items()}, notes)
        self.results[case.file] = result
        return result

    def calls(self, process: Process, case: given.Case, batch: float) -> tuple[int, float]:
        """How many calls take about as long as one batch shall, and how long all takes that goes with them."""
        if case.calls:
            return case.calls, 4e5 * case.parent
        calls = 1
        while True:
            begin = time.perf_counter_ns()
            each = self.time(process, case, calls)
            took = time.perf_counter_ns() - begin
            if case.tree is not None or each * calls > batch / 20 or calls >= 1 << 24:
                break
            calls *= 8
        wanted = 1 if case.tree is not None else max(1, int(batch / max(each, 0.1)))
        return wanted, took + max(0.0, (wanted - calls) * each)

    # --- rows

    def row(self, case: given.Case, effort: Effort) -> dict[str, Any] | None:
        try:
            result = self.measure(case, effort)
        except Wrong as wrong:
            self.wrong.append(f"{case.name}, {case.input}: {wrong}")
            return None
        except Absent as absent:
            say(f"{case.name}, {case.input}: skipped, {absent}")
            return None
        floor = next((name for name in result.stats if name.startswith("floor: ")), None)
        notes = [f"{name}: {why}" for name, why in self.contestants.notes.items()] + result.notes
        notes += [PEER_NOTES[case.name]] if case.name in PEER_NOTES else []
        ours = result.stats["skyutil"]["median"]
        for name, each in result.stats.items():
            peer = name in ("python", "rust")
            if ours > each["median"] * (1.1 if name == floor else 1):
                more = 100 * (ours / each["median"] - 1)
                why = (WHY_BEHIND if peer else WHY_ABOVE).get(case.name, "")
                beside = "floor" if name == floor else name
                notes.append(f"skyutil takes {more:.0f} % more than {beside}" + (f": {why}" if why else ""))
        return {
            "function": case.name,
            "header": HEADERS[case.name],
            "input": case.input,
            "headline": case.headline,
            "skyutil": result.stats["skyutil"],
            "python": result.stats.get("python"),
            "rust": result.stats.get("rust"),
            "floor": {"name": floor.removeprefix("floor: "), **result.stats[floor]} if floor else None,
            "rivals": [
                {"name": name, **each}
                for name, each in result.stats.items()
                if name not in ("skyutil", "python", "rust", floor)
            ],
            "notes": notes,
        }

    # --- curves

    def curve(self, curve: given.Curve, effort: Effort) -> dict[str, Any]:
        series: dict[str, list[list[float]]] = {}
        for x, case in curve.cases:
            try:
                result = self.measure(case, effort)
            except Wrong as wrong:
                self.wrong.append(f"{curve.title}, {case.input}: {wrong}")
                continue
            except Absent as absent:
                say(f"{curve.title}, {case.input}: skipped, {absent}")
                continue
            for name, each in result.stats.items():
                shown_name = "floor" if name.startswith("floor: ") else name
                series.setdefault(shown_name, []).append([x, each["median"], each["low"], each["high"]])
        return {
            "title": curve.title,
            "x": curve.x,
            "x_unit": curve.x_unit,
            "y_unit": "ns",
            "series": [{"name": name, "points": points} for name, points in series.items()],
        }

    # --- memory

    def memory(self, case: given.Case, counter: Path | None) -> list[dict[str, Any]]:
        """Of skyutil, Python and Rust: by how much a call raises the most memory that its process has had, and
        how often a call asks for memory, which is what more calls of one process add."""
        if case.file not in self.results:
            return []
        out = []
        for each in self.contestants.for_function(case.function):
            if (
                each.name not in ("skyutil", "python", "rust")
                or each.name not in self.results[case.file].stats
            ):
                continue
            process = Process(each, self.inputs.directory / "cases")
            try:
                with contextlib.suppress(Absent, Wrong):
                    process.ask(f"answer nothing {case.file}")  # it has started then
                before = process.peak()
                self.time(process, case, 1)
                peak = process.peak() - before
            finally:
                process.close()
            slow = self.results[case.file].stats[each.name]["median"] > 1e7
            few, many = (1, 3) if slow else (10, 110)
            allocations = None
            if counter is not None and case.tree is None:
                counts = [self.allocations(each, case, calls, counter) for calls in (few, many)]
                allocations = max(0.0, round((counts[1] - counts[0]) / (many - few), 2))
            out.append(
                {
                    "function": case.name,
                    "input": case.input,
                    "contestant": each.name,
                    "peak_bytes": peak,
                    "allocations": allocations,
                }
            )
        return out

    def allocations(self, contestant: Contestant, case: given.Case, calls: int, counter: Path) -> int:
        file = self.inputs.directory / "allocations"
        environment = {"LD_PRELOAD": str(counter), "SKYUTIL_ALLOCATIONS": str(file), "PYTHONMALLOC": "malloc"}
        process = Process(contestant, self.inputs.directory / "cases", environment)
        try:
            self.time(process, case, calls)
        finally:
            process.close()
        return int(file.read_text(encoding="ascii"))


HEADERS = {
    "base36_encode": "strings",
    "format_float": "strings",
    "truncate_long_string": "strings",
    "read_last_n_lines": "files",
    "hash_file": "hash",
    "hash_files": "hash",
    "find_free_port": "ports",
    "get_cpu_count": "system",
    "get_mem_size_gb": "system",
    "pid_exists": "process",
    "is_process_alive": "process",
    "get_parallel_threads": "workers",
    "get_max_workers_for_file_mounts": "workers",
    "estimate_fd_for_directory": "workers",
    "kill_process_tree": "process",
    "run": "subprocess",
}


# --- compile time ---------------------------------------------------------------------------------


def compile_ms(compiler: str, text: str) -> float | None:
    """CPU time of the compiler, unoptimised."""
    command = [
        compiler,
        "-std=c++20",
        "-O0",
        "-I",
        str(ROOT / "include"),
        "-x",
        "c++",
        "-c",
        "-",
        "-o",
        os.devnull,
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        return None
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def needed_by(compiler: str, header: Path) -> str:
    """The #include lines with <> of a header and of the library's own it includes."""
    done = subprocess.run(
        [compiler, "-std=c++20", "-I", str(ROOT / "include"), "-MM", "-x", "c++", str(header)],
        capture_output=True,
        text=True,
        check=True,
    )
    own = [part for part in done.stdout.replace("\\\n", " ").split()[1:] if "/skyutil/" in part]
    names: dict[str, None] = {}
    for path in own:
        for name in re.findall(r"^\s*#\s*include\s*<([^>]+)>", Path(path).read_text(encoding="utf-8"), re.M):
            if not name.startswith("skyutil/"):
                names[name] = None
    return "".join(f"#if __has_include(<{name}>)\n#include <{name}>\n#endif\n" for name in sorted(names))


def compile_times(
    compiler: str, quick: bool, only: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Of each header, or of these alone, which then are measured more often than in a quick run."""
    out = []
    for header in sorted((ROOT / "include" / "skyutil").glob("*.hpp")):
        name = f"skyutil/{header.name}"
        if header.stem == "version" or (only is not None and name not in only):
            continue
        heavy = header.stem in ("hash", "hash_openssl", "asio", "skyutil")
        if heavy and quick:
            continue
        try:
            std = needed_by(compiler, header)
        except subprocess.CalledProcessError:
            say(f"  {name}: left out, it does not compile here")
            continue
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(9 if only is not None else 2 if quick else 3 if heavy else 9):
            for text, times in ((f"#include <{name}>\n", ours), (std, theirs)):
                ms = compile_ms(compiler, text)
                if ms is not None:
                    times.append(ms)
        if not ours or not theirs:
            say(f"  {name}: left out, it does not compile here")
            continue
        # The fastest is the one that others disturbed least.
        row = {"header": name, "ms": round(min(ours), 1), "std_ms": round(min(theirs), 1)}
        row["ratio"] = round(min(ours) / min(theirs), 3)
        say(
            f"  {name}: {row['ms']:.0f} ms, what it includes {row['std_ms']:.0f} ms, ratio {row['ratio']:.2f}"
        )
        out.append(row)
    return out


# --- the machine and the peers --------------------------------------------------------------------


def first_line(*command: str) -> str | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def text_of(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def processor() -> str:
    """Whose it is, family and model; /proc/cpuinfo has these on x86 and their like on ARM."""
    text = text_of("/proc/cpuinfo") or ""
    keys = ("vendor_id", "cpu family", "model", "CPU implementer", "CPU architecture", "CPU part")
    found = [re.search(rf"^{key}\s*: (.*)$", text, re.M) for key in keys]
    return " ".join([platform.machine(), *(each[1] for each in found if each)])


def machine(compiler: str, python: list[str] | None, rust: Path | None) -> dict[str, Any]:
    cpu = re.search(r"^model name\s*: (.*)$", text_of("/proc/cpuinfo") or "", re.M)
    rustc = first_line("rustc", "--version") if rust else None
    version = first_line(*python, "--version") if python else None
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "compiler": first_line(compiler, "--version"),
        "python": version.split()[1] if version else None,
        "rust": rustc.split()[1] if rustc else None,
        "governor": text_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "load": [round(os.getloadavg()[0], 2), None],
    }


def find_python(wanted: str | None) -> str:
    """The one that has psutil, of those there are."""
    programs = [wanted] if wanted else [sys.executable, "python3", "/usr/bin/python3"]
    for program in programs:
        if first_line(program, "-c", "import psutil; print(psutil.__version__)"):
            return program
    say("no psutil: the Python functions use os instead")
    return programs[0]


def build_rust(notes: dict[str, str]) -> Path | None:
    """Built in build/report/rust, with the crates that the distribution has, never from the network."""
    if shutil.which("cargo") is None:
        notes["rust"] = "skipped, no cargo"
        return None
    source = REPORT / "rust" / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(HERE / "peers" / "rust", source)
    registry = Path("/usr/share/cargo/registry")
    crates = all(any(registry.glob(f"{name}-*")) for name in ("sha2", "md"))
    if not crates:
        # Cargo resolves optional dependencies too.
        manifest = source / "Cargo.toml"
        text = manifest.read_text(encoding="utf-8")
        text = re.sub(r"^(md-5|sha2) = .*\n", "", text, flags=re.M)
        text = re.sub(r"^hash = .*", "hash = []", text, flags=re.M)
        manifest.write_text(text, encoding="utf-8")
    command = ["cargo", "build", "--release", "--offline", "--quiet"]
    if crates:
        command += ["--features", "hash"]
        command += ["--config", 'source.crates-io.replace-with="distribution"']
        command += ["--config", f'source.distribution.directory="{registry}"']
    target = REPORT / "rust" / "target"
    done = subprocess.run(
        command,
        cwd=source,
        env={**os.environ, "CARGO_TARGET_DIR": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        say(done.stderr)
        notes["rust"] = "skipped, cargo failed"
        return None
    return target / "release" / "skyutil-peer"


def version() -> str:
    text = (ROOT / "include" / "skyutil" / "version.hpp").read_text(encoding="utf-8")
    return ".".join(re.findall(r"^#define SKYUTIL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text, re.M))


# --- all of it ------------------------------------------------------------------------------------


def told(row: dict[str, Any]) -> str:
    ours = row["skyutil"]["median"]
    text = f"{row['function']}, {row['input']}: {shown(ours)}"
    for name in ("python", "rust", "floor"):
        if row[name]:
            text += f"; {name} {shown(row[name]['median'])} ({row[name]['median'] / ours:.2f} x)"
    for rival in row["rivals"]:
        text += f"; {rival['name']} {rival['median'] / ours:.2f} x"
    return text


def means(rows: list[dict[str, Any]]) -> str:
    ratios = [
        row["python"]["median"] / row["skyutil"]["median"]
        for row in rows
        if row["headline"] and row["python"]
    ]
    if not ratios:
        return "no Python to compare with"
    return f"faster than Python, {len(ratios)} inputs: {statistics.geometric_mean(ratios):.1f} x geometric mean"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description="skyutil beside its peers, in one run")
    parser.add_argument("--quick", action="store_true", help="3 minutes instead of 20")
    parser.add_argument(
        "--only", metavar="REGEX", help="only these functions, without curves and compile time"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 where targets.json is missed")
    parser.add_argument("--baseline", metavar="FILE", help="compare with an earlier report.json")
    parser.add_argument(
        "--build", metavar="DIRECTORY", default=str(ROOT / "build" / "bench"), help=argparse.SUPPRESS
    )
    parser.add_argument("--python", metavar="PROGRAM", help="the Python to compare with")
    return parser.parse_args()


def find_contestants(arguments: argparse.Namespace) -> Contestants:
    notes: dict[str, str] = {}
    say("building the Rust peer")
    rust = build_rust(notes)
    python = [find_python(arguments.python), str(HERE / "peers" / "python" / "peer.py")]
    return Contestants(Path(arguments.build) / "benchmarks" / "skyutil_peer", python, rust, notes)


def measure_all(
    arguments: argparse.Namespace,
    contestants: Contestants,
    only: Collection[tuple[str, str]] | None = None,
    headers: Collection[str] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Measures all that the arguments ask for, or only the times of these functions and inputs and
    of these headers."""
    compiler = os.environ.get("CXX", "c++")
    begin = time.monotonic()
    about = machine(compiler, (contestants.python or [])[:1], contestants.rust)
    counters = list(contestants.peer.parent.glob("*skyutil_count_allocations.so"))
    quick = arguments.quick
    whole = not arguments.only and only is None
    # Short batches, as many of them escape what else the machine does.
    rows_effort = Effort(21, 2e6, 2e9) if quick else Effort(75, 5e6, 12e9)
    curve_effort = Effort(5, 2e6, 0.4e9) if quick else Effort(15, 5e6, 4e9)
    wanted = re.compile(arguments.only or "")

    rows: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    memory: list[dict[str, Any]] = []
    compiled: list[dict[str, Any]] = []
    with given.Inputs(REPORT / "inputs") as inputs:
        bench = Bench(contestants, inputs, quick)
        cases = [case for case in given.cases() if wanted.search(f"{case.name}, {case.input}")]
        if only is not None:
            cases = [case for case in cases if (case.name, case.input) in only]
        for number, case in enumerate(cases, 1):
            row = bench.row(case, rows_effort)
            what = told(row) if row else f"{case.name}, {case.input}: no row"
            say(f"[{time.monotonic() - begin:4.0f} s, {number}/{len(cases)}] {what}")
            rows += [row] if row else []
        for number, curve in enumerate(given.curves() if whole else [], 1):
            say(f"[{time.monotonic() - begin:4.0f} s] curve: {curve.title} by {curve.x}")
            curves.append(bench.curve(curve, curve_effort))
        if only is None:
            say(f"[{time.monotonic() - begin:4.0f} s] memory")
            seen: set[str] = set()
            for case in cases:
                if case.parent <= 256 and (not quick or case.name not in seen):
                    memory += bench.memory(case, counters[0] if counters else None)
                seen.add(case.name)
    if whole or headers:
        say(f"[{time.monotonic() - begin:4.0f} s] compile time")
        compiled = compile_times(compiler, quick, headers)
    about["load"][1] = round(os.getloadavg()[0], 2)
    say(f"[{time.monotonic() - begin:4.0f} s] {means(rows)}")
    report = {
        "schema": 1,
        "version": version(),
        "commit": first_line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": re.sub(r" --build \S+", "", " ".join(["./dev bench", *sys.argv[1:]])),
        "quick": quick,
        "machine": about,
        "rows": rows,
        "curves": curves,
        "memory": memory,
        "compile": compiled,
    }
    return report, bench.wrong


def write_report(name: str, report: dict[str, Any]) -> Path:
    file = REPORT / name
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return file


def measure_again(
    arguments: argparse.Namespace, contestants: Contestants, file: Path, targets: Path, wrong: list[str]
) -> list[Path]:
    """Measures what falls short once more, and what does again a second time: noise seldom comes three
    times. Returns the reports."""
    first, known = read_report(str(file)), read_targets(str(targets))
    again: list[Path] = []
    while len(again) < 2:
        so_far = [read_report(str(each)) for each in again]
        short = gate.rows_short(first, so_far, known)
        headers = gate.headers_short(first, so_far, known)
        if not short and not headers:
            break
        say("measuring again: " + "; ".join([*(", ".join(row) for row in short), *headers]))
        report, more = measure_all(arguments, contestants, short, headers)
        wrong += more
        again.append(write_report(f"again-{len(again) + 1}.json", report))
    return again


def main() -> int:
    arguments = parse_arguments()
    REPORT.mkdir(parents=True, exist_ok=True)
    contestants = find_contestants(arguments)
    report, wrong = measure_all(arguments, contestants)
    file = write_report("report.json", report)
    say(f"wrote {file.relative_to(ROOT)}")

    steps: list[list[str | Path]] = [["render", file, REPORT]]
    if arguments.check:
        targets = HERE / "targets.json"
        again = measure_again(arguments, contestants, file, targets, wrong)
        steps.append(["check", file, *again, targets])
    if arguments.baseline:
        steps.append(["compare", arguments.baseline, file])
    for problem in wrong:
        say(f"WRONG: {problem}")
    failed = bool(wrong)
    for step in steps:
        command = [sys.executable, HERE / "report.py", *step]
        failed |= subprocess.run(command, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
