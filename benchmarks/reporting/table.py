# SPDX-License-Identifier: MIT
"""The headline inputs as one Markdown table, put between two lines of a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Optional

from . import figures
from .model import BadFile, Contestant, Report, Row

MARKER = "<!-- benchmark table -->"


def replace_table(report: Report, path: str) -> None:
    """Replaces what is between the two markers; the file is whole at any time."""
    name = Path(path).name
    try:
        text = Path(path).read_text(encoding="utf-8")
        parts = text.split(MARKER)
        if len(parts) != 3:
            raise BadFile(f'{name} has {len(parts) - 1} markers "{MARKER}", and needs two')
        text = f"{parts[0]}{MARKER}\n{markdown(report)}{MARKER}{parts[2]}"
        write(path, text)
    except UnicodeDecodeError:
        raise BadFile(f"{name} is not UTF-8") from None
    except OSError as error:
        raise BadFile(f"{name}: {error.strerror or error}") from None


def write(path: str, text: str) -> None:
    """Writes a file beside the old one, then replaces that."""
    target = os.path.realpath(path)
    mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else 0o644
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".report-")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def markdown(report: Report) -> str:
    """The table, its means, and the command and machine that made it."""
    lines = [
        "| function | input | skyutil | Python | Rust | best rival in C++ | least possible |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    rows = [row for row in report.rows if row.headline]
    previous = ""
    for row in rows:
        function = "" if row.function == previous else _code(row.function)
        previous = row.function
        lines.append("| " + " | ".join((function, _cell(row.input), *_cells(row))) + " |")

    machine = report.machine
    commit = f" ({report.commit})" if report.commit else ""
    lines += [
        "",
        "Times are medians of a call; `2×` means that skyutil takes half of the other's time.",
    ]
    for peer, label in (("python", "Python"), ("rust", "Rust")):
        if found := figures.mean(report, peer):
            lines.append(
                f"Over {label}, on {found.rows} inputs: {figures.times(found.geometric)} in the "
                "geometric mean."
            )
    lines.append(
        f"Made by {_code(report.command)} with skyutil {_cell(report.version + commit)} on "
        f"{_cell(machine.cpu)}, {machine.cores} cores, Linux {_cell(machine.kernel)}, "
        f"{_cell(machine.compiler)}."
    )
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    rival = row.best_rival
    return [
        figures.quantity(row.skyutil.median, row.unit),
        _versus(row, row.python),
        _versus(row, row.rust),
        f"{_versus(row, rival)} {_cell(rival.name)}" if rival else "",
        figures.quantity(row.floor.stat.median, row.unit) if row.floor else "",
    ]


def _versus(row: Row, other: Optional[Contestant]) -> str:
    return figures.times(figures.speed_up(row, other)) if other else ""


def _cell(text: str) -> str:
    """Text that Markdown shows as it is, in a cell too."""
    return "".join(f"&#{ord(each)};" if each in "&\\`|<>*[]~" else each for each in text)


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"
