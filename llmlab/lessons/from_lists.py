"""A network from plain lists, arrays or tensors of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..checks import is_number
from .network import Layer, Network, check_layers


def dense(
    weights: Sequence,  # by layer: (neuron, input)
    biases: Sequence | None = None,  # by layer: (neuron,)
    activations: Sequence[str] | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
) -> Network:
    """A network from plain lists, arrays or tensors of numbers.

    Args:
        weights: a matrix for each layer.
        biases: a list for each layer; all zero if left out.
        activations: one for each layer; "relu" between layers and "linear" at the end if left out.
        input_names, output_names: see Network; numbered if left out.

    Raises:
        ValueError: shapes that do not fit, a number that is not finite, an unknown activation.
    """
    matrices = [_plain(matrix) for matrix in weights]
    if not all(isinstance(matrix, list) and matrix for matrix in matrices):
        raise ValueError("give a matrix of weights, (neuron, input), for each layer")
    if not all(isinstance(row, list) for matrix in matrices for row in matrix):
        raise ValueError("a layer's weights are a list of rows, (neuron, input), not of numbers")
    if not matrices:
        raise ValueError("a network needs a layer; no weights were given")
    count = len(matrices)
    offsets = [[0.0] * len(m) for m in matrices] if biases is None else [_plain(b) for b in biases]
    names = ["relu"] * (count - 1) + ["linear"] if activations is None else list(activations)
    if not count == len(offsets) == len(names):
        raise ValueError(
            f"there are weights of {count} layers, biases of {len(offsets)} "
            f"and {len(names)} activations; give one of each a layer"
        )
    layers = tuple(
        Layer(tuple(map(_numbers, matrix)), _numbers(offset), name)
        for matrix, offset, name in zip(matrices, offsets, names)
    )
    check_layers(layers)
    n_inputs, n_outputs = len(layers[0].weights[0]), max(len(layers[-1].biases), 2)
    given = tuple(input_names or (f"input {i + 1}" for i in range(n_inputs)))
    read = tuple(output_names or (f"output {i + 1}" for i in range(n_outputs)))
    return Network(layers, given, read)


def _plain(values: Any) -> Any:
    values = values.tolist() if hasattr(values, "tolist") else values
    return [_plain(each) for each in values] if isinstance(values, (list, tuple)) else values


def _numbers(row: Sequence) -> tuple[float, ...]:
    for number in row:
        if not is_number(number) or not math.isfinite(number):
            raise ValueError(f"weights and biases must be finite numbers, not {number!r}")
    return tuple(map(float, row))
