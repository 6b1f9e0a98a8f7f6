# SPDX-License-Identifier: MIT
"""python -m skyutil check and bench."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import skyutil
from conftest import DATA, NATIVE

PACKAGE = pathlib.Path(skyutil.__file__).parent
REPORT = DATA.parent / 'benchmarks' / 'report.py'


def run(*arguments, path=PACKAGE.parent, cwd=None, **environment):
    process = subprocess.run([sys.executable, '-m', 'skyutil', *map(str, arguments)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, cwd=cwd, timeout=120,
                             env={**os.environ, 'PYTHONPATH': str(path), 'PYTHONIOENCODING': 'utf-8', **environment})
    return process.returncode, process.stdout.decode(), process.stderr.decode()


def test_check_passes():
    code, out, err = run('check', '--quiet')
    assert (code, err) == (0, '')
    assert f'backend {skyutil.get_backend_info()["backend"]}' in out
    assert '12 of 12 functions answer as they should' in out


def test_check_passes_without_the_native_module():
    code, out, _ = run('check', SKYUTIL_USE_NATIVE='0')
    assert code == 0
    assert 'backend python (SKYUTIL_USE_NATIVE=0)' in out
    assert out.count('  ok  ') == 12


@pytest.mark.parametrize('old, new, name', [
    ("'0123456789abc", "'0123456789ABC", 'base36_encode'),
    ("max(4, get_cpu_count() - 1)", "max(5, get_cpu_count())", 'get_parallel_threads'),
    ("return 5 * len", "return 4 * len", 'estimate_fd_for_directory'),
    (".rstrip('\\r')", "", 'read_last_n_lines'),
])
def test_check_finds_wrong_answers(tmp_path, old, new, name):
    shutil.copytree(PACKAGE, tmp_path / 'skyutil', ignore=shutil.ignore_patterns('__pycache__', '*.so'))
    twin = tmp_path / 'skyutil' / '_fallback.py'
    text = twin.read_text()
    assert old in text
    twin.write_text(text.replace(old, new))
    code, out, _ = run('check', '-q', path=tmp_path)
    assert code == 1
    assert f'FAILED  {name}' in out


def test_bench_measures(tmp_path):
    report = tmp_path / 'report.json'
    code, out, err = run('bench', '--quick', '--json', report, 'format_float', 'get_max_workers_for_file_mounts')
    assert code == 0, err
    assert 'format_float' in out
    content = json.loads(report.read_text())
    assert content['schema'] == 1 and content['quick'] and content['version'] == skyutil.__version__
    assert {row['function'] for row in content['rows']} == {'format_float', 'get_max_workers_for_file_mounts'}
    for row in content['rows']:
        for name in ('python',) + (('skyutil',) if NATIVE else ()):
            statistics = row[name]
            assert 0 < statistics['low'] <= statistics['median'] <= statistics['high']
            assert len(statistics['samples']) == 7


def test_bench_writes_json_alone():
    code, out, _ = run('bench', '--quick', '--json', '-', 'format_float')
    assert code == 0
    assert json.loads(out)['rows'][0]['input'] == '1234567.89'


@pytest.mark.skipif(not REPORT.exists(), reason='there is no benchmarks/report.py')
def test_bench_renders_html(tmp_path):
    code, _, err = run('bench', '--quick', '--html', tmp_path, 'format_float', cwd=DATA)
    assert code == 0, err
    assert 'format_float' in (tmp_path / 'report.html').read_text()


def test_wrong_usage_is_told_apart(tmp_path):
    assert run()[0] == run('nothing')[0] == run('migrate')[0] == run('bench', 'no_such_function')[0] == 2
