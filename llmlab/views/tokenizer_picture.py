"""A text under several tokenizers as a still picture."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .picture import font_families, labels, png
from .tokenizer import counted

TINTS = ("#dbe7f3", "#ffffff", "#a9c7e2", "#f3f6f9")  # told apart by lightness, and by a border
WIDTH = 78  # units of half a letter's height across the picture


def tokenizer_picture(rows: Sequence[dict]) -> bytes:
    """Each tokenizer's tokens as a row of boxes, wrapped where the picture ends, as PNG."""
    texts = [token["text"] for row in rows for token in row["tokens"]]
    names, note = labels(texts)
    placed, line, at = [], 0.0, 0  # (x, y, width, label, tint)
    heads = []
    for row in rows:
        heads.append((line, f"{row['name']}: {counted(row['tokens'])}"))
        line, x = line + 1.1, 0.0
        for i in range(len(row["tokens"])):
            width = _width(names[at + i]) + 1.2
            if x and x + width > WIDTH:
                line, x = line + 1.5, 0.0
            placed.append((x, line, width, names[at + i], TINTS[i % len(TINTS)]))
            x += width
        at, line = at + len(row["tokens"]), line + 2.2
    figure = Figure(figsize=(8, 0.3 * line + 0.3))
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.set(xlim=(-0.5, WIDTH + 0.5), ylim=(line + 0.6, -0.9))
    axes.axis("off")
    fonts = {"fontfamily": font_families(), "va": "center"}
    for y, head in heads:
        name = labels([head], longest=80)[0][0].replace("·", " ")
        axes.text(0, y, name, color="#566473", size=8, **fonts)
    for x, y, width, name, tint in placed:
        box = Rectangle((x, y - 0.4), width, 1.2, facecolor=tint, edgecolor="#566473", lw=0.6)
        axes.add_patch(box)
        axes.text(x + width / 2, y + 0.2, name, ha="center", color="#1c2733", size=9, **fonts)
    axes.text(0, line, note, color="#566473", size=7, **fonts)
    return png(figure, dpi=90)


def _width(text: str) -> float:
    """About how wide a label is, in halves of a letter's height."""
    return sum(1.9 if unicodedata.east_asian_width(c) in "WF" else 1.15 for c in text)
