"""Calibration of next-token probabilities against the tokens that came next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..model import LanguageModel
from .reliability import EDGES, FIFTEEN, Bins, Reliability
from .scoring import scored


@dataclass(frozen=True)
class Calibration:
    """
    Attributes:
        tokens: of every token of the vocabulary at every position: was it the next one?
        first: of the most probable token at every position, in fifteen bins of equal width; its
            error is the expected calibration error as it is mostly reported.
        accuracy: how often the most probable token came next.
    """

    tokens: Reliability
    first: Reliability
    accuracy: float


def measure_calibration(model: LanguageModel, texts: Sequence[str]) -> Calibration:
    """Predicted probabilities of held-out tokens against their frequencies.

    Raises:
        ValueError: no text.
    """
    if not texts:
        raise ValueError("calibration needs at least one text")
    tokens, first = Bins(EDGES), Bins(FIFTEEN)
    n_positions = n_right = 0
    for batch in scored(model, texts):
        probabilities = batch.logits[batch.is_target].softmax(-1)  # (target, vocab)
        targets = batch.targets[batch.is_target]
        n_positions += len(targets)
        # The many that lie below the second edge are counted as what the others leave.
        likely = probabilities[probabilities >= EDGES[1]].double().cpu().numpy()
        tokens.add(likely, np.zeros(len(likely)))
        tokens.n[0] += probabilities.numel() - len(likely)
        tokens.predicted[0] += len(targets) - likely.sum()
        hits = probabilities.gather(1, targets[:, None])[:, 0].double().cpu().numpy()
        tokens.observed += np.bincount(tokens.which(hits), minlength=len(tokens.n))
        best = probabilities.max(1)
        is_right = (best.indices == targets).cpu().numpy()
        first.add(best.values.double().cpu().numpy(), is_right.astype(float))
        n_right += int(is_right.sum())
    return Calibration(
        tokens.reliability(n_positions), first.reliability(), n_right / n_positions
    )
