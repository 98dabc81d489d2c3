"""A training as a still picture: its curves, and what the model writes at one checkpoint."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..serialization import array_from_json
from .picture import font_families, labels, png

# Told apart by dashes and marks; the colours only help. As in training.css and training_chart.js.
COLOURS = ("#0b5fa5", "#8f3500", "#16241c", "#c53be0", "#8e8629")
DASHES = ("-", (0, (7, 3)), (0, (2, 2)), (0, (8, 3, 2, 3)), (0, (1, 3)))
MARKS = ("o", "s", "^", "D", "v")
QUIET, PALE = "#566473", "#a9c7e2"
NAMES = {
    "learning_rate": "learning rate",
    "gradient_norm": "gradient norm",
    "tokens_per_second": "tokens a second",
    "perplexity": "perplexity",
    "bits_per_character": "bits per character",
}


def training_picture(state: dict[str, Any], samples: Sequence[tuple[str, str]]) -> bytes:
    """The losses above, what ``state["below"]`` names in the middle, samples underneath, as PNG."""
    note = _caption(state, samples)
    size = 3.9 + (1.2 if state["below"] else 0) + 0.19 * len(note)
    figure = Figure(figsize=(8, size), layout="constrained")
    heights = [4, 1.2] if state["below"] else [4]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for place, run in enumerate(state["runs"]):
        _draw_losses(axes[0], run, place, single=len(state["runs"]) == 1)
    _draw_references(axes[0], state["references"])
    axes[0].set_ylabel("loss, nats per token")
    axes[0].legend(prop={"family": font_families(), "size": 8}, frameon=False)
    if state["below"]:
        for place, run in enumerate(state["runs"]):
            _draw_below(axes[1], run, place, state["below"])
        axes[1].set_ylabel(NAMES[state["below"]], size=8)
    axes[-1].set_xlabel("step")
    axes[-1].set_xscale(state["scale"])
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    if state["moments"]:
        for each in axes:
            each.axvline(max(state["moments"][state["moment"]], 1), color=QUIET, linewidth=0.8)
    if note:
        style = {"size": 8, "color": "#1c2733", "linespacing": 1.5}
        figure.supxlabel("\n".join(note), x=0.02, ha="left", family=font_families(), **style)
    return png(figure)


def _draw_losses(axes, run: dict[str, Any], place: int, single: bool) -> None:
    name = _drawable(run["name"])
    line = {"color": COLOURS[place], "linestyle": DASHES[place], "linewidth": 1.6}
    steps = [max(step, 1) for step in run["steps"]]
    if "loss" in run["curves"]:
        if single:
            losses = array_from_json(run["curves"]["loss"]).tolist()
            axes.plot(steps, losses, color=PALE, linewidth=0.7, label="training, each step")
        means = array_from_json(run["curves"]["smoothed"]).tolist()
        axes.plot(steps, means, label="training, smoothed" if single else name, **line)
    found = [each for each in run["evaluations"] if "validation_loss" in each]
    if found:
        axes.plot(
            [max(each["step"], 1) for each in found],
            [each["validation_loss"] for each in found],
            linestyle="none",
            marker=MARKS[place],
            markersize=5,
            markerfacecolor="white",
            markeredgecolor=COLOURS[place],
            label="validation" if single else f"{name}, validation",
        )


def _draw_references(axes, references: Sequence[dict[str, Any]]) -> None:
    """Dotted lines, their names where a falling loss leaves room: upper right or lower left.

    A long training's curves lie just above the lowest line, so its name stands below.
    """
    low, high = axes.get_ylim()
    before = float("inf")
    falling = sorted(references, key=lambda each: -each["value"])
    if falling and falling[-1]["value"] < (low + high) / 2:
        axes.set_ylim(bottom=low - 0.04 * (high - low))
    for reference in falling:
        value = reference["value"]
        axes.axhline(value, color=QUIET, linestyle=(0, (1, 2)), linewidth=1)
        is_high, is_crowded = value > (low + high) / 2, before - value < 0.05 * (high - low)
        is_below = is_crowded or (reference is falling[-1] and not is_high)
        axes.annotate(
            f"{_drawable(reference['name'])} {value:.4g}",
            (0.99 if is_high else 0.01, value),
            (0, -2 if is_below else 2),
            ("axes fraction", "data"),
            textcoords="offset points",
            ha="right" if is_high else "left",
            va="top" if is_below else "bottom",
            color=QUIET,
            size=8,
            fontfamily=font_families(),
        )
        before = value


def _draw_below(axes, run: dict[str, Any], place: int, name: str) -> None:
    line = {"color": COLOURS[place], "linestyle": DASHES[place], "linewidth": 1.2}
    if name in run["curves"]:
        steps, values = run["steps"], array_from_json(run["curves"][name]).tolist()
    else:
        found = [each for each in run["evaluations"] if name in each]
        steps, values = ([each[key] for each in found] for key in ("step", name))
        line["marker"] = MARKS[place]
    axes.plot([max(step, 1) for step in steps], values, **line)
    if name == "perplexity":
        axes.set_yscale("log")


def _caption(state: dict[str, Any], samples: Sequence[tuple[str, str]]) -> list[str]:
    if not samples:
        return []
    run, step = state["runs"][state["shown"]], state["moments"][state["moment"]]
    texts = [f"{prompt} → {text or 'nothing'}" for prompt, text in samples]
    names, missing = labels([text.replace("\n", " ") for text in texts], 64)
    lines = [f"{_drawable(run['name'])} writes at step {step:,}:"]
    lines += [name.replace("·", " ") for name in names]
    return [part for line in [*lines, missing] for part in textwrap.wrap(line, 110)]


def _drawable(name: str) -> str:
    return labels([name], 40)[0][0].replace("·", " ")
