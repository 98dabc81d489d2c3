"""One token in two sentences as a still picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from .picture import font_families, labels, png

if TYPE_CHECKING:
    from .context import ContextView

INK, QUIET, SAME, OTHERS = "#1c2733", "#566473", "#164a73", "#b8500b"


def context_picture(view: ContextView) -> bytes:
    """A row for each layer as PNG: the cosines as two lines, and each sentence's leading token."""
    cosines = view._numbers["cosines"][view.shown].tolist()
    others = view._numbers["others"][view.shown].tolist()
    rows = range(len(cosines))
    leaders = [[view.leader(sentence, row) for row in rows] for sentence in (0, 1)]
    titles = ["".join(tokens) for tokens in view.sentences]
    names, note = labels([view.shared[view.shown], *titles, *leaders[0], *leaders[1]], longest=26)
    word, *titles = names[:3]
    columns = (names[3 : 3 + len(rows)], names[3 + len(rows) :])
    fonts = {"fontfamily": font_families()}

    figure = Figure(figsize=(8.2, 0.24 * len(rows) + 1.3), layout="constrained")
    chart, first, second = figure.subplots(1, 3, sharey=True, width_ratios=(1.5, 1, 1))
    chart.plot(cosines, rows, "o-", color=SAME, ms=4, label=f"its two vectors of {word}")
    chart.plot(others, rows, "s--", color=OTHERS, ms=3.5, label="other tokens")
    chart.set(xlim=(min(0, *others, *cosines) - 0.03, 1.03), ylim=(len(rows) - 0.5, -0.5))
    chart.set_yticks(rows, ["embedding", *map(str, rows[1:])], fontsize=8)
    chart.tick_params(labelsize=8)
    chart.set_ylabel("layers that have run", color=QUIET, fontsize=9)
    chart.set_xlabel("cosine" + (f"\n{note}" if note else ""), color=QUIET, fontsize=9)
    chart.grid(alpha=0.3)
    figure.legend(
        loc="outside upper left", ncols=2, frameon=False, prop={"family": font_families(), "size": 8}
    )
    for axes, title, column in zip((first, second), titles, columns):
        axes.set_title(title, fontsize=9, color=INK, loc="left", **fonts)
        axes.set(xlim=(0, 1))
        axes.axis("off")
        for row, name in zip(rows, column):
            axes.text(0, row, name, size=8, color=INK, va="center", clip_on=True, **fonts)
    chart.axhline(view.layer, color=QUIET, lw=0.8, ls=":")
    return png(figure, dpi=85)
