"""A training's record as the page reads it: smoothed, thinned, and its texts made legible."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..checks import is_number
from .base import array, visible
from .training_record import RunRecord, is_record, read_run

MOST_RUNS = 5  # more lines cannot be told apart without colour
MOST_REFERENCES = 4
MOST_POINTS = 600  # of a curve: about one for each pixel of a wide page
MOST_CHECKPOINTS = 60  # with samples
MOST_CHARACTERS = 600  # of a sample


def records_of(run: Any) -> list[RunRecord]:
    """One record, or one for each name."""
    if not isinstance(run, Mapping) or is_record(run):
        return [read_run(run)]
    if not 1 <= len(run) <= MOST_RUNS:
        raise ValueError(f"{len(run)} runs were given; a view compares 1 to {MOST_RUNS}")
    return [read_run(each, str(name)) for name, each in run.items()]


def references_of(references: Mapping[str, float] | None) -> list[dict[str, Any]]:
    given = dict(references or {})
    if len(given) > MOST_REFERENCES:
        raise ValueError(f"{len(given)} references were given; at most {MOST_REFERENCES}")
    for name, value in given.items():
        if not is_number(value) or not math.isfinite(value):
            raise ValueError(f"the reference {name!r} is {value!r}; expected a finite loss in nats")
    return [{"name": legible(str(name)), "value": float(v)} for name, v in given.items()]


def run_state(record: RunRecord, checkpoints: Collection[int], smoothing: float) -> dict[str, Any]:
    """
    Args:
        checkpoints: steps whose rows must stay: those of all runs in the view.
        smoothing: as ``smoothed`` takes it.

    Returns:
        name; recorded, the number of its points; steps, the kept ones; curves, arrays as long as
        steps; evaluations; prompts; samples: {step, texts: one for each prompt, or None}.
    """
    curves = dict(record.curves)
    kept = thinned(record.steps, list(curves.values()), set(checkpoints))
    if "loss" in curves:
        curves["smoothed"] = smoothed(record.steps, curves["loss"], smoothing)
    samples = kept_samples(record)
    prompts = list(dict.fromkeys(prompt for texts in samples.values() for prompt in texts))
    return {
        "name": legible(record.name),
        "recorded": len(record.steps),
        "steps": [record.steps[i] for i in kept],
        "curves": {k: array([row[i] for i in kept], "float32") for k, row in curves.items()},
        "evaluations": record.evaluations,
        "prompts": list(map(legible, prompts)),
        "samples": [
            {"step": step, "texts": [legible(texts[p]) if p in texts else None for p in prompts]}
            for step, texts in samples.items()
        ],
    }


def smoothed(steps: Sequence[int], values: Sequence[float], smoothing: float) -> list[float]:
    """At every step the mean of the values up to it, the value of step s weighted (s / t)^p.

    The window grows with the step t reached, so that the curve is as smooth at the beginning of
    an axis of logarithmic steps as at its end.

    Args:
        smoothing: the share of t that one must go back for half the weight; 0: the values.
    """
    if not smoothing:
        return list(values)
    power = math.log(2) / -math.log1p(-smoothing)
    means, total, weight, before = [], 0.0, 0.0, 0
    for step, value in zip(steps, values):
        if math.isnan(value):
            means.append(math.nan)
            continue
        fade = (before / step) ** power if step else 0.0
        total, weight, before = total * fade + value, weight * fade + 1.0, step
        means.append(total / weight)
    return means


def thinned(
    steps: Sequence[int],
    curves: Sequence[Sequence[float]],
    checkpoints: Collection[int],
    points: int = MOST_POINTS,
) -> list[int]:
    """The places of the steps that are kept; no value is ever averaged or moved.

    Where there are more than ``points``, the record is cut into even stretches, and of each the
    points with the least and the greatest value of the first curve stay. So do, whatever their
    number, the first and the last point, the extremes of every curve, and for each checkpoint
    the point at or before it. Half of the stretches are even in steps, half in their logarithm,
    so that the beginning is not lost on an axis of logarithmic steps.
    """
    n = len(steps)
    if n <= points:
        return list(range(n))
    kept = {0, n - 1}
    for curve in curves:
        kept.update(_extremes(curve, range(n)))
    for step in checkpoints:
        kept.update(i for i in (_place(steps, step),) if i >= 0)
    n_stretches = points // 4
    for edges in (
        [n * i // n_stretches for i in range(n_stretches + 1)],
        [round(n ** (i / n_stretches)) - 1 for i in range(n_stretches)] + [n],
    ):
        for low, high in zip(edges, edges[1:]):
            if low < high:
                kept.update(_extremes(curves[0], range(low, high)))
    return sorted(kept)


def _extremes(curve: Sequence[float], places: range) -> set[int]:
    there = [i for i in places if not math.isnan(curve[i])]
    if not there:
        return set()
    return {min(there, key=curve.__getitem__), max(there, key=curve.__getitem__)}


def _place(steps: Sequence[int], step: int) -> int:
    """The place of the last step that is not after this one; −1 where all are."""
    return bisect_right(steps, step) - 1


def kept_samples(record: RunRecord) -> dict[int, dict[str, str]]:
    """At most MOST_CHECKPOINTS of them: evenly spread, the first and the last included."""
    steps = list(record.samples)
    if len(steps) > MOST_CHECKPOINTS:
        stride = (len(steps) - 1) / (MOST_CHECKPOINTS - 1)
        steps = [steps[round(i * stride)] for i in range(MOST_CHECKPOINTS)]
    return {step: record.samples[step] for step in steps}


def legible(text: str) -> str:
    """A text to be read as prose: spaces and line ends stay, what else is unseen is written."""
    if len(text) > MOST_CHARACTERS:
        text = text[: MOST_CHARACTERS - 1] + "…"
    return "\n".join(" ".join(map(visible, line.split(" "))) for line in text.split("\n"))
