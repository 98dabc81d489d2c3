"""The logit lens of one text as a still picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .picture import RAMP, font_families, labels, png

if TYPE_CHECKING:
    from .residual import ResidualView


def residual_picture(view: ResidualView) -> bytes:
    """The grid as PNG: a row for each layer, a column for each token, a cell its leading token."""
    leading = view._numbers["probabilities"][..., 0]  # (layer + 1, position)
    rows, positions = leading.shape
    words = _names(view.words, view._numbers["word_ids"].tolist())
    names = _names(*([token[key] for token in view.tokens] for key in ("text", "id")))
    note = "# is the id of a token that no installed font can write."
    shown = names + [words[place] for place in view._numbers["top"][..., 0].flatten().tolist()]
    has_note = any(name[:1] == "#" and name[1:].isdigit() for name in shown)
    width = min(0.95, 10 / positions)
    figure = Figure(figsize=(width * positions + 0.9, 0.24 * rows + 0.9), layout="constrained")
    axes = figure.subplots()
    axes.imshow(leading.numpy(), cmap=RAMP, vmin=0, vmax=1, aspect="auto")
    fonts = {"fontfamily": font_families()}
    axes.set_xticks(range(positions), names, fontsize=9, **fonts)
    axes.set_yticks(range(rows), ["embedding", *map(str, range(1, rows))], fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("layers that have run", color="#566473", fontsize=9)
    axes.set_title(f"{view.model_name}: the leading token, and its probability in %", fontsize=9)
    if has_note:
        axes.set_xlabel(note, color="#566473", fontsize=8)
    for row in range(rows):
        for position in range(positions):
            share = leading[row, position].item()
            text = f"{words[view._numbers['top'][row, position, 0]]} {share * 100:.0f}"
            ink = "white" if share > 0.55 else "black"
            place = {"ha": "center", "va": "center", "color": ink, "clip_on": True}
            axes.text(position, row, text, size=7 if width > 0.9 else 5.5, **place, **fonts)
    box = (view.position - 0.5, view.layer - 0.5)
    axes.add_patch(Rectangle(box, 1, 1, fill=False, edgecolor="#b8500b", lw=1.5, clip_on=False))
    return png(figure, dpi=85)


def _names(texts: list[str], ids: list[int]) -> list[str]:
    """Labels of tokens; one that no installed font can write is named by its id."""
    drawn, _ = labels(texts, longest=9)
    return [
        f"#{id}" if name == f"#{place}" else name
        for place, (id, name) in enumerate(zip(ids, drawn))
    ]
