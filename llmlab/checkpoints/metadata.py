"""Values of a GGUF file's metadata, each checked for its kind and its range.

A file may have been altered, and a size out of range would be noticed only when memory for it
is asked for. So whoever reads a value says here what it must be.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

LONGEST_SHOWN = 60  # characters of a value that an error message repeats


class Strings(Sequence):
    """Many short byte strings in one piece of memory, as a vocabulary needs it."""

    def __init__(self, strings: Iterator[bytes]) -> None:
        self._offsets = array("I", [0])
        joined = bytearray()
        for string in strings:
            joined += string
            self._offsets.append(len(joined))
        self._joined = bytes(joined)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> bytes:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._joined[self._offsets[index] : self._offsets[index + 1]]


class Metadata(dict):
    """Name → value; an array of strings is `Strings`, one of numbers is numpy's.

    Each method below gives the value of a name, or `default` where the file has none. All raise
    ValueError, with the file's path, for a value of another kind or out of range, and for one
    that is missing and has no default.
    """

    def __init__(self, path: Path, values: Iterator[tuple[str, object]]) -> None:
        super().__init__(values)
        self.path = path

    def text(self, name: str, *default: str) -> str:
        value = self._get(name, default)
        return value if isinstance(value, str) else self._refuse(name, "a text")

    def flag(self, name: str, *default: bool) -> bool:
        value = self._get(name, default)
        return value if isinstance(value, bool) else self._refuse(name, "true or false")

    def integer(self, name: str, lowest: int, highest: int, *default: int | None) -> int | None:
        value = self._get(name, default)
        if value is None or type(value) is int and lowest <= value <= highest:  # no bool
            return value
        self._refuse(name, f"a whole number from {lowest:,} to {highest:,}")

    def number(self, name: str, lowest: float, highest: float) -> float:
        value = self._get(name, ())
        if type(value) in (int, float) and math.isfinite(value) and lowest <= value <= highest:
            return value
        self._refuse(name, f"a number from {lowest:g} to {highest:g}")

    def strings(self, name: str) -> Strings:
        value = self._get(name, ())
        if isinstance(value, Strings) and len(value):
            return value
        self._refuse(name, "an array of strings")

    def integers(self, name: str, length: int, lowest: int, highest: int) -> np.ndarray:
        """(length,), every number within the range."""
        value = self._get(name, ())
        if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and len(value) == length:
            if lowest <= value.min() and value.max() <= highest:
                return value
            found = f"numbers from {value.min():,} to {value.max():,}"
        else:
            found = None
        expected = f"{length:,} whole numbers from {lowest:,} to {highest:,}"
        self._refuse(name, expected, found)

    def _get(self, name: str, default: tuple):
        if name not in self and not default:
            raise ValueError(f"{self.path} is altered: it has no {name}")
        return self[name] if name in self else default[0]

    def _refuse(self, name: str, expected: str, found: str | None = None):
        found = found or _describe(self[name])
        raise ValueError(
            f"{self.path} is altered: {name} is {found}, expected {expected}; fetch it again"
        )


def _describe(value: object) -> str:
    if isinstance(value, (Strings, np.ndarray)):
        kind = "strings" if isinstance(value, Strings) else f"numbers ({value.dtype.name})"
        return f"an array of {len(value):,} {kind}"
    shown = repr(value)
    return shown if len(shown) <= LONGEST_SHOWN else shown[:LONGEST_SHOWN] + "…"
