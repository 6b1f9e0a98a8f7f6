# SPDX-License-Identifier: MIT
"""Checks an installation: which implementation answers, and whether it answers rightly."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import timeit

import skyutil
from skyutil import _bench, _fallback

_CHECKS = []


def _check(name):
    def add(function):
        _CHECKS.append((name, function))
        return function
    return add


def _equal(answer, expected):
    if answer != expected or type(answer) is not type(expected):
        raise AssertionError(f'{answer!r} instead of {expected!r}')


def _raises(exception, function, *args):
    try:
        answer = function(*args)
    except exception:
        return
    raise AssertionError(f'{answer!r} instead of {exception.__name__}')


@_check('base36_encode')
def _(module, directory):
    _equal(module.base36_encode('deadbeef'), '1ps9wxb')
    _equal(module.base36_encode(' 0xFF '), '73')
    _equal(module.base36_encode('f' * 32), 'f5lxx1zz5pnorynqglhzmsp33')
    _raises(ValueError, module.base36_encode, '-ff')
    _raises(ValueError, module.base36_encode, 'xyz')


@_check('format_float')
def _(module, directory):
    _equal(module.format_float(1234567.89), '1234567.9')
    _equal(module.format_float(42.0), '42')
    _equal(module.format_float(0.125, precision=2), '0.12')
    _equal(module.format_float(True), 'True')
    _equal(module.format_float(10**30), '1' + '0' * 30)


@_check('truncate_long_string')
def _(module, directory):
    _equal(module.truncate_long_string('the quick brown fox jumps', 10), 'the quick ...')
    _equal(module.truncate_long_string('short'), 'short')
    _equal(module.truncate_long_string('日本語日本語日本語', 7, truncate_middle=True), '日本...本語')


@_check('read_last_n_lines')
def _(module, directory):
    path = os.path.join(directory, 'lines \udcff')
    with open(path, 'wb') as file:
        file.write(b'first\n' * 10_000 + b'one\r\n\xff two\nthree\n')
    _equal(module.read_last_n_lines(path, 3), ['one\n', '\ufffd two\n', 'three'])
    _equal(module.read_last_n_lines(os.fsencode(path), 1, encoding='latin-1'), ['three'])
    _equal(len(module.read_last_n_lines(file_path=path, n=100_000)), 10_003)
    _raises(AssertionError, module.read_last_n_lines, path, -1)
    _raises(AssertionError, module.read_last_n_lines, os.path.join(directory, 'missing'), 1)


@_check('hash_file')
def _(module, directory):
    path = os.path.join(directory, 'bytes')
    content = bytes(range(256)) * 2000
    with open(path, 'wb') as file:
        file.write(content)
    for name in ('md5', 'sha1', 'sha256', 'sha512', 'sha3_256', 'blake2b'):
        digest, expected = module.hash_file(path, name), hashlib.new(name, content)
        _equal(digest.hexdigest(), expected.hexdigest())
        _equal(digest.digest(), expected.digest())
        _equal((digest.name, digest.digest_size), (expected.name, expected.digest_size))
    _raises(FileNotFoundError, module.hash_file, os.path.join(directory, 'missing'), 'md5')
    _raises(ValueError, module.hash_file, path, 'no such algorithm')


@_check('find_free_port')
def _(module, directory):
    with socket.socket() as taken:
        taken.bind(('', 0))
        port = taken.getsockname()[1]
        if port < 65000:
            found = module.find_free_port(port)
            if not port < found <= 65535:
                raise AssertionError(f'{found} from {port} on, which is taken')
    _raises(OSError, module.find_free_port, 65536)


@_check('get_cpu_count')
def _(module, directory):
    _equal(module.get_cpu_count(), _fallback.get_cpu_count())


@_check('get_mem_size_gb')
def _(module, directory):
    _equal(module.get_mem_size_gb(), _fallback.get_mem_size_gb())
    if not module.get_mem_size_gb() > 0:
        raise AssertionError('no memory')


@_check('get_parallel_threads')
def _(module, directory):
    threads = max(4, module.get_cpu_count() - 1)
    _equal(module.get_parallel_threads(), threads)
    _equal(module.get_parallel_threads('Kubernetes'), 4 * threads)


@_check('is_process_alive')
def _(module, directory):
    _equal(module.is_process_alive(os.getpid()), True)
    _equal(module.is_process_alive(-1), False)
    child = subprocess.Popen([sys.executable, '-c', 'pass'])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    _equal(module.is_process_alive(child.pid), False)  # a zombie
    child.wait()


@_check('estimate_fd_for_directory')
def _(module, directory):
    path = os.path.join(directory, 'entries')
    os.mkdir(path)
    for i in range(7):
        os.mkdir(os.path.join(path, str(i)))
    _equal(module.estimate_fd_for_directory(path), 35)
    _raises(FileNotFoundError, module.estimate_fd_for_directory, path + 'x')


@_check('get_max_workers_for_file_mounts')
def _(module, directory):
    workers = module.get_max_workers_for_file_mounts({'/remote': directory, '/other': 's3://bucket'})
    _equal(workers, _fallback.get_max_workers_for_file_mounts({'/remote': directory, '/other': 's3://bucket'}))
    _equal(module.get_max_workers_for_file_mounts({}), module.get_max_workers_for_file_mounts(1, 1))


def _compare(native):
    """Lines of a quick comparison; the quickest of a few rounds of each."""
    calls = (('base36_encode', ('deadbeef' * 4,)), ('format_float', (1234567.89,)),
             ('truncate_long_string', ('lorem ipsum ' * 80, 80)), ('get_cpu_count', ()),
             ('get_mem_size_gb', ()), ('is_process_alive', (os.getpid(),)),
             ('read_last_n_lines', (__file__, 10)))
    for name, args in calls:
        best = []
        for module in (native, _fallback):
            function = getattr(module, name)
            best.append(min(timeit.repeat(lambda: function(*args), number=300, repeat=7)) / 300 * 1e9)
        yield f'  {name:24}{_bench.duration(best[0]):>10}{_bench.duration(best[1]):>10}{best[1] / best[0]:>8.1f} x'


def _scaling(module):
    """How long four threads take to hash a file each, beside one."""
    with tempfile.TemporaryFile() as file:
        file.truncate(32 << 20)
        path = f'/proc/self/fd/{file.fileno()}'

        def hash_in(count):
            threads = [threading.Thread(target=module.hash_file, args=(path, 'sha256')) for _ in range(count)]
            start = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return time.perf_counter() - start

        hash_in(1)
        one = min(hash_in(1) for _ in range(3))
        four = min(hash_in(4) for _ in range(3))
    return f'  4 threads hash 4 files in {four / one:.1f} times the time of one, on {module.get_cpu_count()} CPUs'


def _run_checks(report):
    """Calls report(name, problem) for each function; the problem is None where there is none."""
    if {name for name, _ in _CHECKS} != set(skyutil.FUNCTIONS):
        raise SystemExit('skyutil check: a function is not checked')
    with tempfile.TemporaryDirectory(prefix='skyutil-') as directory:
        for name, check in _CHECKS:
            try:
                check(skyutil, directory)
                report(name, None)
            except Exception as error:
                report(name, f'{type(error).__name__}: {error}')
            for leftover in os.listdir(directory):
                path = os.path.join(directory, leftover)
                if os.path.isfile(path):
                    os.unlink(path)


def _as_json():
    problems = {}
    _run_checks(problems.__setitem__)
    failed = sum(problem is not None for problem in problems.values())
    print(json.dumps({
        **skyutil.get_backend_info(),
        'python': sys.version.split()[0],
        'checks': {name: {'ok': problem is None, 'problem': problem} for name, problem in problems.items()},
        'passed': len(problems) - failed,
        'failed': failed,
    }, indent=1))
    return 1 if failed else 0


def main(options):
    if options.json:
        return _as_json()
    info = skyutil.get_backend_info()
    print(f'skyutil {info["version"]}, Python {sys.version.split()[0]}, backend {info["backend"]}'
          + (f' ({info["reason"]})' if info['reason'] else ''))
    if not options.quiet:
        print(info['file'])
    failed = []

    def report(name, problem):
        if problem:
            failed.append(name)
        if problem or not options.quiet:
            print(f'  {"FAILED" if problem else "ok":8}{name}' + (f': {problem}' if problem else ''))

    _run_checks(report)
    if skyutil.is_native_available() and not options.quiet:
        print(f'  {"":24}{"native":>10}{"python":>10}')
        for line in _compare(skyutil._native_module):
            print(line)
        print(_scaling(skyutil))
    print(f'{len(_CHECKS) - len(failed)} of {len(_CHECKS)} functions answer as they should')
    return 1 if failed else 0
