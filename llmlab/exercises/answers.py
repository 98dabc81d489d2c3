"""Reading what a reader gives as an answer, before it is judged."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def number(answer: Any) -> float | None:
    """The answer as a number, or None if it is none."""
    try:
        return float(answer)
    except (TypeError, ValueError, RuntimeError):
        return None


def whole_numbers(answer: Any) -> list[int] | None:
    """The answer as a list of whole numbers, one number as a list of one; None if it is none."""
    try:
        flat = answer.flatten().tolist() if isinstance(answer, Tensor) else answer
        return [int(x) for x in flat] if isinstance(flat, list | tuple) else [int(flat)]
    except (TypeError, ValueError):
        return None


def call(function: Any, *arguments: Any) -> tuple[Any, str | None]:
    """What the reader's function returns, or what stopped it."""
    if not callable(function):
        return None, f"expected a function (its name, without brackets), and got {kind(function)}"
    try:
        got = function(*arguments)
    except Exception as error:  # whatever the reader's code raises is what they need to read
        reason = str(error).strip().splitlines()
        detail = f": {reason[0].rstrip('.')}" if reason else ""
        return None, f"your function stopped with {type(error).__name__}{detail}"
    if got is None or got is ...:
        return None, "your function returns nothing: end it with return"
    return got, None


def kind(answer: Any) -> str:
    """What sort of thing was given, such as "a str"."""
    return f"a {type(answer).__name__}"
