"""A training in words: from where to where its losses went, and what the model wrote."""

from __future__ import annotations

from typing import Any

from ..serialization import array_from_json
from .network_words import number


def run_in_words(run: dict[str, Any]) -> str:
    """First and last training loss, the last evaluation, and the least validation loss."""
    steps, curves, evaluations = run["steps"], run["curves"], run["evaluations"]
    parts = []
    if "loss" in curves:
        losses = array_from_json(curves["loss"]).tolist()
        mean = array_from_json(curves["smoothed"])[-1].item()
        parts.append(
            f"training loss {number(losses[0], 4)} at step {steps[0]:,}, {number(losses[-1], 4)} "
            f"at step {steps[-1]:,} (smoothed {number(mean, 4)})"
        )
    measured = [each for each in evaluations if "validation_loss" in each]
    if measured:
        last, least = measured[-1], min(measured, key=lambda each: each["validation_loss"])
        units = {"perplexity": "perplexity", "bits_per_character": "bits per character"}
        also = "".join(f", {units[k]} {number(last[k], 4)}" for k in units if k in last)
        parts.append(
            f"validation loss {number(last['validation_loss'], 4)} at step {last['step']:,}{also}"
        )
        if least is not last:
            parts.append(
                f"least {number(least['validation_loss'], 4)} at step {least['step']:,}"
            )
    return f"Training of {run['name']}: {'; '.join(parts)}."


def sample_in_words(prompt: str, text: str) -> str:
    return f"“{prompt}” → “{text}”" if text else f"“{prompt}” → nothing"
