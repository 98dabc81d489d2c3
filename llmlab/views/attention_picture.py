"""One head's attention as a still picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .picture import RAMP, font_families, labels, png

if TYPE_CHECKING:
    from torch import Tensor

    from ..tracing import Trace

NUMBERED = 14  # with more tokens than this, cells are too small for numbers


def attention_picture(trace: Trace, layer: int, head: int, query: int, hide_first: bool) -> bytes:
    """The map of one head as PNG: a row for each query, a column for each key."""
    start = 1 if hide_first and len(trace.tokens) > 1 else 0
    weights = trace.attention[layer, head, start:, start:]
    names, note = labels([token.text for token in trace.tokens])
    names, size = names[start:], len(names) - start
    side = min(1.6 + 0.42 * size, 7.0)
    figure = Figure(figsize=(side + 0.4, side + 0.3), layout="constrained")
    axes = figure.subplots()
    axes.imshow(weights.numpy(), cmap=RAMP, vmin=0, vmax=1)
    with_fonts = {"fontfamily": font_families(), "fontsize": 9 if size <= 24 else 6}
    axes.set_xticks(range(size), names, rotation=90 if size > 6 else 0, **with_fonts)
    axes.set_yticks(range(size), names, **with_fonts)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("query", color="#566473")
    axes.set_xlabel(f"key\n{note}" if note else "key", color="#566473")
    axes.set_title(f"{trace.model_name}: layer {layer}, head {head}", fontsize=10)
    if query >= start:
        box = (-0.5, query - start - 0.5)
        axes.add_patch(Rectangle(box, size, 1, fill=False, edgecolor="#b8500b", clip_on=False))
    if size <= NUMBERED:
        _write_percentages(axes, weights)
    return png(figure)


def _write_percentages(axes, weights: Tensor) -> None:
    for query, row in enumerate(weights.tolist()):
        for key, weight in enumerate(row):
            if weight >= 0.005:
                ink = "white" if weight > 0.55 else "black"
                axes.text(
                    key, query, f"{weight * 100:.0f}", ha="center", va="center", color=ink, size=8
                )
