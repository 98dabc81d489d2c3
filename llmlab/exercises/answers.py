"""Reading what a reader gives as an answer, before it is judged."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

CLOSE = 1e-4  # float32 sums in another order differ by less


def number(answer: Any) -> float | None:
    """The answer as a number, or None if it is none."""
    try:
        return float(answer)
    except (TypeError, ValueError, RuntimeError):
        return None


def numbers(answer: Any) -> Tensor | None:
    """The answer as one row of numbers, or None if it is none."""
    try:
        return torch.as_tensor(answer, dtype=torch.float32).flatten()
    except (TypeError, ValueError, RuntimeError):
        return None


def near(got: Tensor, expected: Tensor, within: float = CLOSE) -> bool:
    """Whether two tensors agree in shape and numbers."""
    if got.shape != expected.shape or got.dtype == torch.bool:
        return False
    return torch.allclose(got.float(), expected.float(), rtol=0, atol=within)


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


def call_for_tensor(function: Any, *arguments: Any) -> tuple[Tensor, str | None]:
    """The tensor that the reader's function returns, or what stopped it."""
    got, problem = call(function, *arguments)
    if problem is None and not isinstance(got, Tensor):
        problem = f"expected a tensor from your function, and got {kind(got)}"
    return got if isinstance(got, Tensor) else torch.empty(0), problem


def sample(*shape: int) -> Tensor:
    """Numbers to try a function on, the same every time: no two alike, about as many below 0."""
    count = math.prod(shape)
    return (torch.arange(count) * 0.61803398875 % 1 * 4 - 2).reshape(shape)


def kind(answer: Any) -> str:
    """What sort of thing was given, such as "a str"."""
    return f"a {type(answer).__name__}"
