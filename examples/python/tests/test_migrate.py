# SPDX-License-Identifier: MIT
"""What `migrate` changes, and what it leaves as it is."""

import ast
import os
import pathlib
import random
import re
import stat
import subprocess
import sys
import sysconfig
import textwrap

import pytest
from skyutil import FUNCTIONS, _migrate

CASES = {
    'a name': ('''
        from sky.utils.common_utils import hash_file
        print(hash_file('x', 'md5'))
        ''', '''
        from skyutil import hash_file
        print(hash_file('x', 'md5'))
        '''),
    'a name with an alias and a comment': ('''
        from sky.utils.subprocess_utils  import  is_process_alive  as alive  # why
        ''', '''
        from skyutil  import  is_process_alive  as alive  # why
        '''),
    'names of which some stay': ('''
        from sky.utils.common_utils import hash_file, read_yaml, get_cpu_count as cpus  # both
        ''', '''
        from sky.utils.common_utils import read_yaml  # both
        from skyutil import hash_file, get_cpu_count as cpus
        '''),
    'names of which some stay, in parentheses': ('''
        from sky.utils.common_utils import (hash_file, read_yaml)
        ''', '''
        from sky.utils.common_utils import (read_yaml)
        from skyutil import hash_file
        '''),
    'one name on each line': ('''
        from sky.utils.common_utils import (  # first
            dump_yaml,  # stays
            # about hashing
            hash_file,  # goes
            read_yaml,
            truncate_long_string as truncate
        )
        ''', '''
        from sky.utils.common_utils import (  # first
            dump_yaml,  # stays
            read_yaml,
        )
        from skyutil import (
            # about hashing
            hash_file,  # goes
            truncate_long_string as truncate
        )
        '''),
    'all names on several lines': ('''
        from sky.utils.common_utils import (hash_file,  # one
                                            format_float)
        from sky.utils.common_utils import base36_encode, \\
            find_free_port
        ''', '''
        from skyutil import (hash_file,  # one
                                            format_float)
        from skyutil import base36_encode, \\
            find_free_port
        '''),
    'a module': ('''
        import os
        from sky.utils import common_utils
        from sky.utils import subprocess_utils

        def f(path):
            return common_utils.hash_file(path, 'md5'), common_utils.read_yaml(path)

        THREADS = subprocess_utils.get_parallel_threads()
        ''', '''
        import os
        from sky.utils import common_utils
        import skyutil
        from sky.utils import subprocess_utils

        def f(path):
            return skyutil.hash_file(path, 'md5'), common_utils.read_yaml(path)

        THREADS = skyutil.get_parallel_threads()
        '''),
    'a module with an alias, among others': ('''
        from sky.utils import log_utils, common_utils as cu  # utilities
        x = [cu.format_float(1.5) for _ in cu.get_cpu_count.__name__]
        ''', '''
        from sky.utils import log_utils, common_utils as cu  # utilities
        import skyutil
        x = [skyutil.format_float(1.5) for _ in skyutil.get_cpu_count.__name__]
        '''),
    'a dotted module': ('''
        import sky.utils.common_utils
        import sky.backends
        sky.utils.common_utils.find_free_port(1)
        sky.launch(sky.utils.common_utils.is_wsl())
        ''', '''
        import sky.utils.common_utils
        import skyutil
        import sky.backends
        skyutil.find_free_port(1)
        sky.launch(sky.utils.common_utils.is_wsl())
        '''),
    'a dotted module with an alias': ('''
        import sky.utils.common_utils as c, os
        c.hash_file('é', 'md5'); c.hash_file("日本", c.hash_file)
        ''', '''
        import sky.utils.common_utils as c, os
        import skyutil
        skyutil.hash_file('é', 'md5'); skyutil.hash_file("日本", skyutil.hash_file)
        '''),
    'a package': ('''
        from sky import utils
        import sky.utils as u
        utils.common_utils.base36_encode('f')
        u.subprocess_utils.is_process_alive(1)
        ''', '''
        from sky import utils
        import skyutil
        import sky.utils as u
        skyutil.base36_encode('f')
        skyutil.is_process_alive(1)
        '''),
    'imports in functions': ('''
        def f():
            from sky.utils.common_utils import get_cpu_count, is_wsl
            return get_cpu_count()

        class A:
            async def g(self):
                if self:
                    from sky.utils import common_utils
                    return common_utils.get_mem_size_gb()
        ''', '''
        def f():
            from sky.utils.common_utils import is_wsl
            from skyutil import get_cpu_count
            return get_cpu_count()

        class A:
            async def g(self):
                if self:
                    from sky.utils import common_utils
                    import skyutil
                    return skyutil.get_mem_size_gb()
        '''),
    'skyutil is known already': ('''
        import skyutil
        from sky.utils import common_utils
        common_utils.get_cpu_count()
        ''', '''
        import skyutil
        from sky.utils import common_utils
        skyutil.get_cpu_count()
        '''),
    'one line of several statements': ('''
        if True: from sky.utils.common_utils import hash_file; x = 1
        ''', '''
        if True: from skyutil import hash_file; x = 1
        '''),
    'a long list': ('''
        from sky.utils.common_utils import base36_encode, find_free_port, format_float, get_cpu_count, is_wsl
        ''', '''
        from sky.utils.common_utils import is_wsl
        from skyutil import base36_encode, find_free_port, format_float, get_cpu_count
        '''),
    'a longer list': ('''
        if 1:
            from sky.utils.common_utils import base36_encode, find_free_port, format_float, get_cpu_count, is_wsl
        ''', '''
        if 1:
            from sky.utils.common_utils import is_wsl
            from skyutil import (
                base36_encode,
                find_free_port,
                format_float,
                get_cpu_count,
            )
        '''),
}

LEFT = {
    'a star import': ('from sky.utils.common_utils import *\nhash_file(1, 2)\n', 'imports all'),
    'a name that is bound twice': ('''
        from sky.utils import common_utils
        def f(common_utils):
            return common_utils.hash_file('x', 'md5')
        ''', 'bound in another way'),
    'a loop variable of the same name': ('''
        from sky.utils import common_utils
        for common_utils in (): common_utils.hash_file('x', 'md5')
        ''', 'bound in another way'),
    'two modules of one name': ('''
        try:
            from sky.utils import common_utils
        except ImportError:
            from mine import common_utils
        common_utils.hash_file('x', 'md5')
        ''', 'several modules'),
    'a function that is replaced': ('''
        from sky.utils import common_utils
        common_utils.get_cpu_count = lambda: 3
        print(common_utils.get_cpu_count())
        ''', 'replaces get_cpu_count'),
    'a function that is patched': ('''
        from unittest import mock
        from sky.utils import common_utils
        with mock.patch.object(common_utils, 'get_cpu_count', lambda: 3):
            print(common_utils.get_cpu_count())
        ''', 'replaces get_cpu_count'),
    'a string': ("mock.patch('sky.utils.common_utils.get_cpu_count')\n", 'a string names'),
    'skyutil means something else': ('''
        from sky.utils import common_utils
        skyutil = 1
        common_utils.get_cpu_count()
        ''', 'something else'),
    'an expression on two lines': ('''
        from sky.utils import common_utils
        x = (common_utils
             .get_cpu_count())
        ''', 'several lines'),
    'names of which some stay, beside another statement': (
        'from sky.utils.common_utils import hash_file, is_wsl; x = 1\n', 'not taken apart'),
    'names of which some stay, with comments between': ('''
        from sky.utils.common_utils import (hash_file, is_wsl,  # what
                                            dump_yaml)
        ''', 'not taken apart'),
    'an import in a class': ('''
        class A:
            from sky.utils import common_utils
            x = common_utils.get_cpu_count()
        ''', 'no other import'),
}

UNTOUCHED = [
    'import os\n', '', '# sky.utils.common_utils.hash_file\n',
    'from sky.utils.common_utils import read_yaml\n',
    'from mine.sky.utils.common_utils import hash_file\n', 'from . import common_utils\ncommon_utils.hash_file(1, 2)\n',
    'from sky.utils import common_utils\ncommon_utils.other.hash_file()\nx.common_utils.hash_file()\n',
    'common_utils.hash_file(1, 2)  # sky\n', 'import sky\nsky.hash_file()\n',
    'import skyutil\nskyutil.hash_file(1, 2)\n',
]


def migrate(text):
    if isinstance(text, str):
        text = text.encode()
    return _migrate.Migration(text)


def clean(text):
    return textwrap.dedent(text).lstrip('\n')


@pytest.mark.parametrize('end', ['\n', '\r\n'], ids=['lf', 'crlf'])
@pytest.mark.parametrize('name', CASES)
def test_it_changes(name, end):
    before, after = (clean(text).replace('\n', end) for text in CASES[name])
    migration = migrate(before)
    assert migration.new.decode() == after
    assert migration.left == []
    assert migrate(after).new.decode() == after


@pytest.mark.parametrize('name', CASES)
def test_it_needs_no_line_end_at_the_end(name):
    before, after = (clean(text).rstrip('\n') for text in CASES[name])
    assert migrate(before).new.decode() == after


@pytest.mark.parametrize('name', LEFT)
def test_it_leaves(name):
    before, why = LEFT[name]
    before = clean(before)
    migration = migrate(before)
    assert migration.new.decode() == before
    assert any(why in reason for _, reason in migration.left), migration.left


@pytest.mark.parametrize('text', UNTOUCHED)
def test_it_does_not_touch(text):
    migration = migrate(text)
    assert migration.new.decode() == text
    assert migration.left == []


def test_expressions_in_f_strings():
    before = 'from sky.utils import common_utils\nx = f"é {common_utils.get_cpu_count()}"\n'
    migration = migrate(before)
    if sys.version_info < (3, 12):
        assert migration.new.decode() == before
        assert 'f-string' in migration.left[0][1]
    else:
        assert 'f"é {skyutil.get_cpu_count()}"' in migration.new.decode()


@pytest.mark.parametrize('name', FUNCTIONS)
@pytest.mark.parametrize('module', ['common_utils', 'subprocess_utils'])
def test_every_function(module, name):
    assert migrate(f'from sky.utils.{module} import {name}\n').new.decode() == f'from skyutil import {name}\n'


def test_relative_imports_of_the_package_sky(tmp_path):
    (tmp_path / 'sky' / 'utils').mkdir(parents=True)
    for directory in ('sky', 'sky/utils'):
        (tmp_path / directory / '__init__.py').touch()
    text = b'from . import common_utils\nfrom .common_utils import hash_file\ncommon_utils.get_cpu_count()\n'
    migration = _migrate.Migration(text, str(tmp_path / 'sky' / 'utils' / 'x.py'))
    assert migration.new == (b'from . import common_utils\nimport skyutil\nfrom skyutil import hash_file\n'
                             b'skyutil.get_cpu_count()\n')
    assert _migrate.Migration(text, str(tmp_path / 'x.py')).new == text


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'latin-1', 'cp1252', 'euc-jp'])
def test_the_encoding_stays(encoding):
    letter = '日' if encoding == 'euc-jp' else 'é'
    cookie = '' if encoding.startswith('utf-8') else f'# -*- coding: {encoding} -*-\n'
    before = f'{cookie}from sky.utils import common_utils as c\nx = "{letter}", c.hash_file("{letter}", "md5")\n'
    after = before.replace('c.hash', 'skyutil.hash').replace(' as c\n', ' as c\nimport skyutil\n')
    assert migrate(before.encode(encoding)).new == after.encode(encoding)


def test_form_feeds_and_odd_white_space_count_as_python_counts_them():
    before = 'from sky.utils import common_utils as c\n\x0cx = "\u2028", "\x1c\x85"\ny = c.get_cpu_count()\n'
    after = before.replace(' as c\n', ' as c\nimport skyutil\n').replace('c.get', 'skyutil.get')
    assert migrate(before).new.decode() == after


@pytest.mark.parametrize('text', [b'def f(:\n', b'x = "\xff"\n', b'# coding: no-such\n', b'\0\n',
                                  b'print "x"\n', b'x = ' + b'(' * 5000])
def test_what_is_no_python_is_an_error(text):
    with pytest.raises(_migrate.Unreadable):
        migrate(text + b'\n# common_utils\n')
    assert migrate(text).new == text


def run(*arguments):
    process = subprocess.run([sys.executable, '-m', 'skyutil', 'migrate', *map(str, arguments)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return process.returncode, process.stdout.decode(), process.stderr.decode()


def test_the_command(tmp_path):
    old, new = b'from sky.utils.common_utils import hash_file\n', b'from skyutil import hash_file\n'
    tree = tmp_path / 'tree'
    (tree / 'sub').mkdir(parents=True)
    (tree / '.git').mkdir()
    for name in ('a.py', 'sub/b.pyi', '.git/c.py', 'sub/d.txt'):
        (tree / name).write_bytes(old)
    os.chmod(tree / 'a.py', 0o751)
    (tree / 'link.py').symlink_to('sub/d.txt')

    code, out, err = run(tree)
    assert code == 0 and '-from sky.utils' in out and '+from skyutil' in out and '2 files to be changed' in err
    assert (tree / 'a.py').read_bytes() == old
    code, out, _ = run('--check', '-q', tree)
    assert code == 1 and out == ''
    assert run('--write', tree)[0] == 0
    assert (tree / 'a.py').read_bytes() == (tree / 'sub/b.pyi').read_bytes() == new
    assert stat.S_IMODE((tree / 'a.py').stat().st_mode) == 0o751
    assert (tree / '.git/c.py').read_bytes() == (tree / 'sub/d.txt').read_bytes() == old
    assert run('--check', tree)[:2] == (0, '')
    assert sorted(os.listdir(tree)) == ['.git', 'a.py', 'link.py', 'sub']

    assert run('--check', tmp_path / 'missing')[0] == 2
    (tree / 'bad.py').write_bytes(b'common_utils = (\n')
    (tree / 'z.py').write_bytes(old)
    code, _, err = run('--write', tree)
    assert code == 2 and 'bad.py' in err
    assert (tree / 'z.py').read_bytes() == new
    assert run('--check', '--write', tree)[0] == 2


def test_a_last_line_without_an_end_shows_in_the_diff(tmp_path):
    path = tmp_path / 'x.py'
    path.write_bytes(b'from sky.utils.common_utils import hash_file')
    assert run(path)[1].count('\\ No newline at end of file') == 2


class _AsMigrated(ast.NodeTransformer):
    """What the change means: attributes of the module are skyutil's, and `import skyutil` comes along."""

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == 'common_utils' and node.attr in FUNCTIONS:
            node.value.id = 'skyutil'
        return node

    def visit_Import(self, node):
        return None if [alias.name for alias in node.names] == ['skyutil'] else node


def test_real_programs_mean_the_same_afterwards():
    """Modules of the standard library that use `os`, written as if it was sky.utils.common_utils."""
    files = sorted(pathlib.Path(sysconfig.get_path('stdlib')).glob('*.py'))
    changed = 0
    for path in random.Random(7).sample(files, min(100, len(files))):
        before = re.sub(rb'(?m)^(\s*)import os$', rb'\1from sky.utils import common_utils', path.read_bytes())
        before = re.sub(rb'\bos\.path\b', b'common_utils.hash_file', before)
        before = re.sub(rb'\bos\.environ\b', b'common_utils.get_cpu_count', before)
        before = re.sub(rb'\bos\.', b'common_utils.', before)
        try:
            tree = ast.parse(before)
        except SyntaxError:
            continue
        migration = migrate(before)
        assert migrate(migration.new).new == migration.new, path
        if migration.new != before and not migration.left:
            changed += 1
            after = _AsMigrated().visit(ast.parse(migration.new))
            assert ast.dump(_AsMigrated().visit(tree)) == ast.dump(after), path
    assert changed > 5
