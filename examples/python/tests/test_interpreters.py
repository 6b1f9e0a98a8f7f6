# SPDX-License-Identifier: MIT
"""Subinterpreters, children of threaded programs, CPython without a GIL."""

import os
import subprocess
import sys
import sysconfig

import pytest
from test_package import PACKAGE, python

FREE_THREADED = bool(sysconfig.get_config_var('Py_GIL_DISABLED'))

# Calls every function; raises when an answer is wrong.
USE = '''
import os, tempfile, skyutil
from skyutil import _fallback
def use():
    assert skyutil.base36_encode('deadbeef') == '1ps9wxb'
    assert skyutil.base36_encode('f' * 9000) == skyutil.base36_encode('0x' + 'F' * 9000)
    assert skyutil.format_float(2.5) == '2.5' and skyutil.format_float(3) == '3'
    assert skyutil.truncate_long_string('the quick brown fox', 10) == 'the quick ...'
    assert skyutil.read_last_n_lines('/proc/self/limits', 1)
    assert skyutil.hash_file('/dev/null', 'md5').hexdigest() == 'd41d8cd98f00b204e9800998ecf8427e'
    assert skyutil.find_free_port(20000) >= 20000
    assert skyutil.get_cpu_count() >= 1 and skyutil.get_mem_size_gb() > 0
    assert skyutil.get_parallel_threads('kubernetes') >= 16
    assert skyutil.is_process_alive(os.getpid())
    assert skyutil.get_max_workers_for_file_mounts({'a': '/'}) >= 1
    assert skyutil.estimate_fd_for_directory('/') > 0
    try:
        skyutil.hash_file('/no such file', 'md5')
    except FileNotFoundError:
        pass
'''

INTERPRETERS = '''
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
def run(code, **options):
    """In a new interpreter."""
    new = interpreters.create(**options)
    failed = interpreters.run_string(new, code)
    if failed:
        raise RuntimeError(str(failed))
    interpreters.destroy(new)
'''


def interpreters_work():
    """Whether there are any, and the modules that are needed can be imported there: CPython 3.12.1 crashes."""
    code = INTERPRETERS + 'run("import hashlib, re, resource, select, socket, tempfile, threading")'
    return subprocess.run([sys.executable, '-c', code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


needs_interpreters = pytest.mark.skipif(not interpreters_work(), reason='no subinterpreters that work')


@needs_interpreters
@pytest.mark.parametrize('first', ['main', 'other'])
def test_each_interpreter_has_functions_of_its_own(native, first):
    code = INTERPRETERS + f'''
inner = """if True:
    {USE.strip().replace(chr(10), chr(10) + '    ')}
    assert skyutil.get_backend_info()['backend'] == 'native', skyutil.get_backend_info()
    assert skyutil.get_backend_info()['counters']['format_float']['calls'] == 0
    for _ in range(50):
        use()
    assert skyutil.get_backend_info()['counters']['format_float']['calls'] == 100
    import sys
    sys.modules['skyutil._fallback'].base36_encode = None   # of this interpreter
"""
''' + ('' if first == 'other' else USE + 'use()\n') + '''
for _ in range(5):
    run(inner)
''' + USE + '''
use()
run(inner)
use()
try:
    skyutil.base36_encode('?')
except ValueError as error:
    print(skyutil.get_backend_info()['counters']['hash_file']['calls'])
'''
    assert python(code) == ('4' if first == 'other' else '6')


@needs_interpreters
@pytest.mark.skipif(sys.version_info < (3, 12), reason='all interpreters share a GIL')
def test_interpreters_with_a_gil_each_run_side_by_side(native):
    code = INTERPRETERS + f'''
import threading
inner = """if True:
    {USE.strip().replace(chr(10), chr(10) + '    ')}
    assert skyutil.get_backend_info()['backend'] == 'native', skyutil.get_backend_info()
    for _ in range(20):
        use()
"""
done = []
def work():
    run(inner)
    done.append(1)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(done))
'''
    assert python(code) == '4'


@pytest.mark.parametrize('setting', [pytest.param('0', marks=pytest.mark.skipif(
    FREE_THREADED and sys.version_info < (3, 14), reason='forked children of threads hang in CPython itself')), '1'])
def test_children_of_a_threaded_program_may_use_everything(setting):
    code = USE + '''
import signal, threading, traceback, warnings
warnings.simplefilter('ignore', DeprecationWarning)   # of fork() with threads
stop = threading.Event()
path = tempfile.mkdtemp() + '/fifo'
os.mkfifo(path)
def work():
    while not stop.is_set():
        use()
        skyutil.get_backend_info()
def wait():
    try:
        skyutil.read_last_n_lines(path, 1)
    except RuntimeError:
        pass                                          # nobody came
threads = [threading.Thread(target=work) for _ in range(2)] + [threading.Thread(target=wait)]
for thread in threads:
    thread.start()
statuses = set()
for _ in range(10):
    child = os.fork()
    if child == 0:
        signal.alarm(60)                              # ends a child that is stuck
        try:
            use()
            skyutil.reset_counters()
            use()
            assert skyutil.get_backend_info()['counters']['format_float']['calls'] == 2
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    statuses.add(os.waitpid(child, 0)[1])
stop.set()
with open(os.open(path, os.O_RDWR), 'wb') as file:   # waits for no reader, who may have given up
    file.write(b'line')
for thread in threads:
    thread.join()
os.unlink(path)
os.rmdir(os.path.dirname(path))
print(statuses)
'''
    assert python(code, SKYUTIL_USE_NATIVE=setting) == '{0}'


@pytest.mark.skipif(not FREE_THREADED, reason='this CPython has a GIL')
def test_the_native_module_does_not_bring_the_gil_back(native):
    process = subprocess.run([sys.executable, '-W', 'error', '-c',
                              'import sys, skyutil; print(skyutil.is_native_available(), sys._is_gil_enabled())'],
                             env={**os.environ, 'PYTHONPATH': str(PACKAGE.parent)}, stdout=subprocess.PIPE, check=True)
    assert process.stdout.split() == [b'True', b'False']


def test_many_threads_call_everything_at_once(backend):
    code = USE + '''
import threading
mounts = {str(i): '/' for i in range(100)}
digest = skyutil.hash_file('/dev/null', 'sha512')
failed = []
def work():
    try:
        for i in range(10):
            use()
            mounts[str(i)] = '/tmp'
            skyutil.get_max_workers_for_file_mounts(mounts)
            mounts.pop(str(i + 200), None)
            mounts[str(i + 200)] = '/'
            digest.update(b'x' * 10)
            digest.copy().update(b'y')
    except Exception as error:
        failed.append(error)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failed, failed
expected = skyutil.hash_file('/dev/null', 'sha512')
expected.update(b'x' * 800)
assert expected.digest() == digest.digest()
print('done')
'''
    assert python(code, SKYUTIL_USE_NATIVE='0' if backend.__name__.endswith('_fallback') else '1') == 'done'
