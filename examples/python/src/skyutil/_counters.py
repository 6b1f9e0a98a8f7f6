# SPDX-License-Identifier: MIT
"""Counts calls of functions in pure Python as the native module does of its own.

Nothing here takes a lock, so that a child forked while another thread counts can count too.
"""

import functools
import itertools
import sys
import threading


class _Counter:
    """How often add() was called since reset()."""

    def __init__(self):
        self._start = 0
        if getattr(sys, '_is_gil_enabled', lambda: True)():
            count = itertools.count()
            self.add = count.__next__  # in C, with the GIL
            self._total = lambda: int(repr(count)[len('count('):-1])
        else:
            counts = {}  # of each thread, which alone changes it

            def add():
                thread = threading.get_ident()
                counts[thread] = counts.get(thread, 0) + 1

            self.add = add
            self._total = lambda: sum(counts.copy().values())

    def value(self):
        return self._total() - self._start

    def reset(self):
        self._start = self._total()


class Counters:
    """Of functions, by their names."""

    def __init__(self):
        self._of = {}

    def counted(self, function):
        """The function as one that is counted."""
        calls, errors = self._of[function.__name__] = _Counter(), _Counter()
        count_call = calls.add

        @functools.wraps(function)
        def counting(*args, **kwargs):
            count_call()
            try:
                return function(*args, **kwargs)
            except BaseException:
                errors.add()
                raise

        counting.__module__ = 'skyutil'
        return counting

    def values(self):
        return {name: {'calls': calls.value(), 'errors': errors.value(), 'fallbacks': 0}
                for name, (calls, errors) in self._of.items()}

    def reset(self):
        for calls, errors in self._of.values():
            calls.reset()
            errors.reset()
