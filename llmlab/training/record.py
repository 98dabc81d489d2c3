"""The record of a run: what a view replays and what lies beside a trained model."""

from __future__ import annotations

import dataclasses
import platform
from pathlib import Path

import torch

from .. import __version__
from .evaluation import Evaluation
from .log import read_metrics
from .token_file import TokenFile

CURVES = ("loss", "learning_rate", "gradient_norm", "tokens_per_second")


def training_record(
    run: Path,
    config: dict,
    train: TokenFile,
    evaluation: Evaluation | None = None,
    start: dict | None = None,
    points: int = 1000,
) -> dict:
    """A run as plain values.

    Args:
        start: the record of the model that the run began with, if it began with one.

    Returns:
        ``config`` with every default; ``command``; ``text``: documents, tokens to predict and
        characters of the training file; ``curves``: name → [[step, value], …], about ``points`` of
        them, every checkpoint and each curve's extremes included; ``evaluations``; ``samples``:
        step, prompt and text; ``evaluation``: the last; ``made_with``: versions and processor;
        ``start``, as given.
    """
    entries = read_metrics(run)
    kept = _thinned(entries, points)
    last = None
    if evaluation is not None:
        last = dataclasses.asdict(evaluation) | {
            "perplexity": evaluation.perplexity,
            "bits_per_character": evaluation.bits_per_character,
        }
    return {
        "config": config,
        "command": "llmlab train config.yaml",
        "text": {
            "documents": train.n_documents,
            "tokens": train.n_predicted,
            "characters": train.n_characters,
        },
        "curves": {
            name: [[entry["step"], entry[name]] for entry in kept if name in entry]
            for name in CURVES
        },
        "evaluations": [entry for entry in entries if "validation_loss" in entry],
        "samples": [entry for entry in entries if "text" in entry],
        "evaluation": last,
        "made_with": {
            "llmlab": __version__,
            "torch": torch.__version__,
            "processor": platform.machine(),
            "threads": torch.get_num_threads(),
        },
        "start": start,
    }


def _thinned(entries: list[dict], points: int) -> list[dict]:
    """Every so many of the steps, and those that a reader asks for by name."""
    steps = [entry for entry in entries if "loss" in entry]
    marked = {entry["step"] for entry in entries if "validation_loss" in entry or "text" in entry}
    for name in CURVES:
        there = [entry for entry in steps if name in entry]
        if there:
            marked |= {find(there, key=lambda e: e[name])["step"] for find in (min, max)}
    stride = max(1, -(-len(steps) // points))
    return [
        entry
        for i, entry in enumerate(steps)
        if i % stride == 0 or i == len(steps) - 1 or entry["step"] in marked
    ]
