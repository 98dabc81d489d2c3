"""The steps of a generation as the page reads them: compact, and exact at the recorded settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .base import array, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..step import Step, Tail

# Between these temperatures the page may re-filter, and the merged histogram keeps its mass.
TEMPERATURES = np.geomspace(0.1, 2.0, 8)
# How much of the whole mass one merged bin may gain or lose.
TOLERANCE = 2e-6


def branch_state(
    steps: Sequence[Step], parent: int | None, at: int, forced: bool = False
) -> dict[str, Any]:
    """A branch as the page reads it: the branch it leaves, the step where, and its own steps."""
    states = [step_state(step) for step in steps]
    if forced:
        states[0]["forced"] = True
    return {"parent": parent, "at": at, "steps": states}


def step_state(step: Step) -> dict[str, Any]:
    """A step as the page reads it: compact, and exact at the recorded settings.

    Besides the candidates' logits go the two normalisers, `mass` (temperature 1, nothing cut) and
    `kept_mass` (after the filters), both relative to the highest logit: from these the page has
    the recorded probabilities to the last digit shown, and only other settings need the histogram.
    """
    rows = step.candidates
    chosen, drawn = chosen_place(step), drawn_place(step)
    # A token drawn from the tail stands last, out of the order of falling probability.
    drawn_from_tail = any(logit > rows[-1].logit for logit in step.tail.logits[:1])
    listed = len(rows) - drawn_from_tail
    tail = merged(step.tail, [row.logit for row in rows])
    return {
        "ids": [row.id for row in rows],
        "texts": [visible(row.text) for row in rows],
        "logits": array(np.array([row.logit for row in rows]), "float32"),
        "listed": listed,
        "kept": sum(row.kept for row in rows[:listed]),
        "last_cumulative": rows[-1].cumulative,
        "mass": 1 / rows[0].probability,
        "kept_mass": 1 / rows[0].sampling_probability,
        "tail": {
            "logits": array(np.array(tail[0]), "float32"),
            "counts": array(np.array(tail[1]), "float32"),
        },
        "draw": step.draw,
        "drawn": drawn,
        "chosen": chosen,
        "forced": False,
        "temperature": step.temperature,
        "top_k": step.top_k,
        "top_p": step.top_p,
    }


def chosen_place(step: Step) -> int:
    """The place among the candidates of the token that the text goes on with."""
    return next(i for i, row in enumerate(step.candidates) if row.id == step.chosen.id)


def drawn_place(step: Step) -> int:
    """The place of the token that the draw falls on; another one where a reader took another."""
    rows = enumerate(step.candidates)
    reached = (i for i, row in rows if row.kept and row.cumulative > step.draw)
    return next(reached, chosen_place(step))


def merged(tail: Tail, candidates: list[float]) -> tuple[list[float], list[int]]:
    """The histogram with neighbouring bins joined where that changes no temperature's mass.

    Bins are joined from the top down as long as the join's count at its mean logit weighs the same
    as its bins do, to TOLERANCE of the whole mass at each of TEMPERATURES.
    """
    logits, counts = np.array(tail.logits, dtype=float), np.array(tail.counts, dtype=float)
    weights = counts[:, None] * np.exp((logits[:, None] - candidates[0]) / TEMPERATURES)
    listed = np.exp((np.array(candidates)[:, None] - candidates[0]) / TEMPERATURES).sum(axis=0)
    allowed = TOLERANCE * (weights.sum(axis=0) + listed)
    joined: list[tuple[float, int]] = []
    start = 0
    while start < len(logits):
        number = np.cumsum(counts[start:])
        mean = np.cumsum(counts[start:] * logits[start:]) / number
        mass = np.cumsum(weights[start:], axis=0)
        error = mass - number[:, None] * np.exp((mean[:, None] - candidates[0]) / TEMPERATURES)
        too_far = np.flatnonzero((np.abs(error) > allowed).any(axis=1))
        width = max(int(too_far[0]) if len(too_far) else len(number), 1)
        joined.append((float(mean[width - 1]), int(number[width - 1])))
        start += width
    return [logit for logit, _ in joined], [number for _, number in joined]
