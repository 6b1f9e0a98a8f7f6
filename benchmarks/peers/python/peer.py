#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The twelve functions and a few more as a Python programmer writes them: hashlib, os, resource, psutil.

peer.py CASES reads lines and answers each with one, as benchmarks/run.py asks:

    answer FUNCTION CASE        JSON: the answers to all lines of the file CASES/CASE
    time FUNCTION CASE CALLS    nanoseconds for so many calls, with one line after the other
                                or "none REASON", "error REASON"
"""

from __future__ import annotations

import collections
import concurrent.futures
import errno
import hashlib
import itertools
import json
import math
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

try:
    import psutil
except ImportError:
    psutil = None  # type: ignore[assignment]

# --- strings -------------------------------------------------------------------------------------

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36_encode(text: str) -> str:
    value = int(text, 16)
    if value < 0:
        raise ValueError("negative")
    digits = ""
    while value:
        value, digit = divmod(value, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def format_float(x: float, precision: int = 1) -> str:
    if isinstance(x, int):
        return str(x)
    if math.isfinite(x) and x.is_integer():
        return f"{x:.0f}"
    return f"{x:.{precision}f}"


def truncate_long_string(text: str, max_length: int = 35, mode: str = "word") -> str:
    if len(text) <= max_length:
        return text
    if mode == "middle":
        if max_length <= 3:
            return "..."
        half, odd = divmod(max_length - 3, 2)
        return text[: half + odd] + "..." + (text[-half:] if half else "")
    words = text.split(" ")
    if len(words[0]) > max_length:
        return text[:max_length] + "..."
    length = 0
    count = 0
    for count, word in enumerate(words):
        length += len(word)
        if length >= max_length:
            break
    kept = " ".join(words[:count])
    if len(kept) < max_length:
        kept = text[:max_length]
    return kept + "..."


# --- files ---------------------------------------------------------------------------------------


def read_last_n_lines(path: str, n: int) -> list[str]:
    """By blocks from the end, until there are enough line feeds."""
    if n == 0:
        return []
    with open(path, "rb") as file:
        position = file.seek(0, os.SEEK_END)
        blocks: list[bytes] = []
        found = 0
        while position > 0 and found <= n:
            size = min(8192, position)
            position -= size
            file.seek(position)
            block = file.read(size)
            found += block.count(b"\n")
            blocks.append(block)
    text = b"".join(reversed(blocks))
    lines = text.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.decode("utf-8", errors="replace") for line in lines[-n:]]


def hash_file(path: str, algorithm: str = "sha256") -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def hash_file_by_blocks(path: str, algorithm: str = "sha256") -> str:
    """Before Python 3.11."""
    digest = hashlib.new(algorithm)
    with open(path, "rb", buffering=0) as file:
        while block := file.read(1 << 18):
            digest.update(block)
    return digest.hexdigest()


if not hasattr(hashlib, "file_digest"):
    hash_file = hash_file_by_blocks


def hash_files(paths: Sequence[str], threads: int) -> list[str]:
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(hash_file, paths))


def estimate_fd_for_directory(path: str) -> int:
    return 5 * len(os.listdir(path))


# --- ports ---------------------------------------------------------------------------------------


def find_free_port(start: int = 1024) -> int:
    """A port that is free on IPv6 and IPv4, where there is IPv6."""
    for port in range(start, 65536):
        with socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET) as probe:
            if probe.family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                probe.bind(("", port))
            except OSError as problem:
                if problem.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
    raise OSError(errno.EADDRINUSE, "no free port")


# --- CPUs and memory -----------------------------------------------------------------------------


def read_limit(*paths: str) -> str:
    """The text of the first of these files that is there."""
    for path in paths:
        try:
            with open(path, encoding="ascii") as file:
                return file.read()
        except OSError:
            pass
    return ""


def cpu_quota() -> float:
    """Of the group at the usual place, which is a container's own."""
    text = read_limit("/sys/fs/cgroup/cpu.max")
    if text:
        quota, period = text.split()
        return math.inf if quota == "max" else int(quota) / int(period)
    quota = read_limit("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    if not quota or int(quota) < 0:
        return math.inf
    return int(quota) / int(read_limit("/sys/fs/cgroup/cpu/cpu.cfs_period_us"))


def get_cpu_count() -> int:
    for variable in ("SKYUTIL_CPU_COUNT", "SKYPILOT_POD_CPU_CORE_LIMIT"):
        value = os.environ.get(variable)
        if value is not None:
            return max(1, int(float(value)))
    return max(1, int(min(len(os.sched_getaffinity(0)), cpu_quota())))


def get_mem_size_gb() -> float:
    for variable, unit in (
        ("SKYUTIL_MEMORY_BYTES", 1 << 30),
        ("SKYPILOT_POD_MEMORY_GB_LIMIT", 1),
        ("SKYPILOT_POD_MEMORY_BYTES_LIMIT", 1 << 30),
    ):
        value = os.environ.get(variable)
        if value is not None:
            return float(value) / unit
    if psutil is not None:
        total = psutil.virtual_memory().total
    else:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = read_limit("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes").strip()
    if limit and limit != "max":
        total = min(total, int(limit))
    return total / (1 << 30)


# --- processes -----------------------------------------------------------------------------------


def pid_exists(pid: int) -> bool:
    if psutil is not None:
        return psutil.pid_exists(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_process_alive(pid: int) -> bool:
    if psutil is not None:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rsplit(b")", 1)[1].split()[0] != b"Z"
    except FileNotFoundError:
        return False


def kill_process_tree(pid: int) -> int:
    if psutil is None:
        raise NotImplementedError("needs psutil")
    root = psutil.Process(pid)
    processes = [root, *root.children(recursive=True)]
    for process in processes:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            pass
    psutil.wait_procs(processes, timeout=10)
    return len(processes)


def get_parallel_threads(cloud: str = "") -> int:
    return max(4, get_cpu_count() - 1) * (4 if cloud.lower() == "kubernetes" else 1)


def get_max_workers_for_file_mounts(sources: Sequence[str], cloud: str = "") -> int:
    most = 5
    for source in sources:
        if os.path.isdir(source):
            most = max(most, estimate_fd_for_directory(source))
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    threads = get_parallel_threads(cloud)
    if limit == resource.RLIM_INFINITY:
        return threads
    return max(1, min(threads, (limit - 100) // most))


def run(_: mmap.mmap) -> int:
    return subprocess.run(["/bin/true"], check=True).returncode


# --- inputs: what is called with the fields of a line ----------------------------------------------


def none(_: list[str]) -> tuple[()]:
    return ()


def text_input(line: list[str]) -> tuple[str]:
    return (line[0],)


def number(line: list[str]) -> tuple[int]:
    return (int(line[0]),)


def pid_input(line: list[str]) -> tuple[int]:
    return (os.getpid() if line[0] == "self" else int(line[0]),)


def text_and_number(line: list[str]) -> tuple[str, int]:
    return (line[0], int(line[1]))


def many_files(line: list[str]) -> tuple[list[str], int]:
    return (sorted(entry.path for entry in os.scandir(line[0])), int(line[1]))


def ballast(line: list[str]) -> tuple[mmap.mmap]:
    """Memory in use, gone with the object."""
    size = int(line[0]) << 20
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    try:
        memory.madvise(23)  # MADV_POPULATE_WRITE, Linux 5.14
    except OSError:
        memory[::4096] = b"\1" * (size // 4096)
    return (memory,)


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[[list[str]], tuple[Any, ...]]]] = {
    "base36_encode": (base36_encode, text_input),
    "format_float": (format_float, lambda line: (float(line[0]), int(line[1]))),
    "truncate_long_string": (truncate_long_string, lambda line: (line[0], int(line[1]), line[2])),
    "read_last_n_lines": (read_last_n_lines, text_and_number),
    "hash_file": (hash_file, lambda line: (line[0], line[1])),
    "hash_files": (hash_files, many_files),
    "estimate_fd_for_directory": (estimate_fd_for_directory, text_input),
    "find_free_port": (find_free_port, number),
    "get_cpu_count": (get_cpu_count, none),
    "get_cpu_count_first": (get_cpu_count, none),
    "get_mem_size_gb": (get_mem_size_gb, none),
    "get_mem_size_gb_first": (get_mem_size_gb, none),
    "pid_exists": (pid_exists, pid_input),
    "is_process_alive": (is_process_alive, pid_input),
    "kill_process_tree": (kill_process_tree, pid_input),
    "get_parallel_threads": (get_parallel_threads, text_input),
    "get_max_workers_for_file_mounts": (get_max_workers_for_file_mounts, lambda line: (line,)),
    "run": (run, ballast),
}


# --- answering -----------------------------------------------------------------------------------


def shortened(answer: Any) -> Any:
    """A long list as the number of elements, of bytes, and the CRC-32 of all, each with a line feed."""
    if not isinstance(answer, list) or len(answer) <= 100:
        return answer
    crc = 0
    size = 0
    for line in answer:
        data = line.encode()
        size += len(data)
        crc = zlib.crc32(data + b"\n", crc)
    return [len(answer), size, crc]


def reply(cases: str, request: list[str]) -> str:
    what, function, case = request[:3]
    if function not in FUNCTIONS:
        return "none not written"
    call, input_of = FUNCTIONS[function]
    with open(os.path.join(cases, case), encoding="utf-8", newline="\n") as file:
        inputs = [input_of(line.split("\t")) for line in file.read().removesuffix("\n").split("\n")]
    if what == "answer":
        return json.dumps([shortened(call(*each)) for each in inputs], ensure_ascii=False)
    calls = itertools.starmap(call, itertools.islice(itertools.cycle(inputs), int(request[3])))
    begin = time.perf_counter_ns()
    collections.deque(calls, maxlen=0)
    return str(time.perf_counter_ns() - begin)


def main() -> None:
    for request in sys.stdin:
        try:
            print(reply(sys.argv[1], request.split()), flush=True)
        except NotImplementedError as problem:
            print("none", problem, flush=True)
        except Exception as problem:
            print("error", repr(problem), flush=True)


if __name__ == "__main__":
    main()
