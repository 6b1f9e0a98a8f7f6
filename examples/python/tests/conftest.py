# SPDX-License-Identifier: MIT

import importlib
import json
import pathlib
import signal

import pytest

from skyutil import _fallback

# A shell that starts the tests in its background has them, and what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = pathlib.Path(__file__).resolve().parents[3] / 'tests'


def load_native():
    try:
        return importlib.import_module('skyutil._native')
    except ImportError:
        return None


NATIVE = load_native()
BACKENDS = [pytest.param(_fallback, id='python'),
            pytest.param(NATIVE, id='native', marks=pytest.mark.skipif(
                NATIVE is None, reason='there is no native module for this Python'))]


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


@pytest.fixture
def native():
    if NATIVE is None:
        pytest.skip('there is no native module for this Python')
    return NATIVE


def rows(name):
    with open(DATA / 'data' / f'{name}.jsonl', encoding='utf-8') as file:
        return [json.loads(line) for line in file]


@pytest.fixture(autouse=True)
def no_overrides(monkeypatch):
    for variable in ('SKYUTIL_CPU_COUNT', 'SKYPILOT_POD_CPU_CORE_LIMIT', 'SKYUTIL_MEMORY_BYTES',
                     'SKYPILOT_POD_MEMORY_GB_LIMIT', 'SKYPILOT_POD_MEMORY_BYTES_LIMIT'):
        monkeypatch.delenv(variable, raising=False)
