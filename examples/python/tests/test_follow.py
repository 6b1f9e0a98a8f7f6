# SPDX-License-Identifier: MIT
"""Lines that are appended to a file, whatever becomes of its name."""

import contextlib
import inspect
import os
import signal
import threading

import pytest
from test_interrupts import ends_soon

PATIENCE = 60.0


@pytest.fixture
def log(tmp_path):
    path = tmp_path / 'log'
    path.write_bytes(b'one\ntwo\n')
    return path


@pytest.fixture
def follow(backend):
    """Makes followers that are closed at the end."""
    with contextlib.ExitStack() as stack:
        def make(*args, timeout=PATIENCE, **options):
            return stack.enter_context(backend.follow(*args, timeout=timeout, **options))
        yield make


def append(path, data):
    with open(path, 'ab') as file:
        file.write(data)


def take(lines, count):
    return [next(lines) for _ in range(count)]


def test_the_signature_is_the_same_in_both(backend):
    assert str(inspect.signature(backend.follow)) == \
        "(path, n=0, *, timeout=None, encoding='utf-8', errors='replace')"


def test_what_is_appended_comes_line_by_line(follow, log):
    lines = follow(log)
    append(log, b'three\nfo')
    assert take(lines, 1) == ['three']
    append(log, b'ur\n\nsix\n')
    assert take(lines, 3) == ['four', '', 'six']


@pytest.mark.parametrize('n, expected', [(0, []), (1, ['two']), (2, ['one', 'two']), (9, ['one', 'two'])])
def test_the_last_lines_come_first(follow, log, n, expected):
    assert list(follow(log, n, timeout=0)) == expected


def test_an_unfinished_line_comes_when_it_ends(follow, log):
    append(log, b'thr')
    lines = follow(log, timeout=0)
    assert list(lines) == []
    append(log, b'ee\n')
    assert list(lines) == ['three']


def test_the_iteration_ends_when_nothing_comes_and_can_go_on(follow, log):
    lines = follow(log, timeout=0.05)
    assert list(lines) == []
    append(log, b'three\n')
    assert list(lines) == ['three']


def test_a_file_that_is_renamed_and_made_again_is_read_to_its_end(follow, log, tmp_path):
    lines = follow(log)
    with open(log, 'ab', buffering=0) as old:
        os.rename(log, tmp_path / 'log.1')
        old.write(b'last of old\n')
        log.write_bytes(b'first of new\n')
        assert take(lines, 2) == ['last of old', 'first of new']


def test_many_lines_through_rotations_come_once_and_in_order(follow, log, tmp_path):
    lines = follow(log)
    begun = threading.Semaphore(1)  # files: pure Python does not notice one that is there for a moment only

    def write():
        for i in range(3000):
            append(log, b'%d\n' % i)
            if i % 500 == 499:
                begun.acquire(timeout=PATIENCE)
                os.rename(log, tmp_path / 'log.1')

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(3000):
            assert next(lines) == str(i)
            if i % 500 == 0 and i:
                begun.release()
    finally:
        writer.join()


def test_a_truncated_file_is_read_from_its_beginning(follow, log):
    lines = follow(log)
    append(log, b'a long line before\n')
    assert take(lines, 1) == ['a long line before']
    log.write_bytes(b'new\n')
    assert take(lines, 1) == ['new']


def test_a_file_that_is_not_there_yet_is_waited_for(follow, tmp_path):
    lines = follow(tmp_path / 'later', 5)
    writer = threading.Timer(0.1, lambda: (tmp_path / 'later').write_bytes(b'one\ntwo\n'))
    writer.start()
    assert take(lines, 2) == ['one', 'two']
    writer.join()


def test_a_line_may_end_with_cr_and_have_any_encoding(follow, log):
    lines = follow(log, encoding='latin-1')
    append(log, b'caf\xe9\r\n')
    assert take(lines, 1) == ['caf\u00e9']
    lines = follow(os.fsencode(log), 1)
    assert take(lines, 1) == ['caf\ufffd']


def test_a_long_line_comes_in_pieces(follow, log):
    lines = follow(log)
    size = 3 * 2**20
    append(log, b'x' * size + b'\ny\n')
    pieces = []
    for piece in lines:
        if piece == 'y':
            break
        assert len(piece) <= 2**20 + 1
        pieces.append(piece)
    assert len(pieces) >= 3 and ''.join(pieces) == 'x' * size


def test_a_name_that_is_relative_is_meant_where_it_was_given(follow, log, monkeypatch):
    monkeypatch.chdir(log.parent)
    lines = follow('log')
    monkeypatch.chdir('/')
    append(log, b'three\n')
    assert take(lines, 1) == ['three']


def test_what_cannot_be_followed_is_an_error(backend, tmp_path):
    with pytest.raises(IsADirectoryError) as info:
        backend.follow(tmp_path)
    assert info.value.filename == str(tmp_path)
    for wrong in [lambda: backend.follow(None), lambda: backend.follow(tmp_path / 'x', 'n'),
                  lambda: backend.follow(), lambda: backend.follow(tmp_path / 'x', 0, 5),
                  lambda: backend.follow(tmp_path / 'x', timeout='5s')]:
        with pytest.raises((TypeError, ValueError)):
            wrong()
    for wrong in [{'n': -1}, {'timeout': -1}, {'timeout': float('nan')}]:
        with pytest.raises(ValueError):
            backend.follow(tmp_path / 'x', **wrong)
    with pytest.raises(ValueError):
        backend.follow('a\0b')


def test_after_close_nothing_comes(follow, log):
    before = len(os.listdir('/proc/self/fd'))
    with follow(log, 2) as lines:
        assert next(lines) == 'one'
    assert list(lines) == []
    lines.close()
    assert len(os.listdir('/proc/self/fd')) == before


def test_a_signal_ends_the_wait_for_a_line(follow, log):
    lines = follow(log)
    ends_soon(lambda: next(lines))
    append(log, b'three\n')
    assert take(lines, 1) == ['three']


def test_control_c_is_a_keyboard_interrupt(follow, log):
    lines = follow(log)
    sender = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    sender.start()
    with pytest.raises(KeyboardInterrupt):
        next(lines)
    sender.join()


def test_only_one_thread_at_a_time_has_the_iterator(follow, log):
    lines = follow(log)
    answers = []
    refused = threading.Event()

    def wait():
        try:
            answers.append(next(lines))
        except ValueError:
            refused.set()

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert refused.wait(PATIENCE)
    append(log, b'three\n')
    for thread in threads:
        thread.join()
    assert answers == ['three']
