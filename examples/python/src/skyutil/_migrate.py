# SPDX-License-Identifier: MIT
"""Finds uses of the functions of sky.utils.common_utils and sky.utils.subprocess_utils in Python source
and takes them from skyutil.

Names that are imported themselves are imported from skyutil. Uses through a module (an attribute of
whatever name an import gave it) become skyutil.NAME, and `import skyutil` comes after the import that
made the module known; that import stays, since others may rely on it. All positions come from the
syntax tree, and only bytes of these names change. What is not certain is left alone and named: star
imports, strings, f-strings before Python 3.12, a name that is bound in another way as well, functions
that the file replaces in the module (as tests do).
"""

import ast
import difflib
import io
import os
import re
import shutil
import sys
import tempfile
import tokenize

from skyutil import FUNCTIONS

_MODULES = ('sky.utils.common_utils', 'sky.utils.subprocess_utils')
_MENTIONED = re.compile(rb'common_utils|subprocess_utils')
_NEW = 'skyutil'
_TARGETS = {f'{module}.{name}': name for module in _MODULES for name in FUNCTIONS}
_WIDTH = 80
_SKIPPED_DIRECTORIES = {'__pycache__', 'node_modules'}


class Unreadable(Exception):
    """A file that cannot be read or is no Python."""


def _split_lines(text):
    """Lines as Python's parser counts them, with their ends."""
    return re.findall(r'[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+', text)


def _package_of(path):
    """The dotted name of the package that a file is in, as far as __init__.py files tell."""
    names = []
    directory = os.path.dirname(os.path.abspath(path))
    while os.path.isfile(os.path.join(directory, '__init__.py')):
        directory, name = os.path.split(directory)
        names.append(name)
    return names[::-1]


class _Source:
    """Source text that is edited at positions of its syntax tree."""

    def __init__(self, content):
        try:
            self.encoding = tokenize.detect_encoding(io.BytesIO(content).readline)[0]
            self.text = content.decode(self.encoding)
            self.tree = ast.parse(self.text)
        except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError) as error:
            raise Unreadable(f'{type(error).__name__}: {error}') from None
        if self.text.encode(self.encoding) != content:
            raise Unreadable(f'its bytes are not those of its text as {self.encoding}')
        self.lines = [line.encode('utf-8') for line in _split_lines(self.text)]
        self.edits = []
        ends = [line[len(line.rstrip(b'\r\n')):] for line in self.lines if line.endswith((b'\r', b'\n'))]
        self.line_end = max(ends, key=ends.count) if ends else b'\n'

    def segment(self, node):
        """The bytes of a node, None when it is on several lines."""
        if node.lineno != node.end_lineno or node.lineno > len(self.lines):
            return None
        return self.lines[node.lineno - 1][node.col_offset:node.end_col_offset]

    def stands_alone(self, node):
        """Whether nothing but its indentation is before a statement and a comment after it."""
        before = self.lines[node.lineno - 1][:node.col_offset]
        after = self.lines[node.end_lineno - 1][node.end_col_offset:].strip()
        return not before.strip(b' \t\f') and (not after or after.startswith(b'#'))

    def replace(self, line, start, end, new):
        self.edits.append((line, start, end, new.encode('utf-8')))

    def insert_after(self, node, text):
        """Adds lines after a statement, as far to the right as it is."""
        indentation = self.lines[node.lineno - 1][:node.col_offset].lstrip(b'\f')
        last = self.lines[node.end_lineno - 1]
        body = last.rstrip(b'\r\n')
        end = last[len(body):]
        new = b''.join((end if i == 0 and end else self.line_end) + indentation + line.encode('utf-8')
                       for i, line in enumerate(text))
        self.edits.append((node.end_lineno, len(body), len(body), new))

    def edited(self):
        lines = list(self.lines)
        # Of edits at one place the one asked for first comes first.
        for line, start, end, new in sorted(reversed(self.edits), key=lambda edit: edit[:2], reverse=True):
            old = lines[line - 1]
            lines[line - 1] = old[:start] + new + old[end:]
        return b''.join(lines).decode('utf-8')


class _Names(ast.NodeVisitor):
    """Collects imports, other bindings of names, and the chains of attributes that start at a name."""

    def __init__(self, package):
        self.package = package
        self.from_imports = []  # (node, absolute module)
        self.modules = {}  # name -> {dotted module}
        self.statements = {}  # name -> [(statement, in module body, in class)]
        self.bound = {}  # name -> lines where it is bound otherwise
        self.chains = []  # (node, name, [attributes], context, in f-string)
        self.calls = []
        self.strings = []
        self.stars = []
        self._scopes = ['module']
        self._blocks = 0
        self._in_format = 0

    def _bind(self, name, node):
        self.bound.setdefault(name, []).append(getattr(node, 'lineno', 0))

    def _bind_module(self, name, module, node):
        self.modules.setdefault(name, set()).add(module)
        place = (node, self._scopes[-1] == 'module' and not self._blocks, self._scopes[-1] == 'class')
        self.statements.setdefault(name, []).append(place)

    def visit_Import(self, node):
        for alias in node.names:
            if alias.asname:
                self._bind_module(alias.asname, alias.name, node)
            else:
                first = alias.name.partition('.')[0]
                self._bind_module(first, first, node)

    def visit_ImportFrom(self, node):
        module = node.module or ''
        if node.level:
            if node.level > len(self.package):
                module = '?'
            else:
                parents = self.package[:len(self.package) - node.level + 1]
                module = '.'.join(parents + ([module] if module else []))
        for alias in node.names:
            if alias.name == '*':
                if module in _MODULES:
                    self.stars.append(node)
            else:
                self._bind_module(alias.asname or alias.name, f'{module}.{alias.name}', node)
        self.from_imports.append((node, module))

    def _visit_scope(self, node, kind):
        if hasattr(node, 'name'):
            self._bind(node.name, node)
        self._scopes.append(kind)
        blocks, self._blocks = self._blocks, 0
        self.generic_visit(node)
        self._scopes.pop()
        self._blocks = blocks

    def visit_FunctionDef(self, node):
        self._visit_scope(node, 'function')

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_Lambda = visit_FunctionDef

    def visit_ClassDef(self, node):
        self._visit_scope(node, 'class')

    def _visit_block(self, node):
        self._blocks += 1
        self.generic_visit(node)
        self._blocks -= 1

    visit_If = visit_For = visit_AsyncFor = visit_While = visit_With = visit_AsyncWith = _visit_block
    visit_Try = visit_TryStar = visit_Match = _visit_block

    def visit_arg(self, node):
        self._bind(node.arg, node)
        self.generic_visit(node)

    def visit_ExceptHandler(self, node):
        if node.name:
            self._bind(node.name, node)
        self.generic_visit(node)

    def visit_Global(self, node):
        for name in node.names:
            self._bind(name, node)

    visit_Nonlocal = visit_Global

    def visit_MatchAs(self, node):
        if node.name:
            self._bind(node.name, node)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node):
        if node.rest:
            self._bind(node.rest, node)
        self.generic_visit(node)

    def visit_TypeVar(self, node):
        self._bind(node.name, node)
        self.generic_visit(node)

    visit_ParamSpec = visit_TypeVarTuple = visit_TypeVar

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id, node)

    def visit_JoinedStr(self, node):
        self._in_format += 1
        self.generic_visit(node)
        self._in_format -= 1

    visit_TemplateStr = visit_JoinedStr

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            self.strings.append(node)

    def visit_Call(self, node):
        self.calls.append(node)
        self.generic_visit(node)

    def visit_Attribute(self, node):
        attributes, inner = [], node
        while isinstance(inner, ast.Attribute):
            attributes.append((inner.attr, inner))
            inner = inner.value
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            self.chains.append((inner.id, attributes[::-1], bool(self._in_format)))
        else:
            self.visit(inner)


def _dotted(node):
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id] + names[::-1] if isinstance(node, ast.Name) else None


class Migration:
    """What there is to do in one file: `new` is its content afterwards, `left` (line, why) what a person
    has to look at."""

    def __init__(self, content, path='<source>'):
        self.left = []
        self.new = content
        if not _MENTIONED.search(content):
            return
        self.source = _Source(content)
        self.names = _Names(_package_of(path))
        self.names.visit(self.source.tree)
        self._import_names()
        self._use_attributes()
        self._name_the_rest()
        if self.source.edits:
            text = self.source.edited()
            try:
                ast.parse(text)
                self.new = text.encode(self.source.encoding)
            except (SyntaxError, ValueError) as error:
                raise Unreadable(f'the change would be no Python: {error}') from None
        self.left = sorted(set(self.left))

    def _leave(self, line, why):
        self.left.append((line, why))

    # --- from sky.utils.common_utils import NAME ---------------------------------------------------

    def _import_names(self):
        for node in self.names.stars:
            self._leave(node.lineno, f'imports all of {node.module or "a package"}')
        for node, module in self.names.from_imports:
            if module not in _MODULES:
                continue
            moved = [alias for alias in node.names if alias.name in FUNCTIONS]
            if not moved:
                continue
            if len(moved) == len(node.names):
                self._rename_module(node)
            elif not self._split_import(node):
                self._leave(node.lineno, 'imports other names too, in a way that is not taken apart')

    def _module_span(self, node):
        """Where the name of the module stands in a from-import."""
        line = self.source.lines[node.lineno - 1]
        found = re.compile(rb'from[ \t]+([\w.]+)[ \t]+import\b').match(line, node.col_offset)
        return found.span(1) if found else None

    def _rename_module(self, node):
        span = self._module_span(node)
        if span is None:
            self._leave(node.lineno, 'is an import on several lines that is not understood')
        else:
            self.source.replace(node.lineno, span[0], span[1], _NEW)

    @staticmethod
    def _spelled(alias):
        return f'{alias.name} as {alias.asname}' if alias.asname else alias.name

    def _new_import(self, node, aliases):
        names = [self._spelled(alias) for alias in aliases]
        line = f'from {_NEW} import {", ".join(names)}'
        if node.col_offset + len(line) < _WIDTH:
            return [line]
        return [f'from {_NEW} import ('] + [f'    {name},' for name in names] + [')']

    def _split_import(self, node):
        if not self.source.stands_alone(node) or self._module_span(node) is None:
            return False
        moved = [alias for alias in node.names if alias.name in FUNCTIONS]
        kept = [alias for alias in node.names if alias.name not in FUNCTIONS]
        if node.lineno == node.end_lineno:
            segment = self.source.segment(node)
            start = self._module_span(node)[1]
            head, parenthesis, _ = segment[start - node.col_offset:].partition(b'(')
            names = ', '.join(map(self._spelled, kept))
            import_word = re.compile(rb'[ \t]+import[ \t]*').match(head).group().decode()
            if not import_word[-1].isspace():
                import_word += ' ' if not parenthesis else ''
            new = f'{import_word}({names})' if parenthesis else f'{import_word}{names}'
            self.source.replace(node.lineno, start, node.end_col_offset, new)
            self.source.insert_after(node, self._new_import(node, moved))
            return True
        return self._split_lines_of_import(node)

    def _split_lines_of_import(self, node):
        """An import with one name on each line between parentheses: lines move with their comments."""
        lines = self.source.lines[node.lineno - 1:node.end_lineno]
        first = re.compile(rb'\s*from\s+[\w.]+\s+import\s*\(\s*(#.*)?$').match(lines[0].rstrip(b'\r\n'))
        if not first or not re.compile(rb'\s*\)\s*(#.*)?$').match(lines[-1].rstrip(b'\r\n')):
            return False
        groups, pending = [], []
        expected = [self._spelled(alias).encode() for alias in node.names]
        for number, line in enumerate(lines[1:-1], node.lineno + 1):
            pending.append(number)
            name = re.sub(rb'\s+', b' ', line.partition(b'#')[0].strip())
            if name:
                groups.append((name.rstrip(b' ,'), pending))
                pending = []
        if [name for name, _ in groups] != expected:
            return False
        new = [f'from {_NEW} import (']
        indentation = len(self.source.lines[node.lineno - 1][:node.col_offset])
        for alias, (_, numbers) in zip(node.names, groups):
            if alias.name not in FUNCTIONS:
                continue
            for number in numbers:
                line = self.source.lines[number - 1]
                text = line.rstrip(b'\r\n').decode('utf-8')
                new.append(text[indentation:] if not text[:indentation].strip() else text.lstrip())
                self.source.replace(number, 0, len(line), '')
        new.append(')')
        self.source.insert_after(node, new)
        return True

    # --- common_utils.NAME -------------------------------------------------------------------------

    def _resolve(self, name, attributes):
        """The dotted name that a chain stands for, and why that is not certain."""
        modules = self.names.modules.get(name, ())
        candidates = {'.'.join([module] + attributes) for module in modules}
        targets = candidates & set(_TARGETS)
        if not targets:
            return None, None
        target = targets.pop()
        if len(candidates) > 1:
            return target, f'{name} is the name of several modules'
        if name in self.names.bound:
            return target, f'{name} is bound in another way too (line {min(self.names.bound[name])})'
        return target, None

    def _replaced_functions(self):
        """Functions that this file replaces in a module: their uses may mean the replacement."""
        replaced = {}
        for name, attributes, _ in self.names.chains:
            for depth, (_, node) in enumerate(attributes, 1):
                target, _ = self._resolve(name, [attribute for attribute, _ in attributes[:depth]])
                if target and not isinstance(node.ctx, ast.Load):
                    replaced[_TARGETS[target]] = node.lineno
        for call in self.names.calls:
            texts = {argument.value for argument in call.args
                     if isinstance(argument, ast.Constant) and isinstance(argument.value, str)}
            for argument in call.args:
                dotted = _dotted(argument)
                for text in texts & set(FUNCTIONS) if dotted else ():
                    if self._resolve(dotted[0], dotted[1:] + [text])[0]:
                        replaced[text] = call.lineno
        return replaced

    def _use_attributes(self):
        replaced = self._replaced_functions()
        conflict = self._conflict()
        wanted = {}  # name -> nodes
        for name, attributes, in_format in self.names.chains:
            for depth, (_, node) in enumerate(attributes, 1):
                target, doubt = self._resolve(name, [attribute for attribute, _ in attributes[:depth]])
                if target is None:
                    continue
                function = _TARGETS[target]
                spelled = '.'.join([name] + [attribute for attribute, _ in attributes[:depth]])
                if function in replaced:
                    doubt = f'line {replaced[function]} replaces {function} in its module'
                elif in_format and sys.version_info < (3, 12):
                    doubt = 'is inside an f-string, whose positions are known from Python 3.12 on'
                elif self.source.segment(node) != spelled.encode('utf-8'):
                    doubt = 'is on several lines or not where it should be'
                doubt = doubt or conflict
                if doubt:
                    self._leave(node.lineno, f'{spelled}: {doubt}')
                else:
                    wanted.setdefault(name, []).append((node, function))
        self._import_module(wanted)

    def _conflict(self):
        others = self.names.modules.get(_NEW, {_NEW}) != {_NEW}
        return f'{_NEW} is the name of something else' if others or _NEW in self.names.bound else None

    def _import_module(self, wanted):
        """Adds `import skyutil` wherever the modules of the names become known, then edits the uses."""
        known = [node for node, in_body, _ in self.names.statements.get(_NEW, ()) if in_body]
        places = {}
        for name, nodes in list(wanted.items()):
            for statement, in_body, in_class in self.names.statements[name]:
                if in_class or not self.source.stands_alone(statement):
                    for node, _ in nodes:
                        self._leave(node.lineno, f'{name} comes from line {statement.lineno}, after which no '
                                                 'other import is put')
                    del wanted[name]
                    break
        for name in wanted:
            for statement, in_body, _ in self.names.statements[name]:
                places[statement.lineno] = (statement, in_body)
        bodies = sorted(line for line, (_, in_body) in places.items() if in_body)
        known_line = min([node.lineno for node in known] + bodies[:1], default=None)
        late = [line for line, (_, in_body) in places.items()
                if not in_body and known_line is not None and line < known_line]
        if late:
            for nodes in wanted.values():
                for node, _ in nodes:
                    self._leave(node.lineno, f'line {late[0]} imports before line {known_line} does')
            return
        for line, (statement, in_body) in sorted(places.items()):
            if (known and min(node.lineno for node in known) < line) or (bodies and line > bodies[0]):
                continue
            if statement in known:
                continue
            self.source.insert_after(statement, [f'import {_NEW}'])
        for nodes in wanted.values():
            for node, function in nodes:
                self.source.replace(node.lineno, node.col_offset, node.end_col_offset, f'{_NEW}.{function}')

    def _name_the_rest(self):
        for node in self.names.strings:
            for target in _TARGETS:
                if target in node.value:
                    self._leave(node.lineno, f'a string names {target}')


# --- files ----------------------------------------------------------------------------------------


def _python_files(path):
    """The file itself, or the Python files below a directory, in order; links are not followed."""
    if not os.path.isdir(path):
        yield path
        return

    def fail(error):
        raise error

    for directory, names, files in os.walk(path, onerror=fail):
        names[:] = sorted(name for name in names if not name.startswith('.') and name not in _SKIPPED_DIRECTORIES)
        for name in sorted(files):
            file = os.path.join(directory, name)
            if name.endswith(('.py', '.pyi')) and not os.path.islink(file):
                yield file


def _write(path, content):
    """Replaces a file all at once, with its permissions."""
    path = os.path.realpath(path)
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix='.skyutil-')
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _diff(path, old, new, encoding):
    old, new = (_split_lines(content.decode(encoding)) for content in (old, new))
    for line in difflib.unified_diff(old, new, f'a/{path.lstrip("/")}', f'b/{path.lstrip("/")}'):
        yield line if line.endswith(('\n', '\r')) else line + '\n\\ No newline at end of file\n'


def main(options):
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='backslashreplace')
    changed = errors = left = 0
    for start in options.path:
        files = _python_files(start)
        while True:
            path = start
            try:
                path = next(files, None)
                if path is None:
                    break
                with open(path, 'rb') as file:
                    content = file.read()
                migration = Migration(content, path)
                if migration.new != content:
                    changed += 1
                    if not options.quiet:
                        sys.stdout.writelines(_diff(path, content, migration.new, migration.source.encoding))
                    if options.write:
                        _write(path, migration.new)
                for line, why in migration.left:
                    left += 1
                    print(f'{path}:{line}: left alone: {why}', file=sys.stderr)
            except (OSError, Unreadable) as error:
                errors += 1
                print(f'{path}: {error}', file=sys.stderr)
    verb = 'changed' if options.write else 'to be changed'
    print(f'{changed} file{"" if changed == 1 else "s"} {verb}, {left} place{"" if left == 1 else "s"} left alone, '
          f'{errors} error{"" if errors == 1 else "s"}', file=sys.stderr)
    if errors:
        return 2
    return 1 if options.check and changed else 0
