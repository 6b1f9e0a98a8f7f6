# SPDX-License-Identifier: MIT
"""CPUs, memory, ports and processes of both implementations."""

import errno
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from conftest import DATA
from skyutil import _fallback, _limits

FIXTURES = sorted((DATA / 'fixtures').glob('*.txt'))


def unpack(fixture, directory):
    """Makes the files of a fixture below a directory; returns what is expected."""
    expected = {}
    for part in ('\n' + fixture.read_text(encoding='utf-8', errors='surrogateescape')).split('\n== ')[1:]:
        name, _, content = part.partition('\n')
        if name == 'expected':
            expected = json.loads(content)
        elif name.startswith('/') and not name.endswith('/'):
            path = directory / name.lstrip('/')
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding='utf-8', errors='surrogateescape')
    return expected


@pytest.mark.parametrize('fixture', FIXTURES, ids=lambda path: path.stem)
def test_the_twin_reads_limits_as_the_native_module(fixture, native, tmp_path):
    expected = unpack(fixture, tmp_path)
    root = str(tmp_path)
    assert _limits.cpu_count(root) == native._cpu_count_below(root)
    assert _limits.memory_bytes(root) == native._memory_below(root)
    if 'usable' in expected:
        assert _limits.cpu_count(root) == expected['usable']


def test_there_are_fixtures():
    assert len(FIXTURES) > 60


def test_both_find_the_same_on_this_machine(native):
    assert native.get_cpu_count() == _fallback.get_cpu_count() >= 1
    assert native.get_mem_size_gb() == _fallback.get_mem_size_gb() > 0


def test_half_a_cpu_is_one(backend, monkeypatch):
    monkeypatch.setenv('SKYPILOT_POD_CPU_CORE_LIMIT', '0.5')
    assert backend.get_cpu_count() == 1


@pytest.mark.skipif(not hasattr(os, 'sched_setaffinity') or os.cpu_count() < 2, reason='one CPU')
def test_the_affinity_of_the_calling_thread_counts(backend):
    mask = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mask)})
        assert backend.get_cpu_count() == 1
    finally:
        os.sched_setaffinity(0, mask)


def test_a_zombie_is_not_alive(backend):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert not backend.is_process_alive(pid)
    finally:
        os.waitpid(pid, 0)
    assert not backend.is_process_alive(pid)


def test_a_stopped_process_is_alive(backend):
    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
    try:
        child.send_signal(signal.SIGSTOP)
        assert backend.is_process_alive(child.pid)
    finally:
        child.kill()
        child.wait()


def test_the_id_of_a_thread_is_no_process(backend):
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not backend.is_process_alive(thread.native_id)
        assert backend.is_process_alive(os.getpid())
    finally:
        done.set()
        thread.join()


def test_the_twin_needs_no_pidfd(monkeypatch):
    def refused(pid):
        raise OSError(errno.ENOSYS, 'not here')

    monkeypatch.setattr(os, 'pidfd_open', refused, raising=False)
    test_a_zombie_is_not_alive(_fallback)
    test_the_id_of_a_thread_is_no_process(_fallback)


@pytest.mark.parametrize('family, address', [(socket.AF_INET, ''), (socket.AF_INET6, '::'),
                                             (socket.AF_INET, '127.0.0.1')])
def test_a_port_that_somebody_has_is_not_free(backend, family, address):
    try:
        taken = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        pytest.skip(str(error))
    with taken:
        if family == socket.AF_INET6:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            taken.bind((address, 0))
        except OSError as error:
            pytest.skip(str(error))
        taken.listen()
        port = taken.getsockname()[1]
        if port == 65535:
            pytest.skip('the last port')
        assert backend.find_free_port(port) > port


def test_the_last_port_is_tried(backend):
    with socket.socket() as taken:
        try:
            taken.bind(('', 65535))
        except OSError:
            pytest.skip('somebody has port 65535')
        with pytest.raises(OSError) as raised:
            backend.find_free_port(65535)
        assert raised.value.errno == errno.EADDRINUSE
        assert raised.value.args == (errno.EADDRINUSE, 'No free ports available.')
    for _ in range(50):
        try:
            assert backend.find_free_port(65535) == 65535
            break
        except OSError:
            time.sleep(0.1)
    else:
        pytest.skip('somebody has port 65535')


def test_port_zero_gives_a_real_port(backend):
    assert backend.find_free_port(0) > 0


def test_a_fifo_is_read_to_its_end(backend, tmp_path):
    path = tmp_path / 'fifo'
    os.mkfifo(path)

    def write():
        time.sleep(0.05)
        with open(path, 'wb') as file:
            file.write(b'one\r\ntwo\n')
            time.sleep(0.05)
            file.write(b'three\n')

    for read, expected in ((lambda: backend.read_last_n_lines(path, 2), ['two\n', 'three']),
                           (lambda: backend.hash_file(path, 'md5').hexdigest(),
                            hashlib.md5(b'one\r\ntwo\nthree\n').hexdigest())):
        writer = threading.Thread(target=write)
        writer.start()
        answer = read()
        writer.join()
        assert answer == expected
