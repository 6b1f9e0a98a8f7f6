# SPDX-License-Identifier: MIT
"""The native module and its twin side by side on generated arguments: values, types and exceptions."""

import hashlib
import os
import pathlib
import random
import string
import struct

import pytest
from skyutil import _fallback

SEED = 20250917
COUNTS = {'base36_encode': 30_000, 'format_float': 30_000, 'truncate_long_string': 30_000,
          'read_last_n_lines': 12_000, 'hash_file': 1_500, 'others': 4_000}


def test_there_are_more_than_a_hundred_thousand_inputs():
    assert sum(COUNTS.values()) > 100_000


def outcome(function, *args, **kwargs):
    """What can be told apart from outside."""
    try:
        value = function(*args, **kwargs)
    except Exception as error:
        details = [type(error), str(error)]
        while error is not None:
            details.append((type(error), getattr(error, 'errno', None), getattr(error, 'filename', None)))
            error = error.__cause__
        return details
    if hasattr(value, 'hexdigest'):
        value = (value.name, value.digest_size, value.block_size, value.hexdigest(), value.digest())
    return type(value), [type(each) for each in value] if isinstance(value, list) else None, value


class Compare:
    def __init__(self, native, name):
        self.native = getattr(native, name)
        self.twin = getattr(_fallback, name)
        self.name = name

    def __call__(self, *args, **kwargs):
        native = outcome(self.native, *args, **kwargs)
        twin = outcome(self.twin, *args, **kwargs)
        assert native == twin, f'{self.name}(*{args!r}, **{kwargs!r})'


ODD = [None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, -2**63, 2**200, 1.5, float('nan'), '', 'x', b'',
       b'ff', bytearray(b'ff'), [], ['a'] * 40, (), {}, object, 'é', '\ud800', '\0', 'a\0b', 1j]


def letters(random, alphabet, most):
    return ''.join(random.choices(alphabet, k=random.randrange(most)))


def test_base36_encode(native):
    compare = Compare(native, 'base36_encode')
    generator = random.Random(SEED)
    for odd in ODD:
        compare(odd)
        compare(hex_str=odd)
    grammars = (string.hexdigits, string.hexdigits + '_', ' \t\n\v\f\r\x1c\x85\xa0+-_0xX1fFg',
                string.printable, '0123456789abcdef١٢३\u2003\ufeff', '01\ud83d\0')
    for i in range(COUNTS['base36_encode']):
        text = letters(generator, grammars[i % len(grammars)] if i % 2 else string.hexdigits,
                       generator.choice((4, 12, 34, 70, 300 if i % 50 else 3000)))
        if i % 7 == 0:
            text = generator.choice((' ', '0x', '0X', '+', '-', '0x_', '\n+0x')) + text
        compare(text)


def test_format_float(native):
    compare = Compare(native, 'format_float')
    generator = random.Random(SEED + 1)
    for odd in ODD:
        compare(odd)
        compare(1.25, odd)
        compare(2.0, odd)
        compare(num=0.5, precision=odd)
    for i in range(COUNTS['format_float']):
        kind = i % 6
        if kind == 0:
            number = struct.unpack('<d', generator.getrandbits(64).to_bytes(8, 'little'))[0]
        elif kind == 1:
            number = generator.randrange(10**9) / 2**generator.randrange(12)
        elif kind == 2:
            number = float(generator.randrange(-10**18, 10**18))
        elif kind == 3:
            number = round(generator.uniform(-1e6, 1e6), generator.randrange(8))
        elif kind == 4:
            number = generator.choice((generator.randrange(-2**70, 2**70), True, False))
        else:
            number = generator.uniform(-1, 1) * 10.0**generator.randrange(-320, 300)
        if i % 3:
            compare(number, generator.choice((0, 1, 2, 3, 6, 15, 17, 40, 400)))
        else:
            compare(number)


def test_truncate_long_string(native):
    compare = Compare(native, 'truncate_long_string')
    generator = random.Random(SEED + 2)
    for odd in ODD:
        compare(odd)
        compare('word ' * 20, odd)
        compare('word ' * 20, 10, odd)
        compare(s='word ' * 20, truncate_middle=odd)
    alphabets = ('ab ', 'word  ', 'é日本 ', 'a😀 ', 'a\0\ud800\udfff ', 'x\t\n\u3000 ', 'e\u0301 ')
    for i in range(COUNTS['truncate_long_string']):
        text = letters(generator, alphabets[i % len(alphabets)],
                       generator.choice((5, 40, 80, 200 if i % 100 else 9000)))
        compare(text, generator.randrange(-3, 80), bool(i % 2))


def file_of(generator, kind):
    size = generator.choice((0, 1, 2, 20, 200, 9000 if kind % 3 else 40_000))
    if kind % 4 == 0:
        return generator.randbytes(size) if hasattr(generator, 'randbytes') else os.urandom(size)
    alphabet = ((b'a', b'\n'), (b'ab', b'\r', b'\n', b'\r\n'), (b'\xc3\xa9', b'\xc3', b'\xe2\x82', b'\r', b'\n'),
                (b'\xed\xa0\x80', b'\xff', b'\n', b'\r\r\n', b'\0'))[kind % 4]
    return b''.join(generator.choices(alphabet, k=size))


def test_read_last_n_lines(native, tmp_path):
    compare = Compare(native, 'read_last_n_lines')
    generator = random.Random(SEED + 3)
    paths = [tmp_path / 'file', os.fsencode(tmp_path / 'bytes\udcff'), str(tmp_path / 'text \udc80é')]
    for kind in range(600):
        path = paths[kind % len(paths)]
        with open(path, 'wb') as file:
            file.write(file_of(generator, kind))
        for i in range(COUNTS['read_last_n_lines'] // 600):
            kwargs = {}
            if i % 4 == 1:
                kwargs['encoding'] = generator.choice(
                    ('utf-8', 'UTF8', 'latin-1', 'utf-16', 'utf-16-le', 'ascii', 'cp1252', 'utf-8-sig',
                     'shift_jis', 'no such', 'hex', 'utf-8\0'))
            if i % 4 >= 1:
                kwargs['errors'] = generator.choice(
                    ('strict', 'replace', 'ignore', 'surrogateescape', 'backslashreplace', 'surrogatepass',
                     'no such'))
            if i % 4 == 3:
                kwargs['chunk_size'] = generator.choice((1, 2, 3, 5, 1000, 2**40))
            compare(path, generator.choice((1, 2, 3, 10, 1000, 2**63 - 1, 2**80)), **kwargs)
    for odd in ODD:
        compare(paths[0], odd)
        compare(paths[0], 3, odd)
        compare(paths[0], 3, 8192, odd)
        compare(paths[0], 3, encoding=odd, errors=odd)
        if not isinstance(odd, int):  # a descriptor
            compare(odd, 3)
            compare(file_path=odd, n=0)


def special_paths(tmp_path):
    (tmp_path / 'dangling').symlink_to('nowhere')
    (tmp_path / 'loop').symlink_to('loop')
    (tmp_path / 'file').write_bytes(b'one\ntwo')
    (tmp_path / 'empty').mkdir()
    return [tmp_path, tmp_path / 'dangling', tmp_path / 'loop', tmp_path / 'file', tmp_path / 'file' / 'x',
            tmp_path / 'empty', tmp_path / 'missing', tmp_path / ('x' * 300), str(tmp_path) + '/nul\0',
            '', b'', '/dev/null', '/dev/zero', '/proc/self/limits', '/proc/self/mountinfo',
            os.fsencode(tmp_path), '/proc/self/mem', 12345]


@pytest.mark.parametrize('name, more', [('read_last_n_lines', (3,)), ('read_last_n_lines', (0,)),
                                        ('read_last_n_lines', (-1,)), ('hash_file', ('sha256',)),
                                        ('hash_file', ('no such',)), ('estimate_fd_for_directory', ())])
def test_paths_that_are_no_plain_files(native, tmp_path, name, more):
    for path in special_paths(tmp_path):
        Compare(native, name)(path, *more)


def test_hash_file(native, tmp_path):
    compare = Compare(native, 'hash_file')
    generator = random.Random(SEED + 4)
    names = ('md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3_256', 'sha3_512', 'blake2b',
             'blake2s', 'SHA256', 'sha-256', 'sha3_224', 'sha512_256', '', 'crc32', 'sha256\0', ' md5')
    path = tmp_path / 'file'
    for i in range(COUNTS['hash_file']):
        if i % len(names) == 0:
            size = generator.choice((0, 1, 63, 64, 65, 1000, 262143, 262144, 262145, 700_000))
            path.write_bytes(os.urandom(size))
        compare(path, names[i % len(names)])
    for odd in ODD:
        compare(path, odd)
        compare(path=path, hash_alg=odd)
        if not isinstance(odd, int):
            compare(odd, 'md5')


def test_the_others(native, tmp_path, monkeypatch):
    generator = random.Random(SEED + 5)
    mounts = tmp_path / 'mounts'
    mounts.mkdir()
    directories = []
    for size in (0, 1, 30, 300):
        directories.append(mounts / str(size))
        directories[-1].mkdir()
        for i in range(size):
            (directories[-1] / str(i)).touch()
    names = ('get_cpu_count', 'get_mem_size_gb', 'get_parallel_threads', 'is_process_alive',
             'estimate_fd_for_directory', 'get_max_workers_for_file_mounts')
    compare = {name: Compare(native, name) for name in names}
    clouds = (None, '', 'aws', 'kubernetes', 'Kubernetes', 'KUBERNETES', 'kubernetes ', '\u212aubernetes')
    for i in range(COUNTS['others'] // 10):
        cloud = clouds[i % len(clouds)]
        if i % 3 == 0:
            text = generator.choice(('1', '0.5', '2.5', '+3', ' 4 ', '1e3', '1e400', '0', '-1', 'nan', 'inf',
                                     '', 'x', '1_0', '.5', '5.', '1e-400', '0x10', '٣', '1,5', '+-1', '1e',
                                     '999999999999', '\udcff', '+', '.'))
            for variable in ('SKYUTIL_CPU_COUNT', 'SKYPILOT_POD_CPU_CORE_LIMIT', 'SKYUTIL_MEMORY_BYTES',
                             'SKYPILOT_POD_MEMORY_GB_LIMIT', 'SKYPILOT_POD_MEMORY_BYTES_LIMIT'):
                monkeypatch.delenv(variable, raising=False)
                if generator.random() < 0.5:
                    monkeypatch.setenv(variable, text)
        compare['get_cpu_count']()
        compare['get_mem_size_gb']()
        compare['get_parallel_threads'](cloud)
        compare['get_parallel_threads'](cloud_str=cloud)
        compare['is_process_alive'](generator.choice((1, os.getpid(), 0, -1, 2**31, 2**40, 2**70, 4_000_000)))
        compare['estimate_fd_for_directory'](generator.choice(directories))
        paths = generator.choices(directories + ['s3://bucket', b'/etc', '', '/dev/null', 'nul\0', 'é\udcff'],
                                  k=generator.randrange(4))
        workers = compare['get_max_workers_for_file_mounts']
        workers(dict(enumerate(map(os.fspath, paths))), cloud)
        workers(common_file_mounts=dict(enumerate(paths)))
        workers(generator.randrange(0, 2000), generator.choice((0, 1, 99, 2000, 2**62)), cloud)
        workers(num_sources=generator.randrange(2000), cloud_str=cloud)
    for odd in ODD:
        for each in compare.values():
            if each.name == 'estimate_fd_for_directory' and isinstance(odd, int):
                continue
            each(odd)
            each(odd, odd)
            each(odd, no_such_argument=odd)


def test_without_a_limit_on_descriptors(native, tmp_path):
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    compare = Compare(native, 'get_max_workers_for_file_mounts')
    try:
        for limit in (50, 100, 104, 105, 130, 1024):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            compare({'a': str(tmp_path), 'b': 's3://x'})
            compare(7, 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_paths_may_be_any_path_like_object(backend, tmp_path):
    class Path:
        def __init__(self, value):
            self.value = value

        def __fspath__(self):
            return self.value

    name = os.fsencode(tmp_path) + b'/\xff\xfe line'
    with open(name, 'wb') as file:
        file.write(b'line\n')
    for path in (name, os.fsdecode(name), pathlib.Path(os.fsdecode(name)), Path(name), Path(os.fsdecode(name))):
        assert backend.read_last_n_lines(path, 1) == ['line']
        assert backend.hash_file(path, 'md5').hexdigest() == hashlib.md5(b'line\n').hexdigest()
        assert backend.get_max_workers_for_file_mounts({'a': path}) >= 1


def test_free_ports(native):
    compare = Compare(native, 'find_free_port')
    for start in (65536, 70000, -1, -70000, 2**70, 'x', None, 1.0, []):
        compare(start)
    compare(start_port=40_000)
    compare()
    compare(1, 2)


HUGE = 1 << 18  # from here on the native module works without the GIL


def test_huge_texts(native):
    compare = Compare(native, 'truncate_long_string')
    generator = random.Random(SEED)
    for size in (5_000, HUGE - 1, HUGE, HUGE + 1):
        for alphabet in ('a', ' ', 'ab ', 'aé ', 'a日 ', '日😀', '    a'):
            text = ''.join(generator.choices(alphabet, k=size))
            for max_length in (0, 1, 3, 4, 35, size // 2, size // 2 + 1, size - 1, size,
                               generator.randrange(size)):
                for middle in (False, True):
                    compare(text, max_length, middle)
            compare(' ' * size + text, size // 3)
        for text in ('é' * size + '\ud800', '\udcff' + 'é' * size):
            compare(text, 100)
            compare(text, 100, True)


def test_huge_lines(native, tmp_path):
    compare = Compare(native, 'read_last_n_lines')
    generator = random.Random(SEED)
    path = tmp_path / 'file'
    for size in (HUGE - 1, HUGE, HUGE + 1, 500_000):
        for line in (b'a' * size, 'é'.encode() * (size // 2), '日a😀'.encode() * (size // 8), generator.randbytes(size),
                     b'a' * size + b'\xf0\x9f', b'\xff' * size, b'a' * (size - 3) + b'\r\r\r'):
            path.write_bytes(b'first\n' + line + b'\n' + line)
            for errors in ('replace', 'surrogateescape', 'strict'):
                compare(path, 2, errors=errors)


def test_huge_numbers(native):
    compare = Compare(native, 'base36_encode')
    generator = random.Random(SEED)
    for size in (8_191, 8_192, 8_193, 30_000):
        digits = ''.join(generator.choices('0123456789abcdefABCDEF', k=size))
        for text in (digits, f' +0x{digits}\n', '_'.join(digits), digits + 'g', f'-{digits}', digits + '_', '0' * size):
            compare(text)
