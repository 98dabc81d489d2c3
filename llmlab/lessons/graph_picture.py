"""A graph of a computation as a still picture."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from ..views.picture import font_families, labels, png

if TYPE_CHECKING:
    from .computation import Graph, Node

DOWN = 0.85  # inches from row to row
NEAR, FAR, WIDE = 1.45, 1.9, 8.7  # from column to column, and all together while there is room
AROUND = 0.55  # inches from the middle of an outer box to the border
TITLE = 0.25  # inches for the title
DPI = 72
SIZE = 9.3  # points: seven columns as wide as a page's text leave 9 pixels for it
GIVEN, COMPUTED, QUIET = "#fbe9d7", "#dbe7f3", "#566473"
BEND = 0.28  # of an arrow that passes over columns, or is the second between the same two boxes
SHARES = (0.48, 0.33, 0.66)  # of an arrow's way, where its number may stand, outside the boxes
APART = 0.26  # inches between the numbers of two arrows that cross


def graph_picture(graph: Graph) -> bytes:
    """The graph as PNG: a box for each number, an arrow to what it goes into.

    A box says its name and operation, its data and its gradient (grad); an arrow, the derivative
    of its end by its beginning. Given numbers are warm and have a heavier border. The title stands
    above.
    """
    last = max(node.column for node in graph.nodes)
    step = min(FAR, max(NEAR, WIDE / max(last, 1)))
    across = [step * node.column for node in graph.nodes]
    down = [-DOWN * node.row for node in graph.nodes]
    figure = Figure()
    axes = figure.add_axes((0, 0, 1, 1))  # so that data and inches are the same
    middle, high = (min(across) + max(across)) / 2, max(down) + AROUND + TITLE
    title = _draw_title(axes, graph.title, middle, high)
    half = max(max(across) - middle, title / 2) + AROUND
    left, right, low = middle - half, middle + half, min(down) - AROUND
    figure.set_size_inches(right - left, high - low)
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
    return png(figure, dpi=DPI)


def _draw_title(axes, title: str, x: float, y: float) -> float:
    """The title below (x, y), and how many inches wide it is."""
    words, _ = labels(title.split(), longest=40)
    fonts = {"fontfamily": font_families(), "fontsize": SIZE + 2}
    text = axes.text(x, y - 0.1, " ".join(words), ha="center", va="top", **fonts)
    return text.get_window_extent().width / axes.figure.dpi


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
    fonts = {"size": SIZE, "color": QUIET, "ha": "center", "va": "center"}
    axes.text(*place, _number(derivative, 3), bbox=behind, zorder=5, **fonts)


def _draw_node(axes, node: Node, name: str, x: float, y: float):
    title = " = ".join(filter(None, [name, node.operation])) or "given"
    words = f"{title}\ndata {_number(node.data, 4)}\ngrad {_number(node.gradient, 4)}"
    box = {
        "boxstyle": "round,pad=0.25",
        "facecolor": COMPUTED if node.operation else GIVEN,
        "edgecolor": "#34719f" if node.operation else "#8a4b08",
        "linewidth": 0.8 if node.operation else 1.6,
    }
    fonts = {"fontfamily": font_families(), "fontsize": SIZE}
    text = axes.text(x, y, words, ha="center", va="center", bbox=box, zorder=3, **fonts)
    return text.get_bbox_patch()


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}g}".replace("-", "−")
