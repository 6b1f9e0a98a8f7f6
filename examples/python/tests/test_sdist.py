# SPDX-License-Identifier: MIT
"""The source archive: what is installed where no wheel fits."""

import importlib.metadata
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from conftest import DATA

BACKEND = importlib.util.find_spec('scikit_build_core')


@pytest.mark.skipif(BACKEND is None, reason='scikit-build-core, which makes the archive, is not there for this Python')
def test_a_wheel_of_the_sdist_works_elsewhere(tmp_path):
    version = importlib.metadata.version('scikit_build_core')
    if tuple(map(int, version.split('.')[:2])) < (0, 11):
        pytest.skip(f'scikit-build-core is {version}; the package needs 0.11')
    outside = {name: value for name, value in os.environ.items()
               if not name.startswith(('PYTHON', 'SKYUTIL_', 'SKYPILOT_'))}

    def run(*command, cwd, **environment):
        done = subprocess.run(command, cwd=cwd, env={**outside, **environment}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def build(call, cwd):
        return run(sys.executable, '-c', f'import sys; from scikit_build_core import build; build.{call}', str(tmp_path),
                   cwd=cwd, PYTHONPATH=str(pathlib.Path(BACKEND.origin).parents[1]))

    said = build('build_sdist(sys.argv[1])', DATA.parent)
    assert 'deprecat' not in said.lower() and 'warning' not in said.lower(), said
    (archive,) = tmp_path.glob('*.tar.gz')
    shutil.unpack_archive(archive, tmp_path / 'unpacked')
    (source,) = (tmp_path / 'unpacked').iterdir()
    assert {path.name for path in source.iterdir()} == {
        'CMakeLists.txt', 'LICENSE', 'PKG-INFO', 'cmake', 'examples', 'include', 'pyproject.toml'}

    # Not optimised: that takes half of the time.
    build('build_wheel(sys.argv[1], {"cmake.build-type": "Debug"})', source)
    (wheel,) = tmp_path.glob('*.whl')
    shutil.rmtree(source)

    python = str(tmp_path / 'venv' / 'bin' / 'python')
    run(sys.executable, '-m', 'venv', str(tmp_path / 'venv'), cwd=tmp_path)
    run(python, '-m', 'pip', 'install', '--no-index', '--no-deps', '--disable-pip-version-check', str(wheel), cwd=tmp_path)
    info = json.loads(run(python, '-m', 'skyutil', 'check', '--json', cwd=tmp_path))
    assert info['backend'] == 'native' and info['file'].startswith(str(tmp_path)), info

    (about,) = (tmp_path / 'venv').glob('lib/python*/site-packages/skyutil-*.dist-info')
    assert (about / 'licenses' / 'LICENSE').read_bytes() == (DATA.parent / 'LICENSE').read_bytes()
    fields = (about / 'METADATA').read_text().split('\n\n')[0].splitlines()
    assert {'License-Expression: MIT', 'License-File: LICENSE', 'Requires-Python: >=3.9'} <= set(fields)
    assert not [field for field in fields if field.startswith(('License:', 'Classifier: License'))]
    assert [field for field in fields if field.startswith('Project-URL: Homepage, https://')]
