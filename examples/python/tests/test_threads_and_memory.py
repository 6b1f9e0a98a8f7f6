# SPDX-License-Identifier: MIT
"""What blocks lets other threads run, and nothing leaks."""

import os
import signal
import sys
import threading
import time

import pytest

CALLS = 1_000_000


def count_while(work):
    """How often another thread that needs the GIL got on while `work` ran in this one."""
    ready, stop, counted = threading.Event(), threading.Event(), [0]

    def count():
        ready.set()
        while not stop.is_set():
            counted[0] += 1
            time.sleep(0)

    other = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # nobody is made to give the GIL up
    try:
        other.start()
        ready.wait()
        before = counted[0]
        work()
        return counted[0] - before
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        other.join()


@pytest.fixture(scope='module')
def large_file(tmp_path_factory):
    path = tmp_path_factory.mktemp('large') / 'file'
    with open(path, 'wb') as file:
        file.truncate(64 << 20)
    return path


def test_hashing_lets_other_threads_run(native, large_file):
    assert count_while(lambda: native.hash_file(large_file, 'md5')) > 100


def test_reading_lines_lets_other_threads_run(native, large_file):
    assert count_while(lambda: native.read_last_n_lines(large_file, 1)) > 10


def test_waiting_for_a_writer_lets_other_threads_run(native, tmp_path):
    path = tmp_path / 'fifo'
    os.mkfifo(path)
    writer = threading.Timer(0.2, lambda: path.write_bytes(b'line\n'))
    writer.start()
    assert count_while(lambda: native.read_last_n_lines(path, 1)) > 100
    writer.join()


def test_four_threads_hash_as_one_does(native, large_file):
    expected = native.hash_file(large_file, 'sha256').hexdigest()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(native.hash_file(large_file, 'sha256').hexdigest()))
               for _ in range(4)]

    def run(together):
        start = time.perf_counter()
        for thread in threads[:together]:
            thread.start()
        for thread in threads[:together]:
            thread.join()
        return time.perf_counter() - start

    took = run(4)
    assert answers == [expected] * 4
    start = time.perf_counter()
    native.hash_file(large_file, 'sha256')
    once = time.perf_counter() - start
    print(f'\n4 threads hash 4 files in {took / once:.2f} times the time of one; {os.cpu_count()} CPUs')


class Interrupt(Exception):
    pass


def test_a_signal_interrupts_hashing(backend, tmp_path):
    path = tmp_path / 'file'
    with open(path, 'wb') as file:
        file.truncate(8 << 30)

    def interrupt(number, frame):
        raise Interrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Interrupt):
            backend.hash_file(path, 'sha256')
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def resident_bytes():
    with open('/proc/self/statm', 'rb') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def test_a_million_calls_leave_no_memory_behind(native, tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'a line\r\nanother \xff\n' * 50)
    missing = tmp_path / 'missing'
    mounts = {'a': str(tmp_path), 'b': 's3://x'}
    hashed = native.hash_file(path, 'sha512')

    def raises(function, *args):
        try:
            function(*args)
        except Exception:
            return
        raise AssertionError(f'{function} did not raise')

    calls = (
        (20, lambda: native.base36_encode('deadbeef' * 8)),
        (1, lambda: native.base36_encode('f' * 3000)),
        (6, lambda: raises(native.base36_encode, '-1')),
        (20, lambda: native.format_float(1234567.89, precision=3)),
        (15, lambda: native.truncate_long_string('some words ' * 30, 80)),
        (10, lambda: native.truncate_long_string('é日本 ' * 30, 80, True)),
        (2, lambda: native.truncate_long_string(f'\ud800{"é " * 40}', 20)),
        (5, lambda: native.get_cpu_count()),
        (5, lambda: native.get_mem_size_gb()),
        (5, lambda: native.get_parallel_threads('kubernetes')),
        (3, lambda: native.is_process_alive(1)),
        (1, lambda: native.read_last_n_lines(path, 5)),
        (1, lambda: native.read_last_n_lines(path, 5, encoding='latin-1')),
        (1, lambda: raises(native.read_last_n_lines, missing, 5)),
        (1, lambda: native.hash_file(path, 'sha256').hexdigest()),
        (1, lambda: hashed.copy().update(b'x')),
        (1, lambda: raises(native.hash_file, missing, 'md5')),
        (1, lambda: raises(native.hash_file, tmp_path, 'md5')),
        (1, lambda: native.get_max_workers_for_file_mounts(mounts)),
    )
    each_round = sum(weight for weight, _ in calls)
    rounds = CALLS // each_round

    def run(count):
        for weight, call in calls:
            for _ in range(weight * count):
                call()

    run(rounds // 20)  # what is allocated once
    before = resident_bytes()
    run(rounds)
    assert resident_bytes() - before < 4 << 20
