"""One head's attention as a still picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .picture import RAMP, font_families, labels, png

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

NUMBERED = 14  # with more tokens than this, cells are too small for numbers


def attention_picture(
    weights: Tensor,  # (query, key)
    queries: Sequence[str],
    keys: Sequence[str],
    *,
    title: str,
    query: int,
    hide_first: bool,
) -> bytes:
    """The map of one head as PNG: a row for each query, a column for each key.

    Args:
        query: whose row is framed.
        hide_first: leave the first row and the first column out.
    """
    start = 1 if hide_first and len(keys) > 1 else 0
    weights = weights[start:, start:]
    rows, row_note = labels(list(queries))
    columns, column_note = labels(list(keys))
    rows, columns, note = rows[start:], columns[start:], column_note or row_note
    width, height = (min(1.6 + 0.42 * len(names), 7.0) for names in (columns, rows))
    figure = Figure(figsize=(width + 0.4, height + 0.3), layout="constrained")
    axes = figure.subplots()
    axes.imshow(weights.numpy(), cmap=RAMP, vmin=0, vmax=1)
    longest = max(len(rows), len(columns))
    with_fonts = {"fontfamily": font_families(), "fontsize": 9 if longest <= 24 else 6}
    rotation = 90 if len(columns) > 6 else 0
    axes.set_xticks(range(len(columns)), columns, rotation=rotation, **with_fonts)
    axes.set_yticks(range(len(rows)), rows, **with_fonts)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("query", color="#566473")
    axes.set_xlabel(f"key\n{note}" if note else "key", color="#566473")
    axes.set_title(title, fontsize=10)
    if query >= start:
        box = (-0.5, query - start - 0.5)
        axes.add_patch(
            Rectangle(box, len(columns), 1, fill=False, edgecolor="#b8500b", clip_on=False)
        )
    if longest <= NUMBERED:
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
