# SPDX-License-Identifier: MIT
"""Both implementations against what the Python originals answered."""

import base64
import os
import struct

import pytest
from conftest import rows


def text(encoded):
    return base64.b64decode(encoded).decode('utf-8', 'surrogatepass')


def check(row, function, *args, **kwargs):
    if 'exc' in row:
        with pytest.raises(Exception) as raised:
            function(*args, **kwargs)
        assert raised.type.__name__ == row['exc'], row
    else:
        assert function(*args, **kwargs) == row['out'], row


def test_base36_encode(backend):
    for row in rows('base36'):
        if row.get('hang'):
            with pytest.raises(ValueError):
                backend.base36_encode(text(row['in_b64']))
        else:
            check(row, backend.base36_encode, text(row['in_b64']))


def test_format_float(backend):
    for row in rows('format_float'):
        if row['type'] == 'float':
            number = struct.unpack('>d', bytes.fromhex(row['bits']))[0]
        else:
            number = {'True': True, 'False': False}.get(row['repr'])
            number = int(row['repr']) if number is None else number
        more = () if row['precision'] is None else (row['precision'],)
        check(row, backend.format_float, number, *more)


def test_truncate_long_string(backend):
    for row in rows('truncate'):
        more = {} if row['max_length'] is None else {'max_length': row['max_length']}
        answer = backend.truncate_long_string(text(row['in_b64']), truncate_middle=row['truncate_middle'], **more)
        assert answer == text(row['out_b64']), row


def test_read_last_n_lines(backend, tmp_path):
    for row in rows('read_last_n_lines'):
        if 'path_kind' in row:
            continue
        path = tmp_path / 'file'
        path.write_bytes(base64.b64decode(row['file_b64']))
        more = {} if row['chunk_size'] is None else {'chunk_size': row['chunk_size']}
        check(row, backend.read_last_n_lines, path, row['n'], **more)


def test_hash_file(backend, tmp_path):
    for row in rows('hash_file'):
        if 'path_kind' in row:
            continue
        path = tmp_path / 'file'
        if 'file_repeat' in row:
            path.write_bytes(bytes([row['file_repeat']['byte']]) * row['file_repeat']['size'])
        else:
            path.write_bytes(base64.b64decode(row['file_b64']))
        check(row, lambda *args: backend.hash_file(*args).hexdigest(), path, row['alg'])


def test_special_paths(backend, tmp_path):
    """What the originals raise where there is no plain file."""
    (tmp_path / 'dangling').symlink_to('nowhere')
    (tmp_path / 'loop').symlink_to('loop')
    (tmp_path / 'f').write_bytes(b'x')
    kinds = {'directory': tmp_path, 'missing': tmp_path / 'missing', 'dangling-symlink': tmp_path / 'dangling',
             'symlink-loop': tmp_path / 'loop', 'empty-path': '', 'nul-in-path': f'{tmp_path}/f\0x',
             'name-too-long': tmp_path / ('x' * 300), 'file-as-dir': tmp_path / 'f' / 'x'}
    seen = 0
    for row in rows('hash_file') + rows('read_last_n_lines'):
        if row.get('path_kind') not in kinds or 'exc' not in row:
            continue
        more = (row['alg'],) if row['fn'] == 'hash_file' else (row['n'],)
        check(row, getattr(backend, row['fn']), kinds[row['path_kind']], *more)
        seen += 1
    assert seen >= 14


def test_workers(backend, tmp_path, monkeypatch):
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    seen = 0
    for number, row in enumerate(rows('workers')):
        monkeypatch.setenv('SKYUTIL_CPU_COUNT', str(row['cpu_count'] or 1))
        if row['fn'] == 'get_parallel_threads':
            assert backend.get_parallel_threads(row['cloud']) == row['out'], row
            seen += 1
            continue
        limit = row['rlimit_soft']
        counts = row['dir_entry_counts']
        if not 32 < limit <= hard or max(counts.values(), default=0) > 1000:
            continue
        directories = {}
        for name, count in counts.items():
            directories[name] = tmp_path / f'{number}{name.replace("/", "-")}'
            directories[name].mkdir()
            for i in range(count):
                (directories[name] / str(i)).touch()
        mounts = {target: os.fspath(directories.get(source, source)) for target, source in row['mounts'].items()}
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            assert backend.get_max_workers_for_file_mounts(mounts, row['cloud']) == row['out'], row
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        seen += 1
    assert seen > 60
