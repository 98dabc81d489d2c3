"""A vector and its two norms as a still picture: three drawings of bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from .norm import NormView, written
from .picture import png

BAR, EDGE, MEAN, QUIET = "#a9c7e2", "#164a73", "#b8500b", "#566473"


def norm_picture(view: NormView) -> bytes:
    """The numbers, their LayerNorm and their RMSNorm as PNG.

    Filled bars are after scale and shift, outlines before them. Beside the numbers stands their
    mean, dashed, with one deviation to each side, shaded.
    """
    result = view.result
    figure = Figure(figsize=(8.4, 2.6), layout="constrained")
    given, layer, rms = figure.subplots(1, 3)
    _bars(given, "The numbers", view.numbers, view.numbers)
    deviation = math.sqrt(result.variance)
    given.axhline(result.mean, color=MEAN, linestyle="--", lw=1.4)
    given.axhspan(result.mean - deviation, result.mean + deviation, color=MEAN, alpha=0.14, lw=0)
    given.set_xlabel(f"dashed: mean {written(result.mean)}, deviation {written(deviation)}", size=8)
    _bars(layer, "LayerNorm", result.layer_norm.tolist(), result.standard.tolist())
    _bars(rms, "RMSNorm", result.rms_norm.tolist(), result.unit.tolist())
    rms.set_xlabel(f"root mean square {written(math.sqrt(result.mean_square))}", size=8)
    layer.set_xlabel("filled: after scale and shift", size=8)
    _same_height(layer, rms)
    return png(figure)


def _bars(axes, title: str, filled: Sequence[float], outlined: Sequence[float]) -> None:
    places = range(1, len(filled) + 1)
    heights = [value if math.isfinite(value) else 0.0 for value in filled]
    axes.bar(places, heights, color=BAR, width=0.7)
    axes.bar(places, outlined, color="none", edgecolor=EDGE, width=0.7, lw=1.1)
    for place, height, value in zip(places, heights, filled):
        axes.annotate(
            written(value),
            (place, height),
            xytext=(0, -4 if height < 0 else 3),
            textcoords="offset points",
            ha="center",
            va="top" if height < 0 else "bottom",
            size=8,
        )
    axes.axhline(0, color=QUIET, lw=0.8)
    axes.set_title(title, size=9)
    axes.set_xticks(places)
    axes.tick_params(labelsize=7)
    axes.margins(y=0.2)


def _same_height(*axes) -> None:
    limits = [bound for each in axes for bound in each.get_ylim()]
    for each in axes:
        each.set_ylim(min(limits), max(limits))
