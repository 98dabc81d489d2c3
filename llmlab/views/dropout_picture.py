"""A dropout mask as a still picture: values before and after, and the average over the draws."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .network_words import number, short_number
from .picture import font_families, labels, png

if TYPE_CHECKING:
    from .dropout import DropoutView

KEPT, DROPPED, QUIET, LINE = "#164a73", "#b8500b", "#566473", "#a3b0bd"


def dropout_picture(view: DropoutView) -> bytes:
    """Left: each value as a thin bar, and what the mask leaves of it as a thick one. Right: the
    sum with each mask so far, and their average, against the sum of evaluation mode."""
    figure = Figure(figsize=(8.4, 0.34 * len(view.values) + 1.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw_values(left, view)
    _draw_average(right, view)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0, labelsize=8)
    return png(figure)


def _draw_values(axes, view: DropoutView) -> None:
    mask = view.mask
    rows = range(len(view.values))
    after = [value * factor for value, factor in zip(view.values, mask)]
    names = [name.replace("·", " ") for name in labels(view.names)[0]]
    axes.barh(rows, view.values, height=0.74, fill=False, edgecolor=QUIET, lw=1)
    axes.barh(rows, after, height=0.4, color=KEPT)
    axes.axvline(0, color=QUIET, lw=0.8)
    axes.set_yticks(rows, names, fontfamily=font_families())
    axes.invert_yaxis()
    least, most = min(0.0, *view.values, *after), max(0.0, *view.values, *after)
    room = (most - least or 1) * 0.3
    axes.set_xlim(least - (room if least < 0 else 0), most + room)
    for row, (value, result, factor) in enumerate(zip(view.values, after, mask)):
        end = max(value, result, key=abs)
        words = "dropped" if factor == 0 else short_number(result)
        side = {"ha": "right", "x": -4} if end < 0 else {"ha": "left", "x": 4}
        axes.annotate(
            words,
            (end, row),
            (side["x"], 0),
            textcoords="offset points",
            ha=side["ha"],
            va="center",
            size=8,
            color=DROPPED if factor == 0 else "black",
        )
    axes.set_xlabel("frame: value before, bar: after the mask", fontsize=8)
    mode = f"p = {number(view.p)}, mask {view.draws}" if view.training else "evaluation mode"
    axes.set_title(mode, fontsize=9)


def _draw_average(axes, view: DropoutView) -> None:
    evaluation = view.evaluation
    (name,) = labels([view.neuron], longest=24)[0]
    axes.axhline(evaluation, color="black", ls="--", lw=1.2, label="evaluation mode")
    if view.training:
        sums = view.sums
        places = range(1, len(sums) + 1)
        averages = [total / place for total, place in zip(accumulate(sums), places)]
        shown = [place - 1 for place in places][:: max(1, len(sums) // 300)]
        axes.plot(
            [places[i] for i in shown], [sums[i] for i in shown], ".", color=LINE, ms=4,
            label="one mask", zorder=1,
        )  # fmt: skip
        mark = "o" if len(sums) == 1 else None
        axes.plot(places, averages, color=KEPT, lw=1.8, marker=mark, label="average so far")
        axes.set_xlim(0, len(sums) + 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("masks drawn", fontsize=8)
    axes.set_ylabel(f"sum at {name.replace('·', ' ')}", fontsize=8, fontfamily=font_families())
    axes.legend(fontsize=7, frameon=False, loc="best")
