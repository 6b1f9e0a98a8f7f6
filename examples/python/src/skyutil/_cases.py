# SPDX-License-Identifier: MIT
"""What `check` and `bench` call: each function with inputs, in a directory of their own."""

import contextlib
import os
import socket
import tempfile


class Case:
    """One call. `rivals` are (name, function without arguments) of usual libraries."""

    def __init__(self, function, header, text, args, headline=True, rivals=()):
        self.function = function
        self.header = header
        self.text = text
        self.args = args
        self.headline = headline
        self.rivals = [rival for rival in rivals if rival]


def psutil_or_none():
    try:
        import psutil
    except ImportError:
        return None
    return psutil


def _write_lines(path, size):
    block = b''.join(b'2025-09-17 12:00:%02d INFO worker-%d: request %06d took %d ms\r\n' % (
        i % 60, i % 8, i, i * 7919 % 1000) for i in range(10_000))
    with open(path, 'wb') as file:
        while file.tell() < size:
            file.write(block)


@contextlib.contextmanager
def _taken_ports(count):
    """A port from which on `count` are taken."""
    for start in range(20_000, 60_000, 1_111):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(start, start + count):
                    stack.enter_context(socket.socket()).bind(('', port))
            except OSError:
                continue
            yield start
            return
    raise OSError(f'no {count} ports in a row are free')


def _raise_fd_limit():
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096 if hard == resource.RLIM_INFINITY else min(4096, hard), hard))


def _strings():
    words = 'lorem ipsum dolor sit amet consectetur ' * 30
    for digits in (8, 32, 64, 1024):
        yield Case('base36_encode', 'strings', f'{digits} hexadecimal digits', (('deadbeef' * 128)[:digits],))
    yield Case('format_float', 'strings', '1234567.89', (1234567.89,))
    multibyte = '日本語の 文字 ' * 150
    for kind, text in (('ASCII', words), ('multibyte', multibyte)):
        yield Case('truncate_long_string', 'strings', f'1000 {kind} characters to 80', (text[:1000], 80))
        yield Case('truncate_long_string', 'strings', f'1000 {kind} characters without a space to 80',
                   ((text.replace(' ', '') * 2)[:1000], 80))


def _machine():
    psutil = psutil_or_none()
    pid = os.getpid()
    yield Case('is_process_alive', 'process', 'own pid', (pid,), rivals=[
        ('os.kill(pid, 0)', lambda: os.kill(pid, 0)),
        psutil and ('psutil.Process.status', lambda: psutil.Process(pid).status())])
    yield Case('get_cpu_count', 'system', 'steady', (), rivals=[
        ('os.sched_getaffinity', lambda: len(os.sched_getaffinity(0))),
        psutil and ('psutil.cpu_count', psutil.cpu_count)])
    yield Case('get_mem_size_gb', 'system', 'steady', (), rivals=[
        ('os.sysconf', lambda: os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')),
        psutil and ('psutil.virtual_memory', lambda: psutil.virtual_memory().total)])
    yield Case('get_parallel_threads', 'process', 'steady', (), rivals=[('os.cpu_count', os.cpu_count)])


def _tails(directory, quick):
    log = os.path.join(directory, 'log')
    size = (100 if quick else 1000) * 10**6
    _write_lines(log, size)
    for lines in (10, 1000):
        yield Case('read_last_n_lines', 'files', f'last {lines} lines of {size // 10**6} MB', (log, lines))
    if not quick:
        os.truncate(log, 10**8)
        yield Case('read_last_n_lines', 'files', 'last 1000000 lines of 100 MB', (log, 1_000_000))
    os.unlink(log)


def _hashes(directory, quick):
    import hashlib

    data = os.path.join(directory, 'data')
    with open(data, 'wb') as file:
        for _ in range(100):
            file.write(os.urandom(1 << 20))
    small = os.path.join(directory, 'small')
    with open(small, 'wb') as file:
        file.write(os.urandom(4096))

    def rival(algorithm):
        def digest():
            with open(data, 'rb', buffering=0) as file:
                return hashlib.file_digest(file, algorithm)
        return ('hashlib.file_digest', digest) if hasattr(hashlib, 'file_digest') else None

    for algorithm in ('md5', 'sha256', 'sha512'):
        yield Case('hash_file', 'hash', f'100 MiB, {algorithm}', (data, algorithm), rivals=[rival(algorithm)])
    yield Case('hash_file', 'hash', '4 KiB, sha256', (small, 'sha256'), headline=False)


def _make_files(directory, count):
    os.mkdir(directory)
    for i in range(count):
        os.close(os.open(os.path.join(directory, f'entry-{i}'), os.O_CREAT | os.O_WRONLY))


def _directories(directory, quick):
    for entries in (1000, 10_000 if quick else 100_000):
        many = os.path.join(directory, str(entries))
        _make_files(many, entries)
        yield Case('estimate_fd_for_directory', 'process', f'{entries} entries', (many,), rivals=[
            ('len(os.listdir)', lambda many=many: len(os.listdir(many)))])


def _mounts(directory, quick):
    mounts = {f'/remote/{i}': os.path.join(directory, f'source-{i}') for i in range(10)}
    for source in mounts.values():
        _make_files(source, 100)
    name = 'get_max_workers_for_file_mounts'
    yield Case(name, 'process', '10 directories of 100 entries', (mounts,))
    yield Case(name, 'process', '10 sources, the integer form', (10, 100), headline=False)


def _ports(quick):
    for taken in (0, 100) + (() if quick else (1000,)):
        with _taken_ports(taken) as start:
            yield Case('find_free_port', 'ports', f'{taken} taken', (start,))


def cases(quick, functions=()):
    """Yields each case, or those of some functions, while what it needs is there."""
    def wanted(*names):
        return not functions or not set(names).isdisjoint(functions)

    for case in (*_strings(), *_machine()):
        if wanted(case.function):
            yield case
    if wanted('find_free_port'):
        _raise_fd_limit()
        yield from _ports(quick)
    for name, make in (('read_last_n_lines', _tails), ('hash_file', _hashes),
                       ('estimate_fd_for_directory', _directories),
                       ('get_max_workers_for_file_mounts', _mounts)):
        if wanted(name):
            with tempfile.TemporaryDirectory(prefix='skyutil-') as directory:
                yield from make(directory, quick)
