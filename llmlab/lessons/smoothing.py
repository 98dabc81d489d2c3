"""Smoothing: what an n-gram model takes from seen continuations to give to unseen ones.

After a context in which N tokens of T kinds were counted, and token w was counted n times,

    p(w) = (n − D) / (N + A) + (A + D·T) / (N + A) · q(w)        for w that was seen,
    p(w) =                     (A + D·T) / (N + A) · q(w)        for all others.

D is taken from every count and A is added to their sum. The methods differ in D, in A, and in q,
which is another distribution over the whole vocabulary; so p sums to one as q does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..checks import is_number


@dataclass(frozen=True)
class AddK:
    """Each count plus k (Lidstone; k = 1 is Laplace): (n + k) / (N + k · vocabulary).

    A = k · vocabulary, D = 0, and q is uniform: no shorter context is asked.

    Raises:
        ValueError: a k that is not positive.
    """

    k: float = 1.0
    shortens: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not is_number(self.k) or not 0 < self.k < math.inf:
            raise ValueError(f"k must be a positive number, not {self.k!r}")

    def added(self, kinds: int, vocab_size: int) -> float:
        return self.k * vocab_size


@dataclass(frozen=True)
class WittenBell:
    """As much is left as kinds were seen (Witten and Bell, 1991, method C; Chen and Goodman, 1999).

    A = T, D = 0, and q is p after the context without its first token; uniform after none.
    """

    shortens: ClassVar[bool] = True

    def added(self, kinds: int, vocab_size: int) -> float:
        return kinds


@dataclass(frozen=True)
class KneserNey:
    """Interpolated Kneser–Ney (Kneser and Ney, 1995; Chen and Goodman, 1999).

    A = 0, and q is p after the context without its first token; uniform after none. Shorter
    contexts count in how many different places a token was seen: one that only ever follows
    one other is no good guess elsewhere. (A context that begins a text has no shorter
    beginning, so there plain counts stay, as in Heafield et al., 2013.)

    Args:
        discount: D in (0, 1); if None, n₁ / (n₁ + 2n₂) of each order, where n₁ and n₂ are how
            many n-grams were counted once and twice (Ney, Essen and Kneser, 1994).

    Raises:
        ValueError: a discount outside (0, 1).
    """

    discount: float | None = None
    shortens: ClassVar[bool] = True

    def __post_init__(self) -> None:
        fits = self.discount is None or (is_number(self.discount) and 0 < self.discount < 1)
        if not fits:
            raise ValueError(f"discount must be between 0 and 1, or None, not {self.discount!r}")

    def added(self, kinds: int, vocab_size: int) -> float:
        return 0


Smoothing = AddK | WittenBell | KneserNey


def discount_of(smoothing: Smoothing, rows: Iterable[Mapping[int, int]]) -> float:
    """D for one order, from the counts after each of its contexts.

    Where no n-gram was counted once, or none twice, the estimate would be 0 or 1; 0.5 is taken.
    """
    if not isinstance(smoothing, KneserNey):
        return 0.0
    if smoothing.discount is not None:
        return float(smoothing.discount)
    counts = [count for row in rows for count in row.values()]
    once, twice = counts.count(1), counts.count(2)
    return once / (once + 2 * twice) if once and twice else 0.5
