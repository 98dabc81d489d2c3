"""Exercises: each check names the mistake.

A chapter's checks live in one module (``chapter_07``). A check takes the reader's answer and
returns None if it is right, or one sentence that says what is wrong with it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

Check = Callable[[Any], str | None]


def exercises() -> dict[str, Check]:
    """Every exercise by its number, such as "7.2"."""
    found: dict[str, Check] = {}
    for module in iter_modules(__path__):
        if module.name.startswith("chapter_"):
            found |= import_module(f"{__name__}.{module.name}").CHECKS
    return found


def verdict(number: str, answer: Any) -> str | None:
    """None if the answer is right, otherwise what is wrong with it, in one sentence.

    Raises:
        ValueError: no exercise of that number.
    """
    known = exercises()
    if number not in known:
        near = difflib.get_close_matches(str(number), known, n=3) or sorted(known)
        raise ValueError(f"there is no exercise {number!r}; did you mean {' or '.join(near)}?")
    if answer is None or answer is ...:
        return "no answer yet; replace the three dots"
    return known[number](answer)


def check(number: str, answer: Any) -> None:
    """Say whether an answer is right, and if not, why not."""
    mistake = verdict(number, answer)
    print(f"{number}: right." if mistake is None else f"{number}: not yet: {mistake}.")
