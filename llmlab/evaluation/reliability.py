"""Reliability: are things predicted with probability p as frequent as that?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EDGES = (0.0, 1e-3, 1e-2, *(i / 10 for i in range(1, 10)), 0.99, 1.0)
FIFTEEN = tuple(i / 15 for i in range(16))  # of equal width, as Guo et al. (2017) have them


@dataclass(frozen=True)
class Bin:
    """Predictions with a probability from ``low`` up to ``high`` (the last bin: and 1).

    Attributes:
        n: how many there are.
        predicted: their mean probability; None of an empty bin.
        observed: how often they came true, or their mean true probability.
    """

    low: float
    high: float
    n: int
    predicted: float | None
    observed: float | None


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram.

    Attributes:
        error: the sum over bins of |predicted − observed| · n, for each of the ``n`` positions.
            Where one prediction was made at each, this is the expected calibration error (Naeini
            et al., 2015; Guo et al., 2017, equation 3). Where every token of the vocabulary is
            one, it is the probability that lies in a wrong bin.
        n: positions.
    """

    bins: tuple[Bin, ...]
    error: float
    n: int


class Bins:
    """Adds up predictions and what came of them.

    Args:
        edges: ascending, from 0 to 1.
    """

    def __init__(self, edges: Sequence[float] = EDGES) -> None:
        self.edges = np.array(edges)
        self.n = np.zeros(len(edges) - 1, dtype=np.int64)
        self.predicted = np.zeros(len(edges) - 1)
        self.observed = np.zeros(len(edges) - 1)

    def which(self, probabilities: np.ndarray) -> np.ndarray:
        """The bin of each probability."""
        found = np.searchsorted(self.edges, probabilities, side="right") - 1
        return found.clip(0, len(self.n) - 1)

    def add(self, predicted: np.ndarray, observed: np.ndarray) -> None:
        """
        Args:
            predicted: probabilities.
            observed: 1 where it came true, 0 where not; or true probabilities.
        """
        at, size = self.which(predicted), len(self.n)
        self.n += np.bincount(at, minlength=size)
        self.predicted += np.bincount(at, predicted, minlength=size)
        self.observed += np.bincount(at, observed, minlength=size)

    def reliability(self, n_positions: int | None = None) -> Reliability:
        """
        Args:
            n_positions: None where each prediction is a position of its own.
        """
        n_positions = int(self.n.sum()) if n_positions is None else n_positions
        error = float(np.abs(self.predicted - self.observed).sum()) / max(1, n_positions)
        columns = (self.edges[:-1], self.edges[1:], self.n, self.predicted, self.observed)
        bins = tuple(
            Bin(low, high, n, *((p / n, o / n) if n else (None, None)))
            for low, high, n, p, o in zip(*(column.tolist() for column in columns), strict=True)
        )
        return Reliability(bins, error, n_positions)
