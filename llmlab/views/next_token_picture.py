"""One step's likeliest tokens as a still picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from .base import percent
from .picture import font_families, labels, png

if TYPE_CHECKING:
    from ..step import Step

ROWS = 8
PLAIN, SAMPLED, QUIET = "#a9c7e2", "#164a73", "#566473"


def next_token_picture(step: Step) -> bytes:
    """Bars of p and of the sampling probability of the likeliest tokens, as PNG."""
    rows = list(step.candidates[:ROWS])
    if step.chosen.id not in {row.id for row in rows}:
        rows.append(next(row for row in step.candidates if row.id == step.chosen.id))
    names, note = labels([row.text for row in rows])
    place = np.arange(len(rows))
    figure = Figure(figsize=(6.2, 0.8 + 0.36 * len(rows)), layout="constrained")
    axes = figure.subplots()
    p, sampling = zip(*((row.probability, row.sampling_probability) for row in rows))
    largest = max(*p, *sampling)
    for offset, colour, label, values in (
        (-0.19, PLAIN, "p, whole vocabulary", p),
        (0.19, SAMPLED, "sampling p, after the filters", sampling),
    ):
        axes.barh(place + offset, values, height=0.34, color=colour, label=label)
        for y, value in zip(place + offset, values):
            place_of = value + 0.008 * largest
            axes.text(place_of, y, percent(value), va="center", size=7, color=QUIET)
    chosen = next(i for i, row in enumerate(rows) if row.id == step.chosen.id)
    # The arrow marks the chosen token, not a bold label: fonts with Chinese often have one weight.
    marked = [f"▸ {name}" if i == chosen else name for i, name in enumerate(names)]
    axes.set_yticks(place, marked, fontfamily=font_families(), fontsize=10)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * largest)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color("#d5dce3")
    title = f"Step {step.index + 1}: {names[chosen]}, with the draw {step.draw:.4f}"
    axes.set_title(title, fontfamily=font_families(), fontsize=10, loc="left")
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    if note:
        axes.set_xlabel(note, fontsize=7, color=QUIET)
    return png(figure)
