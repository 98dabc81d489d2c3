"""A small network as a still picture: neurons, weights, and one neuron's sum."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Circle

from .network_words import neuron_name, short_number, sum_in_words
from .picture import font_families, labels, png

if TYPE_CHECKING:
    from ..lessons import Network

ACROSS, DOWN, RADIUS = 2.4, 0.95, 0.27  # inches
POSITIVE, NEGATIVE, QUIET, LINE = "#164a73", "#b8500b", "#566473", "#a3b0bd"


def network_picture(network: Network, inputs: Sequence[float], chosen: tuple[int, int]) -> bytes:
    """The network as PNG.

    A line is as thick as its weight is large in its layer, dashed where the weight is negative.
    The chosen neuron has a heavy border, its weights are written out, and its sum stands below.
    """
    computed = network.run(inputs)
    values = [list(inputs), *([neuron.output for neuron in layer] for layer in computed)]
    width, height = ACROSS * (len(values) - 1) + 1.2, DOWN * max(network.shape) + 0.9
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-0.6, width - 0.6)
    axes.set_ylim(DOWN * max(network.shape) / 2 + 0.75, -DOWN * max(network.shape) / 2 - 0.15)
    axes.set_axis_off()
    for layer in range(1, len(values)):
        _draw_weights(axes, network, layer, chosen)
    for layer, row in enumerate(values):
        names = _drawable([neuron_name(network, layer, i) for i in range(len(row))])
        for place, (name, value) in enumerate(zip(names, row)):
            _draw_neuron(axes, network, (layer, place), name, value, (layer, place) == chosen)
    axes.text(
        -0.5,
        DOWN * max(network.shape) / 2 + 0.25,
        _caption(network, inputs, values, computed, chosen),
        fontfamily=font_families(),
        fontsize=8,
        va="center",
        color=QUIET,
    )
    return png(figure)


def _position(network: Network, layer: int, place: int) -> tuple[float, float]:
    return ACROSS * layer, DOWN * (place - (network.shape[layer] - 1) / 2) - 0.05


def _draw_weights(axes, network: Network, layer: int, chosen: tuple[int, int]) -> None:
    rows = network.layers[layer - 1].weights
    largest = max(abs(weight) for row in rows for weight in row) or 1.0
    for place, row in enumerate(rows):
        end = _position(network, layer, place)
        for source, weight in enumerate(row):
            start = _position(network, layer - 1, source)
            axes.plot(
                *zip(start, end),
                color=NEGATIVE if weight < 0 else POSITIVE,
                linestyle=(0, (4, 2)) if weight < 0 else "-",
                linewidth=0.4 + 3 * abs(weight) / largest,
                alpha=0.9 if (layer, place) == chosen else 0.35,
                zorder=1,
            )
            if (layer, place) == chosen:
                x, y = (a + 0.38 * (b - a) for a, b in zip(start, end))
                box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
                axes.text(x, y, short_number(weight), size=8, ha="center", va="center", bbox=box)


def _draw_neuron(
    axes, network: Network, place: tuple[int, int], name: str, value: float, is_chosen: bool
) -> None:
    x, y = _position(network, *place)
    edge, line = (POSITIVE, 2.4) if is_chosen else (LINE, 1.0)
    axes.add_patch(Circle((x, y), RADIUS, facecolor="white", edgecolor=edge, lw=line, zorder=2))
    axes.text(x, y, short_number(value), size=8, ha="center", va="center", zorder=3)
    fonts = {"fontfamily": font_families(), "fontsize": 8}
    axes.text(x, y + RADIUS + 0.12, name, color=QUIET, ha="center", va="center", zorder=3, **fonts)


def _caption(network: Network, inputs, values, computed, chosen: tuple[int, int]) -> str:
    answer = network.read(inputs) or "undecided"
    (answer,) = _drawable([answer], longest=40)
    lines = [f"Read as: {answer}. Solid lines are positive weights, dashed negative."]
    layer, place = chosen
    if layer:
        (name,) = _drawable([neuron_name(network, *chosen)], longest=40)
        weights = network.layers[layer - 1].weights[place]
        lines.append(
            f"{name}: {sum_in_words(computed[layer - 1][place], values[layer - 1], weights)}"
        )
    letters = 30 * (len(values) - 1) + 15  # as many as fit the width
    return "\n".join(part for line in lines for part in textwrap.wrap(line, letters)[:4])


def _drawable(names: Sequence[str], longest: int = 14) -> list[str]:
    """Names the fonts can draw. What is unseen in them was replaced before: a space is a space."""
    return [name.replace("·", " ") for name in labels(names, longest)[0]]
