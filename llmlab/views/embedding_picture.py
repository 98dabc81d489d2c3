"""A cosine matrix as a still picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from .picture import RAMP, font_families, labels, png

if TYPE_CHECKING:
    from torch import Tensor


def embedding_picture(cosines: Tensor, words: list[str]) -> bytes:
    """The cosine of each pair of words as PNG, (word, word), each cell with its number."""
    names, note = labels(words)
    side = 1.5 + 0.55 * len(words)
    figure = Figure(figsize=(side + 0.4, side), layout="constrained")
    axes = figure.subplots()
    least = min(0.0, float(cosines.min()))
    axes.imshow(cosines.numpy(), cmap=RAMP, vmin=least, vmax=1)
    fonts = {"fontfamily": font_families(), "fontsize": 9}
    crowded = max(map(len, names)) > 4
    axes.set_xticks(range(len(words)), names, rotation=90 if crowded else 0, **fonts)
    axes.set_yticks(range(len(words)), names, **fonts)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for i, row in enumerate(cosines.tolist()):
        for j, value in enumerate(row):
            ink = "white" if (value - least) / (1 - least) > 0.55 else "black"
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", color=ink, size=8)
    axes.set_xlabel(f"cosine\n{note}" if note else "cosine", color="#566473", size=9)
    return png(figure, dpi=90)
