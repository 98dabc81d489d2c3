"""A dropout mask that is the same on every machine, and in the page."""

from __future__ import annotations

from ..checks import is_integer, is_number
from ..sampling import MASK_64, draw


def dropout_mask(count: int, p: float, *, seed: int = 0, number: int = 0) -> list[float]:
    """What each of `count` values is multiplied by: 0 where it is dropped, else 1 / (1 − p).

    Value i of mask number n is dropped where draw number n · count + i of `llmlab.sampling.draw`
    is below p. So the same seed and number drop more with a larger p, and never others.

    Source: Srivastava et al. (2014); the scale stands here and not at test time ("inverted").

    Raises:
        ValueError: a p outside 0 ≤ p < 1, or a count, seed or number that is no whole number ≥ 0.
    """
    check_probability(p)
    check_seed(seed)
    for name, value in (("count", count), ("number", number)):
        if not is_integer(value) or value < 0:
            raise ValueError(f"{name} must be a whole number from 0, not {value!r}")
    scale = 1 / (1 - p)
    return [0.0 if draw(seed, number * count + i) < p else scale for i in range(count)]


def check_probability(p: float) -> None:
    """Raises ValueError, in one sentence, for a probability with which nothing could be kept."""
    if not is_number(p) or not 0 <= p < 1:
        raise ValueError(f"p must be at least 0 and below 1, not {p!r}")


def check_seed(seed: int) -> None:
    """Raises ValueError, in one sentence, for what is no seed of `draw`."""
    if not is_integer(seed) or not 0 <= seed <= MASK_64:
        raise ValueError(f"seed must be a whole number from 0 to 2^64 - 1, not {seed!r}")
