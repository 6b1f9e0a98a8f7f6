# SPDX-License-Identifier: MIT
"""What get_backend_info() counts."""

import inspect
import json
import os
import pickle
import subprocess
import sys
import threading

import pytest
import skyutil
from conftest import NATIVE
from test_package import PACKAGE, SIGNATURES, python


@pytest.fixture(params=['python', pytest.param('native', marks=pytest.mark.skipif(
    NATIVE is None, reason='there is no native module for this Python'))])
def run(request):
    """Runs code in a process where this implementation answers; returns what it prints as JSON."""
    def run(code):
        prelude = ('import json, os, skyutil, sys, threading\n'
                   'def counters():\n'
                   '    return {name: [c["calls"], c["errors"], c["fallbacks"]]\n'
                   '            for name, c in skyutil.get_backend_info()["counters"].items() if any(c.values())}\n')
        return json.loads(python(prelude + code, SKYUTIL_USE_NATIVE='1' if request.param == 'native' else '0'))

    run.backend = request.param
    return run


def test_calls_errors_and_fallbacks_are_counted(run):
    counted = run('''if True:
        def fails(function, *args):
            try:
                function(*args)
            except Exception:
                return
            sys.exit('no exception')
        for _ in range(3):
            skyutil.format_float(1.5)
        skyutil.format_float(7)                          # no float
        skyutil.base36_encode('ff')
        fails(skyutil.base36_encode, 'no number')
        fails(skyutil.base36_encode)
        fails(skyutil.estimate_fd_for_directory, '/dev/null')
        skyutil.get_max_workers_for_file_mounts({'a': '/'})
        print(json.dumps(counters()))
    ''')
    native = run.backend == 'native'
    assert counted == {
        'format_float': [4, 0, 1 if native else 0],
        'base36_encode': [3, 2, 2 if native else 0],
        'estimate_fd_for_directory': [1, 1, 0],
        'get_max_workers_for_file_mounts': [1, 0, 0],  # what it calls itself does not count
    }


def test_counters_start_at_zero_and_can_be_reset(run):
    assert run('''if True:
        seen = [counters()]
        for _ in range(5):
            skyutil.get_cpu_count()
        seen.append(counters())
        skyutil.reset_counters()
        seen.append(counters())
        skyutil.get_cpu_count()
        seen.append(counters())
        print(json.dumps(seen))
    ''') == [{}, {'get_cpu_count': [5, 0, 0]}, {}, {'get_cpu_count': [1, 0, 0]}]


def test_every_function_has_counters(run):
    names = run('print(json.dumps(list(skyutil.get_backend_info()["counters"])))')
    assert names == sorted(skyutil.FUNCTIONS)


def test_no_call_of_a_thread_is_lost(run):
    assert run('''if True:
        def work():
            for i in range(20_000):
                skyutil.format_float(0.5)
                try:
                    skyutil.base36_encode('?')
                except ValueError:
                    pass
        sys.setswitchinterval(1e-5)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(json.dumps(counters()))
    ''') == {'format_float': [160_000, 0, 0],
             'base36_encode': [160_000, 160_000, 160_000 if run.backend == 'native' else 0]}


def test_an_interrupted_call_is_an_error(run, tmp_path):
    path = tmp_path / 'fifo'
    os.mkfifo(path)
    assert run(f'''if True:
        import signal
        threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            skyutil.hash_file({str(path)!r}, 'md5')
        except KeyboardInterrupt:
            print(json.dumps(counters()))
    ''') == {'hash_file': [1, 1, 0]}


def test_counted_functions_look_as_the_others():
    code = '''if True:
        import inspect, pickle, skyutil
        for name in skyutil.FUNCTIONS:
            function = getattr(skyutil, name)
            assert pickle.loads(pickle.dumps(function)) is function
            assert function.__module__ == 'skyutil' and function.__name__ == name and function.__doc__
            print(name, inspect.signature(function))
    '''
    lines = sorted(f'{name} {signature}' for name, signature in SIGNATURES.items())
    assert python(code, SKYUTIL_USE_NATIVE='0').splitlines() == lines
    if NATIVE:
        assert python(code).splitlines() == lines


def check(*arguments, path=PACKAGE.parent, **environment):
    process = subprocess.run([sys.executable, '-m', 'skyutil', 'check', '--json', *arguments], stdout=subprocess.PIPE,
                             env={**os.environ, 'PYTHONPATH': str(path), **environment}, timeout=120)
    return process.returncode, json.loads(process.stdout)


@pytest.mark.parametrize('setting', ['0', '1'])
def test_check_prints_json(setting):
    code, report = check(SKYUTIL_USE_NATIVE=setting)
    assert (code, report['passed'], report['failed']) == (0, 12, 0)
    native = setting == '1' and NATIVE is not None
    assert report['backend'] == ('native' if native else 'python')
    assert report['version'] == skyutil.__version__
    assert report['checks'] == {name: {'ok': True, 'problem': None} for name in skyutil.FUNCTIONS}
    assert set(report['counters']) == set(skyutil.FUNCTIONS)
    assert report['counters']['base36_encode'] == {'calls': 5, 'errors': 2, 'fallbacks': 2 if native else 0}
    assert (report['reason'] is None) is native


def test_check_says_in_json_what_is_wrong(tmp_path):
    import shutil
    shutil.copytree(PACKAGE, tmp_path / 'skyutil', ignore=shutil.ignore_patterns('__pycache__', '*.so'))
    twin = tmp_path / 'skyutil' / '_fallback.py'
    twin.write_text(twin.read_text().replace('return 5 * len', 'return 4 * len'))
    code, report = check(path=tmp_path)
    assert (code, report['passed'], report['failed']) == (1, 11, 1)
    assert report['checks']['estimate_fd_for_directory']['ok'] is False
    assert '28 instead of 35' in report['checks']['estimate_fd_for_directory']['problem']


def test_the_stub_names_what_get_backend_info_returns():
    import ast
    classes = {node.name: [each.target.id for each in node.body if isinstance(each, ast.AnnAssign)]
               for node in ast.parse((PACKAGE / '__init__.pyi').read_text()).body if isinstance(node, ast.ClassDef)}
    info = skyutil.get_backend_info()
    assert classes['BackendInfo'] == list(info)
    assert classes['FunctionCounters'] == list(info['counters']['hash_file'])
