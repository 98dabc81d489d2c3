"""What a DropoutView is given, checked and made plain, and the sums behind its masks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..checks import is_integer, is_number
from ..lessons.dropout import dropout_mask
from .base import visible

MOST_VALUES = 12  # more do not fit a drawing that can be read on a phone
MOST_DRAWS = 10_000
LARGEST_SEED = 2**53 - 1  # the page's numbers hold no larger one exactly


def finite(name: str, values: Any) -> list[float]:
    """1 to 12 numbers as plain floats."""
    plain = values.tolist() if hasattr(values, "tolist") else list(values)
    if not 1 <= len(plain) <= MOST_VALUES:
        raise ValueError(f"{len(plain)} {name} were given; the view shows 1 to {MOST_VALUES}")
    for value in plain:
        if not is_number(value) or not math.isfinite(value):
            raise ValueError(f"{name} must be finite numbers, not {value!r}")
    return [float(value) for value in plain]


def names_of(names: Sequence[str] | None, count: int) -> list[str]:
    """One name for each value, with nothing in it that a reader could not see."""
    given = [f"neuron {i + 1}" for i in range(count)] if names is None else list(names)
    if len(given) != count or not all(isinstance(name, str) for name in given):
        raise ValueError(f"{count} names are needed, as strings, not {given!r}")
    return [visible(name).replace("·", " ") for name in given]


def check_seed(seed: int) -> int:
    if not is_integer(seed) or not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"seed must be a whole number from 0 to 2^53 - 1, not {seed!r}")
    return int(seed)


def check_draws(draws: int) -> int:
    if not is_integer(draws) or not 1 <= draws <= MOST_DRAWS:
        raise ValueError(f"draws must be a whole number from 1 to {MOST_DRAWS:,}, not {draws!r}")
    return int(draws)


def sums(
    values: Sequence[float],
    weights: Sequence[float],
    bias: float,
    p: float,
    seed: int,
    draws: int,
) -> list[float]:
    """The next neuron's sum with each of the first masks: products in order, then the bias."""
    return [
        sum(
            value * factor * weight
            for value, factor, weight in zip(
                values, dropout_mask(len(values), p, seed=seed, number=number), weights
            )
        )
        + bias
        for number in range(draws)
    ]
