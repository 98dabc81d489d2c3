"""A graph of a computation as a still picture."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from ..views.picture import font_families, labels, png

if TYPE_CHECKING:
    from .computation import Graph, Node

ACROSS, DOWN = 1.9, 0.95  # inches from column to column, from row to row
GIVEN, COMPUTED, QUIET = "#fbe9d7", "#dbe7f3", "#566473"
BEND = 0.28  # of an arrow that passes over columns, or is the second between the same two boxes
SHARES = (0.48, 0.34, 0.62, 0.25)  # of an arrow's way, where its number may stand
APART = 0.3  # inches between the numbers of two arrows that cross


def graph_picture(graph: Graph) -> bytes:
    """The graph as PNG: a box for each number, an arrow to what it goes into.

    A box says its name and operation, its data and its gradient; an arrow, the derivative of its
    end by its beginning. Given numbers are warm and have a heavier border.
    """
    across = [ACROSS * node.column for node in graph.nodes]
    down = [-DOWN * node.row for node in graph.nodes]
    left, right, low, high = min(across) - 0.9, max(across) + 0.9, min(down) - 0.8, max(down) + 0.8
    figure = Figure(figsize=(right - left, high - low))
    axes = figure.add_axes((0, 0, 1, 1))  # so that data and inches are the same
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    axes.set_axis_off()
    names, _ = labels([node.name for node in graph.nodes])
    boxes = [_draw_node(axes, *place) for place in zip(graph.nodes, names, across, down)]
    drawn: Counter[tuple[int, int]] = Counter()
    taken: list[tuple[float, float]] = []
    for edge in graph.edges:
        pair = edge.source, edge.target
        start, end = ((across[i], down[i]) for i in pair)
        passes = graph.nodes[edge.target].column - graph.nodes[edge.source].column > 1
        bend = BEND * (drawn[pair] + passes)
        drawn[pair] += 1
        place = _free_place(start, end, bend, taken)
        taken.append(place)
        _draw_edge(axes, start, end, bend, [boxes[i] for i in pair], edge.derivative, place)
    return png(figure, dpi=90)


def _free_place(start, end, bend: float, taken: list) -> tuple[float, float]:
    """Where an arrow's number stands: before the arrows of one result meet, and clear of others."""
    # The arrow is a quadratic curve.
    (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
    middle = (x + dx / 2 + bend * dy, y + dy / 2 - bend * dx)
    places = [
        tuple(
            (1 - share) ** 2 * a + 2 * share * (1 - share) * c + share**2 * b
            for a, c, b in zip(start, middle, end)
        )
        for share in SHARES
    ]
    clear = (p for p in places if all(math.dist(p, other) > APART for other in taken))
    return next(clear, places[0])


def _draw_edge(axes, start, end, bend: float, boxes, derivative: float, place) -> None:
    arrow = {
        "arrowstyle": "-|>",
        "color": QUIET,
        "linewidth": 0.9,
        "connectionstyle": f"arc3,rad={bend}",
        "patchA": boxes[0],
        "patchB": boxes[1],
        "shrinkA": 1,
        "shrinkB": 1,
    }
    # Above the boxes: these are measured when they are drawn, and the arrow ends at their borders.
    axes.annotate("", xy=end, xytext=start, arrowprops=arrow, zorder=4)
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    words = _number(derivative, 3)
    axes.text(*place, words, size=7, color=QUIET, ha="center", va="center", bbox=behind, zorder=5)


def _draw_node(axes, node: Node, name: str, x: float, y: float):
    title = " = ".join(filter(None, [name, node.operation])) or "given"
    words = f"{title}\ndata {_number(node.data, 4)}\ngradient {_number(node.gradient, 4)}"
    box = {
        "boxstyle": "round,pad=0.35",
        "facecolor": COMPUTED if node.operation else GIVEN,
        "edgecolor": "#34719f" if node.operation else "#8a4b08",
        "linewidth": 0.8 if node.operation else 1.6,
    }
    fonts = {"fontfamily": font_families(), "fontsize": 8}
    text = axes.text(x, y, words, ha="center", va="center", bbox=box, zorder=3, **fonts)
    return text.get_bbox_patch()


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}g}".replace("-", "−")
