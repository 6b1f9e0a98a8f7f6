# SPDX-License-Identifier: MIT
"""HTML and SVG in which whatever is not markup already is escaped.

    tag("p", "a < b", class_="note") == '<p class="note">a &lt; b</p>'
"""

from __future__ import annotations

import html
from typing import Iterable, Union


class Markup(str):
    """Text that is markup."""


Child = Union[str, Iterable["Child"]]

_ALONE = ("meta", "br")


def tag(element: str, /, *children: Child, **attributes: Union[str, float]) -> Markup:
    """An element. An attribute class_ is class, aria_label is aria-label; 1.0 is written as 1."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_value(value))}"'
        for key, value in attributes.items()
    )
    end = "" if element in _ALONE else f"{join(*children)}</{element}>"
    return Markup(f"<{element}{shown}>{end}")


def join(*children: Child) -> Markup:
    """Markup as it is, text escaped, lists in pieces."""
    return Markup(
        "".join(
            child
            if isinstance(child, Markup)
            else html.escape(child)
            if isinstance(child, str)
            else join(*child)
            for child in children
        )
    )


def _value(value: Union[str, float]) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
