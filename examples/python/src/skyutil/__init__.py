# SPDX-License-Identifier: MIT
"""What this process may use, free ports, living processes, last lines, digests, short strings.

The functions are native where the module skyutil._native was built for this Python and fits this
package, else pure Python with the same answers; get_backend_info() tells which and why. Setting
SKYUTIL_USE_NATIVE=0 (or SKYPILOT_USE_RUST=0) before the first import chooses pure Python.
"""

import importlib as _importlib
import os as _os
import sys as _sys

__version__ = '0.1.0'

FUNCTIONS = (
    'base36_encode',
    'estimate_fd_for_directory',
    'find_free_port',
    'format_float',
    'get_cpu_count',
    'get_max_workers_for_file_mounts',
    'get_mem_size_gb',
    'get_parallel_threads',
    'hash_file',
    'is_process_alive',
    'read_last_n_lines',
    'truncate_long_string',
)

__all__ = FUNCTIONS + ('FUNCTIONS', '__version__', 'follow', 'get_backend_info', 'is_native_available', 'reset_counters')

from skyutil import _counters, _fallback


def _load_native():
    """The native module, or None and why not."""
    for variable in ('SKYUTIL_USE_NATIVE', 'SKYPILOT_USE_RUST'):
        setting = _os.environ.get(variable)
        if setting is None:
            continue
        if setting.strip().lower() in ('0', 'false', 'no', 'off'):
            return None, f'{variable}={setting}'
        break
    try:
        native = _importlib.import_module('skyutil._native')
    except ImportError as error:
        return None, str(error)
    if native.__version__ != __version__:
        return None, f'skyutil._native is of version {native.__version__}, not {__version__}'
    if native.__python__ != _sys.version_info[:2]:
        return None, 'skyutil._native was built for Python {}.{}'.format(*native.__python__)
    return native, None


_native_module, _reason = _load_native()
_backend = _native_module or _fallback
follow = _backend.follow
if _native_module is not None:
    globals().update({name: getattr(_native_module, name) for name in FUNCTIONS})
    _read_counters, _reset_counters = _native_module._counters, _native_module._reset_counters
else:
    _counts = _counters.Counters()
    globals().update({name: _counts.counted(getattr(_fallback, name)) for name in FUNCTIONS})
    _read_counters, _reset_counters = _counts.values, _counts.reset


def is_native_available():
    """Whether the functions are those of the native module."""
    return _native_module is not None


def get_backend_info():
    """Which implementation answers: 'backend' ('native' or 'python'), 'version', 'available' (whether
    the native module is used), 'reason' (why not, or None), 'file' and 'counters'.

    'counters' has for each function how many 'calls' of it there were since the import or the last
    reset_counters(), how many of them raised ('errors'), and how many the native module left to pure
    Python ('fallbacks'). They are of this process and interpreter; a forked child goes on with its
    parent's.
    """
    return {
        'backend': 'python' if _native_module is None else 'native',
        'version': __version__,
        'available': _native_module is not None,
        'reason': _reason,
        'file': _backend.__file__,
        'counters': dict(sorted(_read_counters().items())),
    }


def reset_counters():
    """Sets the counters of get_backend_info() to zero."""
    _reset_counters()
