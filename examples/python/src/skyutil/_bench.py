# SPDX-License-Identifier: MIT
"""Times each function of the native module beside its twin in pure Python and usual libraries."""

import datetime
import importlib
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import timeit

from skyutil import __version__, _cases, _fallback


def native_module():
    """The native module, also where the environment turns it off; None where there is none."""
    try:
        return importlib.import_module('skyutil._native')
    except ImportError:
        return None


class _Contestant:
    """A call and its samples, in nanoseconds a call."""

    def __init__(self, call, args):
        names = {f'a{i}': arg for i, arg in enumerate(args)}
        self.timer = timeit.Timer(f'call({", ".join(names)})', globals={'call': call, **names})
        self.calls = 1
        self.samples = []

    def calibrate(self, seconds):
        """Takes as many calls for a sample as last that long; the first one fills caches."""
        self.timer.timeit(1)
        while True:
            took = self.timer.timeit(self.calls)
            if took >= seconds / 2:
                self.calls = max(1, round(self.calls * seconds / took))
                return
            self.calls *= 2 if took <= 0 else min(100, max(2, int(seconds / took)))

    def sample(self):
        self.samples.append(self.timer.timeit(self.calls) / self.calls * 1e9)

    def statistics(self):
        low, median, high = statistics.quantiles(self.samples, n=4)
        return {'median': median, 'low': low, 'high': high, 'samples': self.samples}


def measure(case, native, seconds, samples):
    """A row of the report. The contestants take turns, so that all see the same machine."""
    contestants = {}
    if native is not None:
        contestants['skyutil'] = _Contestant(getattr(native, case.function), case.args)
    contestants['python'] = _Contestant(getattr(_fallback, case.function), case.args)
    for name, call in case.rivals:
        contestants[name] = _Contestant(call, ())
    for each in contestants.values():
        each.calibrate(seconds)
    for _ in range(samples):
        for each in contestants.values():
            each.sample()
    results = {name: each.statistics() for name, each in contestants.items()}
    return {
        'function': case.function,
        'header': case.header,
        'input': case.text,
        'headline': case.headline,
        'skyutil': results.get('skyutil'),
        'python': results['python'],
        'rust': None,
        'floor': None,
        'rivals': [{'name': name, **results[name]} for name, _ in case.rivals],
        'notes': [] if native is not None else ['skyutil: there is no native module for this Python'],
    }


def _read_field(path, name):
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            for line in file:
                key, _, value = line.partition(':')
                if key.strip() == name:
                    return value.strip()
    except OSError:
        pass
    return None


def _commit():
    try:
        return subprocess.run(['git', 'rev-parse', '--short', 'HEAD'], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True).stdout.decode().strip() or None
    except (OSError, subprocess.CalledProcessError):
        return None


def machine(load_before):
    memory = _read_field('/proc/meminfo', 'MemTotal')
    return {
        'cpu': _read_field('/proc/cpuinfo', 'model name') or platform.machine(),
        'cores': os.cpu_count(),
        'memory_bytes': int(memory.split()[0]) * 1024 if memory else None,
        'kernel': platform.release(),
        'compiler': platform.python_compiler(),
        'python': platform.python_version(),
        'rust': None,
        'governor': None,
        'load': [load_before, os.getloadavg()[0]],
    }


def run(quick, command, progress=None, functions=()):
    """The report as benchmarks/report.py takes it; its times are nanoseconds."""
    native = native_module()
    load = os.getloadavg()[0]
    rows = []
    for case in _cases.cases(quick, functions):
        if progress:
            progress(f'{case.function}: {case.text}')
        rows.append(measure(case, native, *((0.01, 7) if quick else (0.1, 15))))
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        'schema': 1,
        'version': __version__,
        'commit': _commit(),
        'date': now.strftime('%Y-%m-%dT%H:%M:%SZ'),
        'command': command,
        'quick': quick,
        'machine': machine(load),
        'rows': rows,
        'curves': [],
        'memory': [],
        'compile': [],
    }


def ratio(row):
    """How many times faster the native function is."""
    return row['python']['median'] / row['skyutil']['median'] if row['skyutil'] else None


def means(report):
    """(geometric mean, rows) of the ratios of the headline rows; None without any."""
    ratios = [ratio(row) for row in report['rows'] if row['headline'] and row['skyutil']]
    if not ratios:
        return None
    return math.exp(sum(map(math.log, ratios)) / len(ratios)), len(ratios)


def duration(nanoseconds):
    for size, unit in ((1e9, 's'), (1e6, 'ms'), (1e3, 'µs')):
        if nanoseconds >= size:
            return f'{nanoseconds / size:.3g} {unit}'
    return f'{nanoseconds:.3g} ns'


def as_text(report):
    header = ('function', 'input', 'native', 'python', 'ratio', 'others')
    table = []
    for row in report['rows']:
        others = ', '.join(f'{rival["name"]} {duration(rival["median"])}' for rival in row['rivals'])
        native = row['skyutil']
        table.append((row['function'], row['input'], duration(native['median']) if native else '-',
                      duration(row['python']['median']), f'{ratio(row):.2f}' if native else '-', others))
    widths = [max(len(row[i]) for row in table + [header]) for i in range(5)]
    lines = []
    for row in [header] + table:
        cells = [row[i].ljust(widths[i]) if i < 2 else row[i].rjust(widths[i]) for i in range(5)]
        lines.append('  '.join(cells + [row[5]]).rstrip())
    average = means(report)
    if average:
        lines += ['', f'Pure Python takes {average[0]:.1f} times as long as native code '
                      f'in the geometric mean of {average[1]} inputs.']
    return '\n'.join(lines)


def _renderer():
    """benchmarks/report.py of the project, where the package is used from its source tree."""
    directory = os.path.dirname(os.path.abspath(__file__))
    candidates = [os.environ.get('SKYUTIL_REPORT')]
    for start in (os.getcwd(), directory):
        while True:
            candidates.append(os.path.join(start, 'benchmarks', 'report.py'))
            if os.path.dirname(start) == start:
                break
            start = os.path.dirname(start)
    return next((path for path in candidates if path and os.path.isfile(path)), None)


def main(options):
    command = 'python -m skyutil bench' + (' --quick' if options.quick else '')

    def progress(text):
        if sys.stderr.isatty():
            print(f'\r\033[K{text}', end='', file=sys.stderr, flush=True)

    unknown = set(options.function) - {name for name in dir(_fallback) if not name.startswith('_')}
    if unknown:
        print(f'skyutil bench: there is no function {", ".join(sorted(unknown))}', file=sys.stderr)
        return 2
    report = run(options.quick, command, progress, options.function)
    progress('')
    if options.json:
        text = json.dumps(report, indent=1)
        if options.json == '-':
            print(text)
        else:
            with open(options.json, 'w', encoding='utf-8') as file:
                file.write(text + '\n')
    if options.json != '-':
        print(as_text(report))
    if options.html:
        renderer = _renderer()
        if renderer is None:
            print('skyutil bench: HTML needs benchmarks/report.py of the source tree, which was not found '
                  '(SKYUTIL_REPORT can name it)', file=sys.stderr)
            return 2
        os.makedirs(options.html, exist_ok=True)
        path = os.path.join(options.html, 'report.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(report, file, indent=1)
        return subprocess.run([sys.executable, renderer, 'render', path, options.html], check=False).returncode
    return 0
