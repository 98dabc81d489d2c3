"""Networks that look different and compute the same: shown exactly, with fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from .network import Layer, Network


def exact(number: float) -> Fraction:
    """The fraction that the decimal writing of a number means: 0.1 is exactly 1/10.

    Sums and products of fractions are never rounded.
    """
    return Fraction(str(number))


def collapse(network: Network) -> Network:
    """The single layer that a network without activations equals.

    W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂), and so on for every further layer. With exact
    parameters (`network.map(exact)`) the equality is exact.

    Raises:
        ValueError: a layer before the last has an activation: then no single layer need exist.
    """
    for place, layer in enumerate(network.layers[:-1], start=1):
        if layer.activation != "linear":
            raise ValueError(
                f"layer {place} has the activation {layer.activation!r}; "
                "only a network that is linear up to its last layer is one layer"
            )
    whole = network.layers[0]
    for layer in network.layers[1:]:
        columns = list(zip(*whole.weights))
        weights = tuple(tuple(_dot(row, column) for column in columns) for row in layer.weights)
        biases = tuple(_dot(row, whole.biases) + b for row, b in zip(layer.weights, layer.biases))
        whole = Layer(weights, biases, layer.activation)
    return replace(network, layers=(whole,))


def one_output(network: Network) -> Network:
    """The network with one output whose sign says which of the two outputs was larger.

    Its output neuron has the first one's weights and bias minus the second one's.

    Raises:
        ValueError: another number of outputs than two, or an activation on them.
    """
    last = network.layers[-1]
    if len(last.biases) != 2 or last.activation != "linear":
        raise ValueError(
            f"the last layer has {len(last.biases)} neurons and activation {last.activation!r}; "
            "two neurons without activation are needed"
        )
    (first, second), (bias, other) = last.weights, last.biases
    difference = Layer((tuple(a - b for a, b in zip(first, second)),), (bias - other,))
    return replace(network, layers=(*network.layers[:-1], difference))


def fold_scale(network: Network, scale: Sequence[float]) -> Network:
    """The network of plain inputs that equals `network` given each input divided by its scale.

    Raises:
        ValueError: not one scale, other than zero, for each input.
    """
    if len(scale) != network.shape[0] or 0 in scale:
        raise ValueError(f"give {network.shape[0]} scales other than zero, not {list(scale)}")
    first = network.layers[0]
    weights = tuple(tuple(w / s for w, s in zip(row, scale)) for row in first.weights)
    return replace(network, layers=(replace(first, weights=weights), *network.layers[1:]))


def _dot(row: Sequence, column: Sequence):
    return sum((a * b for a, b in zip(row[1:], column[1:])), row[0] * column[0])
