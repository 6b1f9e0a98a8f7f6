# SPDX-License-Identifier: MIT
"""The choice between native and pure Python, signatures, hash objects."""

import ast
import hashlib
import inspect
import os
import pathlib
import pickle
import re
import shutil
import subprocess
import sys

import pytest
import skyutil
from conftest import DATA, NATIVE
from skyutil import _fallback

PACKAGE = pathlib.Path(skyutil.__file__).parent


def python(code, path=PACKAGE.parent, **environment):
    names = {name: value for name, value in os.environ.items()
             if name not in ('SKYUTIL_USE_NATIVE', 'SKYPILOT_USE_RUST')}
    return subprocess.run([sys.executable, '-c', code], env={**names, 'PYTHONPATH': str(path), **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                          check=True).stdout.strip()


BACKEND = 'import skyutil; i = skyutil.get_backend_info(); print(i["backend"], i["reason"])'


@pytest.mark.parametrize('environment', [{'SKYUTIL_USE_NATIVE': '0'}, {'SKYPILOT_USE_RUST': '0'},
                                         {'SKYUTIL_USE_NATIVE': 'false'}])
def test_the_environment_turns_the_native_module_off(environment):
    (name, value), = environment.items()
    assert python(BACKEND, **environment) == f'python {name}={value}'


@pytest.mark.parametrize('environment', [{}, {'SKYUTIL_USE_NATIVE': '1'},
                                         {'SKYUTIL_USE_NATIVE': '1', 'SKYPILOT_USE_RUST': '0'}])
def test_the_native_module_is_used_where_there_is_one(native, environment):
    assert python(BACKEND, **environment) == 'native None'


def copy_of_the_package(directory):
    shutil.copytree(PACKAGE, directory / 'skyutil', ignore=shutil.ignore_patterns('__pycache__'))
    return directory


def test_without_a_native_module_python_answers(tmp_path):
    path = copy_of_the_package(tmp_path)
    for file in path.glob('skyutil/_native*.so'):
        file.unlink()
    assert python(BACKEND, path).startswith('python No module named')


def test_a_native_module_that_cannot_be_loaded_is_not_used(native, tmp_path):
    path = copy_of_the_package(tmp_path)
    for file in path.glob('skyutil/_native*.so'):
        file.write_bytes(b'no library')
    assert python(BACKEND, path).startswith('python ')


def test_a_native_module_of_another_version_is_not_used(native, tmp_path):
    path = copy_of_the_package(tmp_path)
    init = path / 'skyutil' / '__init__.py'
    init.write_text(init.read_text().replace(f"__version__ = '{skyutil.__version__}'", "__version__ = '99.0'"))
    assert python(BACKEND, path).startswith('python skyutil._native is of version')


def test_the_version_is_that_of_the_library(native):
    header = (DATA.parent / 'include/skyutil/version.hpp').read_text()
    version = '.'.join(re.findall(r'#define SKYUTIL_VERSION_[A-Z]+ (\d+)$', header, re.MULTILINE))
    assert skyutil.__version__ == native.__version__ == version


def test_functions_come_from_the_backend():
    info = skyutil.get_backend_info()
    assert skyutil.is_native_available() is info['available'] is (info['backend'] == 'native')
    assert info['version'] == skyutil.__version__
    for name in skyutil.FUNCTIONS:
        function = getattr(skyutil, name)
        assert function is getattr(NATIVE, name) if info['available'] else function.__wrapped__ is getattr(_fallback, name)
        assert function.__doc__


SIGNATURES = {
    'base36_encode': '(hex_str)',
    'estimate_fd_for_directory': '(path)',
    'find_free_port': '(start_port)',
    'format_float': '(num, precision=1)',
    'get_cpu_count': '()',
    'get_max_workers_for_file_mounts': '(common_file_mounts, cloud_str=None)',
    'get_mem_size_gb': '()',
    'get_parallel_threads': '(cloud_str=None)',
    'hash_file': '(path, hash_alg)',
    'is_process_alive': '(pid)',
    'read_last_n_lines': "(file_path, n, chunk_size=8192, encoding='utf-8', errors='replace')",
    'truncate_long_string': '(s, max_length=35, truncate_middle=False)',
}


def test_signatures_are_those_of_the_originals(backend):
    assert set(SIGNATURES) == set(skyutil.FUNCTIONS)
    for name, signature in SIGNATURES.items():
        assert str(inspect.signature(getattr(backend, name))) == signature


def test_native_functions_can_be_pickled(native):
    for name in skyutil.FUNCTIONS:
        if skyutil.is_native_available():
            assert pickle.loads(pickle.dumps(getattr(skyutil, name))) is getattr(skyutil, name)


@pytest.mark.parametrize('name', ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3_256', 'sha3_512',
                                  'blake2b', 'blake2s'])
def test_hash_objects_are_like_those_of_hashlib(native, tmp_path, name):
    path = tmp_path / 'file'
    path.write_bytes(b'abc' * 1000)
    ours, theirs = native.hash_file(path, name), hashlib.new(name, b'abc' * 1000)
    for attribute in ('name', 'digest_size', 'block_size'):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    copy = ours.copy()
    for data in (b'', b'more', bytearray(b'x'), memoryview(b'y' * 5000)):
        ours.update(data)
        theirs.update(data)
        assert ours.digest() == theirs.digest()
        assert ours.hexdigest() == theirs.hexdigest()
    assert copy.digest() == hashlib.new(name, b'abc' * 1000).digest()
    for odd in ('text', 1, None):
        with pytest.raises(TypeError) as raised:
            ours.update(odd)
        with pytest.raises(TypeError) as expected:
            theirs.update(odd)
        assert raised.type is expected.type


def test_stubs_have_the_same_signatures():
    tree = ast.parse((PACKAGE / '__init__.pyi').read_text())
    stubs = {}
    for node in tree.body:
        name = node.name if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else None
        if name in skyutil.__all__ and isinstance(node, ast.ClassDef):
            node, = [each for each in node.body if getattr(each, 'name', None) == '__init__']
            del node.args.args[0]  # self
        if isinstance(node, ast.FunctionDef):
            for argument in node.args.args + node.args.kwonlyargs:
                argument.annotation = None
            stubs.setdefault(name, []).append(f'({ast.unparse(node.args)})')
    for name, signature in SIGNATURES.items():
        assert signature in stubs[name]
    assert set(stubs) == set(skyutil.__all__) - {'FUNCTIONS', '__version__'}
    for name in set(stubs) - set(SIGNATURES):
        assert stubs[name] == [str(inspect.signature(getattr(skyutil, name)))]
    assert (PACKAGE / 'py.typed').exists()
