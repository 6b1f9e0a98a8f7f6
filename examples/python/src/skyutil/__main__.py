# SPDX-License-Identifier: MIT
"""python -m skyutil check | bench | migrate"""

import argparse
import importlib
import sys


def _parser():
    parser = argparse.ArgumentParser(prog='python -m skyutil')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')

    check = commands.add_parser('check', help='check this installation: each function against known answers')
    check.add_argument('-q', '--quiet', action='store_true', help='print what is wrong and the summary only')
    check.add_argument('--json', action='store_true', help='print one JSON object instead: what get_backend_info() '
                       'tells, the counters of these checks among it, and what is wrong')

    bench = commands.add_parser('bench', help='time native code beside pure Python and usual libraries')
    bench.add_argument('--quick', action='store_true', help='smaller inputs and fewer samples')
    bench.add_argument('--json', metavar='FILE', help='write all samples; - for standard output alone')
    bench.add_argument('--html', metavar='DIRECTORY', help='render with benchmarks/report.py of the source tree')
    bench.add_argument('function', nargs='*', help='only these')

    migrate = commands.add_parser('migrate', help='import the functions from skyutil instead of sky.utils')
    migrate.add_argument('path', nargs='+', metavar='FILE|DIR')
    mode = migrate.add_mutually_exclusive_group()
    mode.add_argument('--check', action='store_true', help='exit code 1 when something is to be changed')
    mode.add_argument('--write', action='store_true', help='change the files')
    migrate.add_argument('-q', '--quiet', action='store_true', help='no diff, only the summary and what is left')
    return parser


def main(arguments=None):
    options = _parser().parse_args(arguments)
    return importlib.import_module(f'skyutil._{options.command}').main(options)


if __name__ == '__main__':
    sys.exit(main())
