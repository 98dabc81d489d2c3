"""A small network's numbers, names and sums in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..lessons import Network, Neuron


def number(value: float, digits: int = 6) -> str:
    """A number of so many significant digits, with a true minus sign."""
    return f"{value + 0.0:.{digits}g}".replace("-", "−")


def short_number(value: float) -> str:
    """A number for a small place: three digits, whole numbers whole, 3e−4 if it is tiny."""
    size = abs(value)
    if size and (size < 0.001 or size >= 1e5):
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    return number(value, max(3, math.floor(math.log10(size + 1)) + 1))


def neuron_name(network: Network, layer: int, place: int) -> str:
    """An input's or output's name, or "hidden 2", or "hidden 1.2" where hidden layers are many."""
    last = len(network.layers)
    if layer == 0:
        return network.input_names[place]
    if layer == last:
        return network.output_names[place] if network.shape[-1] > 1 else "output"
    return f"hidden {place + 1}" if last == 2 else f"hidden {layer}.{place + 1}"


def sum_in_words(neuron: Neuron, inputs: Sequence[float], weights: Sequence[float]) -> str:
    """ "32 × 0.1 + 107 × −0.29 + 0.25 = −26.348, after the activation 0"."""
    products = " + ".join(f"{number(x)} × {number(w)}" for x, w in zip(inputs, weights))
    after = "" if neuron.output == neuron.sum else f", after the activation {number(neuron.output)}"
    sign = "−" if neuron.bias < 0 else "+"
    return f"{products} {sign} {number(abs(neuron.bias))} = {number(neuron.sum)}{after}"


def listed(names: Sequence[str], values: Sequence[float]) -> str:
    """ "red 32, green 107"."""
    return ", ".join(f"{name} {number(value)}" for name, value in zip(names, values))
