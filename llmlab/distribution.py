"""The next-token distribution of one row of logits, sorted only as far as it is read.

Sorting 262,144 logits takes longer than a small model needs to compute them. A histogram of the
row, one pass, tells how far down the tokens lie that matter; only those are sorted.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from torch import Tensor

from .step import Tail

BINS_PER_LOGIT = 16  # a bin of the histogram is 1/16 of a logit wide
LAST_BIN = 1 << 12  # logits more than 256 below the highest share the last bin


@njit(cache=True)
def histogram(row, highest, n_bins):
    """How many finite logits lie in each bin below the highest, and their sums."""
    counts, sums = np.zeros(n_bins, np.int64), np.zeros(n_bins)
    for logit in row:
        if np.isfinite(logit):
            distance = (highest - logit) * np.float32(BINS_PER_LOGIT)
            at = int(distance) if distance < n_bins - 1 else n_bins - 1
            counts[at] += 1
            sums[at] += logit
    return counts, sums


class Distribution:
    """The next-token distribution of one row of logits, in falling order, ties by rising id.

    Only a prefix of that order is sorted: at least `n_candidates` tokens, all that top-k and top-p
    keep, and, where nothing is filtered, as many as `draw` needs to find its token.

    Arrays over the prefix, falling probability (rank):
        ids, logits; probabilities (of the whole vocabulary, temperature 1);
        sampling_probabilities (after the filters, zero where dropped); cumulative (their sum).
    n_kept counts the tokens that the filters keep, in the prefix or beyond it.
    """

    def __init__(
        self,
        logits: Tensor,  # (vocab,)
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        draw: float = 0.0,
        n_candidates: int = 50,
    ) -> None:
        # NumPy and Numba, not torch: each of these passes takes microseconds, and starting
        # torch's threads for one costs more as soon as another process shares the cores.
        row = logits.detach().float().cpu().numpy()
        self.highest = float(row.max())
        if not math.isfinite(self.highest):
            raise ValueError(
                f"the highest logit is {self.highest}: there is no distribution to sample from"
            )
        self.temperature, self.top_k = temperature, top_k
        self.top_p = None if top_p == 1 else top_p
        self._row = row
        self._count()
        if top_k is None:
            self._total = self._mass(temperature)
        self._read(max(n_candidates, top_k or 1), self._target(draw))
        self._filter()

    def choose(self, draw: float) -> int:
        """The rank of the first token whose cumulative sampling probability exceeds the draw."""
        kept = self.cumulative[: self.n_kept]
        return min(int(np.searchsorted(kept, draw, side="right")), len(kept) - 1)

    def tail(self, ranks: np.ndarray) -> Tail:
        """The histogram of the whole row without the tokens at `ranks`."""
        counts, sums = self._counts.copy(), self._sums.copy()
        bins = self._bins(self.logits[ranks])
        np.subtract.at(counts, bins, 1)
        np.subtract.at(sums, bins, self.logits[ranks].astype(np.float64))
        filled = np.flatnonzero(counts)
        means = (sums[filled] / counts[filled]).astype(np.float32)
        return Tail(tuple(means.tolist()), tuple(counts[filled].tolist()))

    def _bins(self, logits: np.ndarray) -> np.ndarray:
        """Which bin each logit lies in, counted from the highest logit down."""
        distance = (np.float32(self.highest) - logits) * np.float32(BINS_PER_LOGIT)
        if self._is_wide:
            np.minimum(distance, LAST_BIN, out=distance)
        return distance.astype(np.int64)

    def _count(self) -> None:
        """A histogram of the row by distance from the highest logit; -inf takes no part."""
        row, lowest = self._row, float(self._row.min())
        has_impossible = not math.isfinite(lowest)
        if has_impossible:
            lowest = float(row[np.isfinite(row)].min())
        reach = (self.highest - lowest) * BINS_PER_LOGIT
        self._is_wide = reach >= LAST_BIN
        n_bins = LAST_BIN + 1 if self._is_wide else int(reach) + 2
        self._counts, self._sums = histogram(row, np.float32(self.highest), n_bins)
        self._heights = self._sums / np.maximum(self._counts, 1)

    def _above(self, n_bins: int) -> np.ndarray:
        """The ids, rising, of all tokens in the first bins, and of a few beyond their edge."""
        if n_bins >= len(self._counts):
            return np.flatnonzero(self._row > -np.inf)
        edge = self.highest - (n_bins + 0.01) / BINS_PER_LOGIT  # rounding must not lose any
        return np.flatnonzero(self._row > np.float32(edge))

    def _mass(self, temperature: float) -> float:
        """The sum of exp((logit - highest) / temperature) over the vocabulary."""
        in_bins = np.cumsum(self._counts * self._weights(self._heights, temperature))
        # Where less than 1e-5 of the mass is left, the bins stand for their tokens to about 1e-9.
        n_bins = int(np.searchsorted(in_bins, (1 - 1e-5) * in_bins[-1])) + 1
        if self._counts[:n_bins].sum() > len(self._row) // 8:  # a large choice is slower than all
            near, rest = self._row, 0.0
        else:
            near, rest = self._row[self._above(n_bins)], in_bins[-1] - in_bins[n_bins - 1]
            near = near[self._bins(near) < n_bins]
        # float32 is the faster, but temperatures at the ends would be 0 or infinite in it.
        kind = np.float32 if 1e-3 < temperature < 1e30 else np.float64
        distance = np.subtract(near, kind(self.highest), dtype=kind)
        with np.errstate(over="ignore"):  # a distance of -inf has the weight 0 that it should
            distance /= kind(temperature)
        return float(np.exp(distance, out=distance).sum(dtype=np.float64) + rest)

    def _target(self, draw: float) -> float:
        """The probability mass that the sorted prefix has to exceed."""
        if self.top_k is not None:
            return 0.0  # top-p then works inside the top k
        return draw if self.top_p is None else self.top_p

    def _weights(self, logits: np.ndarray, temperature: float) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.exp((logits.astype(np.float64) - self.highest) / temperature)

    def _read(self, n_tokens: int, target: float) -> None:
        """Sort the prefix: at least n_tokens, and more than `target` of the mass."""
        n_bins = np.searchsorted(np.cumsum(self._counts), n_tokens) + 1
        if target > 0:
            mass = np.cumsum(self._counts * self._weights(self._heights, self.temperature))
            n_bins = max(n_bins, np.searchsorted(mass, target * mass[-1]) + 1)
        while True:
            n_bins = min(n_bins, len(self._counts))
            ids = self._above(n_bins)
            self.ids = ids[np.argsort(-self._row[ids], kind="stable")]
            self.logits = self._row[self.ids]
            weights = self._weights(self.logits, self.temperature)
            if target == 0 or n_bins == len(self._counts) or weights.sum() > target * self._total:
                break
            n_bins += n_bins // 8 + 1  # bins stand for their tokens only nearly
        self._sampling_weights = weights

    def _filter(self) -> None:
        weights, n_kept = self._sampling_weights, len(self._row)
        total = self._total if self.top_k is None else 0.0
        if self.top_k is not None:
            kth = self.logits[min(self.top_k, len(self.logits)) - 1]
            n_kept = 1 if self.top_k == 1 else int(np.count_nonzero(self.logits >= kth))
            total = weights[:n_kept].sum()
        if self.top_p is not None:
            inside = weights[:n_kept]
            mass_before = np.cumsum(inside) - inside
            n_kept = max(1, int(np.count_nonzero(mass_before < self.top_p * total)))
            total = weights[:n_kept].sum()
        self.n_kept = n_kept
        kept = np.arange(len(weights)) < n_kept
        self.sampling_probabilities = np.where(kept, weights / total, 0.0)
        self.cumulative = np.cumsum(self.sampling_probabilities)
        is_total = self.temperature == 1 and self.top_k is None
        whole = self._total if is_total else self._mass(1.0)
        self.probabilities = self._weights(self.logits, 1.0) / whole
