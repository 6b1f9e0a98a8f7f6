# SPDX-License-Identifier: MIT
"""The functions of skyutil in pure Python.

They answer as the native module does, and are what it calls for arguments that it does not handle
itself: whatever is odd about an argument, the exception is Python's own.
"""

import contextlib as _contextlib
import errno as _errno
import hashlib as _hashlib
import operator as _operator
import os as _os
import re as _re
import select as _select
import socket as _socket
import stat as _stat
import threading as _threading
import time as _time

from skyutil import _limits

_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz'
_BLOCK = 2**18
_FIFO_PATIENCE = 10.0
_ENDLESS = {_os.makedev(1, minor) for minor in (5, 7, 8, 9)}  # zero, full, random, urandom
_MOST_THREADS = 2**31 - 1

# --- files ----------------------------------------------------------------------------------------


def _open_without_waiting(path, flags):
    flags |= _os.O_NOCTTY
    try:
        return _os.open(path, flags | _os.O_NONBLOCK)
    except BlockingIOError:  # somebody has a lease on the file and is asked to give it up
        return _os.open(path, flags)


class _Input:
    """A file opened for reading, whatever it is: a FIFO may wait ten seconds for its writer, a device
    that never ends is an error."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, 'rb', buffering=0, opener=_open_without_waiting)
        try:
            status = _os.fstat(self.file.fileno())
            if _stat.S_ISCHR(status.st_mode) and status.st_rdev in _ENDLESS:
                raise self.error(_errno.EFBIG)
        except BaseException:
            self.file.close()
            raise
        self.size = status.st_size if _stat.S_ISREG(status.st_mode) else 0
        self.wait_for_writer = _stat.S_ISFIFO(status.st_mode)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()

    def error(self, code):
        path = self.path if isinstance(self.path, int) else _os.fspath(self.path)
        return OSError(code, _os.strerror(code), path)

    def readinto(self, buffer):
        """As of a file that blocks: 0 at the end."""
        while True:
            try:
                count = self.file.readinto(buffer)
            except OSError as error:
                raise self.error(error.errno) from None
            if count:
                self.wait_for_writer = False
                return count
            if count == 0 and not self.wait_for_writer:
                return 0
            poll = _select.poll()
            poll.register(self.file, _select.POLLIN)
            limited = count == 0
            ready = poll.poll(_FIFO_PATIENCE * 1000 if limited else None)
            if limited and not ready:
                raise self.error(_errno.ETIMEDOUT)
            self.wait_for_writer = False

    def read_at(self, count, position):
        try:
            return _os.pread(self.file.fileno(), count, position)
        except OSError as error:
            raise self.error(error.errno) from None

    def read_rest(self):
        parts = []
        block = bytearray(_BLOCK)
        view = memoryview(block)
        while True:
            count = self.readinto(block)
            if count == 0:
                return b''.join(parts)
            parts.append(bytes(view[:count]))


def _tail(file, n, chunk_size):
    """The bytes of at least the last n lines; None when the file has fewer than its size says."""
    position, newlines, chunks = file.size, 0, []
    while position > 0 and newlines <= n:
        count = min(chunk_size, position)
        position -= count
        chunk = file.read_at(count, position)
        if len(chunk) != count:
            return None
        chunks.append(chunk)
        newlines += chunk.count(b'\n')
    return b''.join(reversed(chunks))


def _raise_read_error(file_path, n, code):
    error = OSError(code, _os.strerror(code), _os.fspath(file_path))
    raise RuntimeError(f'Failed to read last {n} lines from {file_path}: {error}') from error


def read_last_n_lines(file_path, n, chunk_size=8192, encoding='utf-8', errors='replace'):
    """The last n lines of a file: "\\n" at the end of all but the last, no CR before it.

    AssertionError for a negative n, a chunk_size that is not positive and a path where nothing is,
    RuntimeError for a file that cannot be read.
    """
    if not n >= 0:
        raise AssertionError(f'n must be non-negative. Got {n}')
    if not chunk_size > 0:
        raise AssertionError(f'chunk_size must be positive. Got {chunk_size}')
    if not _os.path.exists(file_path):
        raise AssertionError(f'File not found: {file_path}')
    if n == 0:
        return []
    n = _operator.index(n)
    chunk_size = _operator.index(chunk_size)
    try:
        with _Input(file_path) as file:
            text = _tail(file, n, chunk_size) if file.size else None
            if text is None:
                text = file.read_rest()
    except OSError as error:
        raise RuntimeError(
            f'Failed to read last {n} lines from {file_path}: {error}') from error
    if not text:
        return []
    lines = text.split(b'\n')
    lines = lines[-n - 1:-1] if not lines[-1] else lines[-n:]
    decoded = [line.decode(encoding, errors).rstrip('\r') + '\n' for line in lines[:-1]]
    decoded.append(lines[-1].decode(encoding, errors).rstrip('\r'))
    return decoded


class follow:
    """The lines that are appended to a file from now on, after the last n there are: an iterator of str
    without line ends.

    The name is followed, as tail -F does: a file that is renamed and made again, truncated, or not
    there yet. What is left of a file that was replaced comes before what its successor has; a line of
    more than a mebibyte comes in pieces. The iteration ends once no line has come for timeout seconds,
    or never. OSError for a file that cannot be read.
    """

    _PIECE = 2**20
    _INTERVAL = 0.2

    def __init__(self, path, n=0, *, timeout=None, encoding='utf-8', errors='replace'):
        n = _operator.index(n)
        if n < 0:
            raise ValueError(f'n must be non-negative. Got {n}')
        self._timeout = None if timeout is None else float(timeout)
        if self._timeout is not None and not self._timeout >= 0:
            raise ValueError('timeout must be a number of seconds from 0 on')
        if not isinstance(encoding, str) or not isinstance(errors, str):
            raise TypeError('encoding and errors must be str')
        self._path = _os.path.join(_os.getcwdb(), _os.fsencode(path))
        self._given_path = path
        self._decode = (encoding, errors)
        self._busy = _threading.Lock()
        self._file = self._status = None
        self._rest = b''
        self._lines = []  # the next one last
        self._closed = False
        if self._open():
            self._start(n)

    def __iter__(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Closes the file; there is no next line then."""
        with self._lock():
            self._closed = True
            self._lines.clear()
            if self._file:
                self._file.close()
                self._file = None

    def __next__(self):
        with self._lock():
            deadline = None if self._timeout is None else _time.monotonic() + self._timeout
            while True:
                if self._lines:
                    return self._lines.pop().decode(*self._decode).rstrip('\r')
                if self._closed:
                    raise StopIteration
                if self._read() or self._replaced():
                    continue
                left = self._INTERVAL if deadline is None else deadline - _time.monotonic()
                if left <= 0:
                    raise StopIteration
                _time.sleep(min(left, self._INTERVAL))

    @_contextlib.contextmanager
    def _lock(self):
        if not self._busy.acquire(blocking=False):
            raise ValueError('another thread has this iterator')
        try:
            yield
        finally:
            self._busy.release()

    def _open(self):
        """False when there is no such file."""
        try:
            file = _Input(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise OSError(error.errno, error.strerror, _os.fspath(self._given_path)) from None
        status = _os.fstat(file.file.fileno())
        if _stat.S_ISDIR(status.st_mode):
            file.file.close()
            raise IsADirectoryError(_errno.EISDIR, _os.strerror(_errno.EISDIR), _os.fspath(self._given_path))
        if self._file:
            self._file.close()
        self._file, self._status = file.file, status
        return True

    def _start(self, n):
        """Goes to where the last n lines start; without any, to the unfinished one."""
        end = self._status.st_size
        if not _stat.S_ISREG(self._status.st_mode) or end == 0:
            return
        fd = self._file.fileno()
        more = n + 1 if _os.pread(fd, 1, end - 1) == b'\n' else max(n, 1)
        while more and end:
            begin = max(0, end - _BLOCK)
            block = _os.pread(fd, end - begin, begin)
            at = len(block)
            while more and (at := block.rfind(b'\n', 0, at)) != -1:
                more -= 1
            end = begin if more else begin + at + 1
        self._file.seek(end)

    def _read(self):
        """Reads on; whether there was anything."""
        if not self._file:
            return False
        if _stat.S_ISREG(self._status.st_mode) and _os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)
            self._rest = b''
        block = self._file.read(_BLOCK)
        if not block:
            return False
        *lines, self._rest = (self._rest + block).split(b'\n')
        while len(self._rest) > self._PIECE:
            lines.append(self._rest[:self._PIECE])
            self._rest = self._rest[self._PIECE:]
        self._lines = lines[::-1]
        return True

    def _replaced(self):
        """Whether the name leads to another file now, which is the next one to be read."""
        try:
            status = _os.stat(self._path)
        except OSError:
            return False
        if self._file and (not status.st_size or _os.path.samestat(status, self._status)):
            return False
        if self._read():  # as its writer may have gone on meanwhile
            return True
        if not self._open():
            return False
        if self._rest:
            self._lines.append(self._rest)
            self._rest = b''
        return True


def hash_file(path, hash_alg):
    """The hash object of a file's bytes, as hashlib makes them."""
    with _Input(path) as file:
        digest = _hashlib.new(hash_alg)
        block = bytearray(_BLOCK)
        view = memoryview(block)
        while True:
            count = file.readinto(block)
            if count == 0:
                return digest
            digest.update(view[:count])


def estimate_fd_for_directory(path):
    """Five descriptors for each direct entry of a directory."""
    return 5 * len(_os.listdir(path))


# --- ports ----------------------------------------------------------------------------------------


def _open_port_socket(ipv6):
    if not ipv6:
        return _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    opened = _socket.socket(_socket.AF_INET6, _socket.SOCK_STREAM)
    try:
        opened.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)
    except BaseException:
        opened.close()
        raise
    return opened


def find_free_port(start_port):
    """The first port from start_port to 65535 that can be bound now, on IPv4 and IPv6; with 0 any that
    the system chooses. OSError when there is none."""
    no_ipv6 = (_errno.EAFNOSUPPORT, _errno.EADDRNOTAVAIL)
    ipv6 = True
    opened = None
    denied = taken = False
    try:
        for port in range(start_port, 65536):
            while True:
                try:
                    if opened is None:
                        opened = _open_port_socket(ipv6)
                    opened.bind(('::' if ipv6 else '', port))
                    return opened.getsockname()[1]
                except OSError as error:
                    if ipv6 and error.errno in no_ipv6:
                        ipv6 = False
                        if opened is not None:
                            opened.close()
                            opened = None
                        continue
                    if error.errno == _errno.EADDRINUSE:
                        taken = True
                    elif error.errno == _errno.EACCES:
                        denied = True
                    else:
                        raise
                    if port == 0:
                        raise
                    break
    finally:
        if opened is not None:
            opened.close()
    code = _errno.EACCES if denied and not taken else _errno.EADDRINUSE
    raise OSError(code, 'No free ports available.')


# --- strings --------------------------------------------------------------------------------------


def base36_encode(hex_str):
    """A hexadecimal text of any length, as int(hex_str, 16) reads it, in base 36. ValueError for one
    below zero."""
    value = int(hex_str, 16)
    if value < 0:
        raise ValueError(f'base36_encode() of a negative number: {hex_str!r}')
    digits = []
    while value:
        value, digit = divmod(value, 36)
        digits.append(_DIGITS[digit])
    return ''.join(reversed(digits)) or '0'


def format_float(num, precision=1):
    """A whole number without a decimal point, others with `precision` digits after it."""
    if isinstance(num, int):
        return str(num)
    return f'{num:.0f}' if num.is_integer() else f'{num:.{precision}f}'


def truncate_long_string(s, max_length=35, truncate_middle=False):
    """A text of more than max_length characters shortened between words, or in the middle."""
    if len(s) <= max_length:
        return s
    if truncate_middle:
        if max_length <= 3:
            return '...'
        tail = (max_length - 3) // 2
        head = max_length - 3 - tail
        return s[:head] + '...' + (s[-tail:] if tail else '')
    words = s.split(' ')
    if len(words[0]) > max_length:
        return words[0][:max_length] + '...'
    total = kept = 0
    for kept, word in enumerate(words):
        total += len(word)
        if total >= max_length:
            break
    prefix = ' '.join(words[:kept])
    return prefix + s[len(prefix):max_length] + '...'


# --- this machine ---------------------------------------------------------------------------------

_NUMBER = _re.compile(
    r'[ \t\r\n\v\f]*\+?((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[ \t\r\n\v\f]*', _re.ASCII)


def _overridden(variables):
    """The first variable that is set, in the unit of what it stands for; None when none is."""
    for name, unit in variables:
        text = _os.environ.get(name)
        if text is None:
            continue
        number = _NUMBER.fullmatch(text)
        value = float(number.group(1)) * unit if number else 0.0
        if not 0.0 < value < float('inf'):
            raise ValueError(f'the environment variable {name} is {text!r}, '
                             'which is no positive number')
        return value
    return None


def get_cpu_count():
    """How many CPUs the calling thread may use, at least 1: control groups, cpuset and affinity
    count. SKYUTIL_CPU_COUNT or else SKYPILOT_POD_CPU_CORE_LIMIT overrides it."""
    value = _overridden((('SKYUTIL_CPU_COUNT', 1), ('SKYPILOT_POD_CPU_CORE_LIMIT', 1)))
    if value is not None:
        return int(min(max(value, 1), _MOST_THREADS))
    return _limits.cpu_count()


def get_mem_size_gb():
    """How much memory this process may use, in GiB. SKYUTIL_MEMORY_BYTES,
    SKYPILOT_POD_MEMORY_GB_LIMIT or SKYPILOT_POD_MEMORY_BYTES_LIMIT overrides it."""
    value = _overridden((('SKYUTIL_MEMORY_BYTES', 1), ('SKYPILOT_POD_MEMORY_GB_LIMIT', 2**30),
                         ('SKYPILOT_POD_MEMORY_BYTES_LIMIT', 1)))
    return (float(_limits.memory_bytes()) if value is None else value) / 2**30


# --- processes ------------------------------------------------------------------------------------


def _is_process(pid):
    """Whether the id is a process's, not that of another of its threads."""
    try:
        with open(f'/proc/{pid}/status', 'rb') as file:
            return b'\nTgid:\t%d\n' % pid in file.read()
    except OSError:
        try:
            _os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True


def is_process_alive(pid):
    """Whether any thread of the process is executing; a zombie is not alive."""
    pid = _operator.index(pid)
    if not 0 < pid < 2**31:
        return False
    try:
        pidfd = _os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    except (AttributeError, OSError) as error:
        code = getattr(error, 'errno', None)
        if code in (_errno.EMFILE, _errno.ENFILE):
            raise
        if code == _errno.EINVAL:  # the id of a thread
            return False
    else:
        try:
            poll = _select.poll()
            poll.register(pidfd, _select.POLLIN)
            return not poll.poll(0)
        finally:
            _os.close(pidfd)
    try:
        with open(f'/proc/{pid}/stat', 'rb') as file:
            fields = file.read().rpartition(b')')[2].split()
    except OSError:
        return _is_process(pid)
    ended = fields[0] in (b'Z', b'X', b'x') and fields[17] in (b'0', b'1')
    return not ended and _is_process(pid)


def get_parallel_threads(cloud_str=None):
    """One thread less than CPUs, at least 4; four times as many on Kubernetes."""
    threads = max(4, get_cpu_count() - 1)
    if cloud_str and cloud_str.lower() == 'kubernetes':
        threads *= 4
    return min(threads, _MOST_THREADS)


def _soft_fd_limit():
    """None when there is no limit."""
    import resource
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _workers(descriptors, cloud_str):
    limit = _soft_fd_limit()
    threads = get_parallel_threads(cloud_str)
    if limit is None:
        return threads
    return min(max((limit - 100) // descriptors, 1), threads)


def _workers_for_mounts(common_file_mounts, cloud_str=None):
    descriptors = 5
    for source in list(common_file_mounts.values()):  # other threads may change it meanwhile
        if _os.path.isdir(source):
            descriptors = max(descriptors, estimate_fd_for_directory(source))
    return _workers(descriptors, cloud_str)


def _workers_for_number(num_sources, estimated_files_per_source=100, cloud_str=None):
    sources = _operator.index(num_sources)
    files = _operator.index(estimated_files_per_source)
    if sources < 0 or files < 0:
        raise OverflowError('can\'t convert negative int to unsigned')
    return _workers(5 + max(5, files // 20) + sources // 10, cloud_str)


def get_max_workers_for_file_mounts(*args, **kwargs):
    """How many workers may copy sources at once, for the soft limit on descriptors and the CPUs.

    Takes (common_file_mounts, cloud_str=None), a dict whose values are the sources, or
    (num_sources, estimated_files_per_source=100, cloud_str=None).
    """
    if 'num_sources' in kwargs or (args and hasattr(args[0], '__index__')):
        return _workers_for_number(*args, **kwargs)
    return _workers_for_mounts(*args, **kwargs)


get_max_workers_for_file_mounts.__text_signature__ = '(common_file_mounts, cloud_str=None)'
