"""What a whole number and a number are, for every public entry that takes one."""

from __future__ import annotations

import operator


def check_count(name: str, value: int) -> None:
    """Raises ValueError, in one sentence, for what is no whole number from 1."""
    if not is_integer(value) or value < 1:
        raise ValueError(f"{name} must be a whole number from 1, not {value!r}")


def is_integer(value) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)


def is_number(value) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return not isinstance(value, (bool, str, bytes))
