"""Text and tables on a terminal: columns that line up, wanted colour, nothing that acts.

A model may write any character, and a terminal obeys some of them: whatever is not to be seen is
written out before it is printed.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from typing import TextIO

STYLES = {"bold": 1, "dim": 2, "blue": 34, "cyan": 36, "yellow": 33}
JOINERS = "\u200c\u200d"  # inside emoji and Persian words; they move nothing


def harmless(text: str) -> str:
    """Running text for a terminal: control and direction characters become <U+001B>."""
    return "".join(
        f"<U+{ord(char):04X}>" if _acts(char) and char not in JOINERS else char for char in text
    )


def _acts(char: str) -> bool:
    return char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def width(text: str) -> int:
    """How many columns a text takes: Chinese characters and emoji two, combining marks none."""
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me") or char in JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pad(text: str, columns: int, right: bool = False) -> str:
    """The text with spaces to fill so many columns, after it or before it; cut if it is longer."""
    if width(text) > columns:
        kept = ""
        for char in text:
            if width(kept) + _char_width(char) >= columns:
                break
            kept += char
        text = kept + "…"
    space = " " * (columns - width(text))
    return space + text if right else text + space


def table(rows: Sequence[Sequence[str]], right: str = "", most: int = 40) -> list[str]:
    """Lines in which each column is as wide as its widest cell.

    Args:
        right: the numbers of the columns that are set flush right, "13" for the second and fourth.
        most: the widest a column may be.
    """
    columns = [min(most, max(map(width, column))) for column in zip(*rows, strict=True)]
    return [
        "  ".join(pad(cell, columns[i], str(i) in right) for i, cell in enumerate(row)).rstrip()
        for row in rows
    ]


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour: a terminal that is not "dumb", and no NO_COLOR (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


class Printer:
    """Prints harmless text to standard output, styled where colour is wanted."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.colour = wants_colour(self.stream)
        if hasattr(self.stream, "reconfigure"):
            self.stream.reconfigure(errors="backslashreplace")  # a terminal that knows no Chinese

    def styled(self, text: str, *styles: str) -> str:
        """The text between the codes of its styles; without colour, as it is."""
        if not self.colour or not styles:
            return text
        codes = ";".join(str(STYLES[style]) for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def line(self, text: str = "", *styles: str) -> None:
        """One line."""
        self.write(text + "\n", *styles)

    def write(self, text: str, *styles: str) -> None:
        """Text without a line's end; it is seen at once."""
        text = harmless(text)
        end = "\n" if text.endswith("\n") else ""
        self.stream.write(self.styled(text.removesuffix("\n"), *styles) + end)
        self.stream.flush()
