"""A small dense network, every product and sum of which can be looked at.

Its arithmetic is Python's own, so the parameters may be floats, fractions (for exact results) or
Values (for gradients).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .value import Value

ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid")


@dataclass(frozen=True)
class Neuron:
    """One neuron's computation.

    Attributes:
        products: input × weight, one for each input.
        bias: what is added to them.
        sum: the products from left to right, then the bias.
        output: the sum after the activation.
    """

    products: tuple
    bias: Any
    sum: Any
    output: Any


@dataclass(frozen=True)
class Layer:
    """Weights (neuron, input), biases (neuron,), and the activation of one layer."""

    weights: tuple[tuple, ...]
    biases: tuple
    activation: str = "linear"

    def neurons(self, inputs: Sequence) -> tuple[Neuron, ...]:
        """Every neuron's computation for these inputs."""
        return tuple(map(self._neuron, self.weights, self.biases, [inputs] * len(self.biases)))

    def _neuron(self, weights: tuple, bias: Any, inputs: Sequence) -> Neuron:
        products = tuple(value * weight for value, weight in zip(inputs, weights))
        sum_ = products[0]
        for product in products[1:]:
            sum_ = sum_ + product
        sum_ = sum_ + bias
        return Neuron(products, bias, sum_, activate(self.activation, sum_))


@dataclass(frozen=True)
class Network:
    """Layers, and names for what goes in and comes out.

    Attributes:
        layers: in order; every layer's neurons are the next one's inputs.
        input_names: one for each input.
        output_names: one for each output neuron; of a single one, what a positive number means
            and what a negative one.

    Raises:
        ValueError: shapes or names that do not fit together, or an unknown activation.
    """

    layers: tuple[Layer, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_layers(self.layers)
        n_inputs, n_outputs = self.shape[0], max(self.shape[-1], 2)
        _check_names("input", self.input_names, n_inputs)
        _check_names("output", self.output_names, n_outputs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Neurons by layer, the inputs first: (4, 3, 2)."""
        return (len(self.layers[0].weights[0]), *(len(layer.biases) for layer in self.layers))

    @property
    def parameters(self) -> tuple:
        """Layer by layer: each neuron's weights, row after row, then the layer's biases."""
        return tuple(
            number
            for layer in self.layers
            for row in (*layer.weights, layer.biases)
            for number in row
        )

    def with_parameters(self, parameters: Sequence) -> Network:
        """The same network with other parameters, in the order of `parameters`."""
        if len(parameters) != len(self.parameters):
            raise ValueError(
                f"{len(parameters)} parameters were given; this network has {len(self.parameters)}"
            )
        rest = iter(parameters)
        return self._rebuilt(lambda _: next(rest))

    def map(self, change: Callable) -> Network:
        """The same network with every parameter changed, such as `network.map(Value)`."""
        return self._rebuilt(change)

    def renamed(self, input_names: Sequence[str], output_names: Sequence[str]) -> Network:
        """The same numbers under other names: a network knows nothing of what they mean."""
        return replace(self, input_names=tuple(input_names), output_names=tuple(output_names))

    def run(self, inputs: Sequence) -> tuple[tuple[Neuron, ...], ...]:
        """Every neuron's computation, layer by layer.

        Raises:
            ValueError: not as many inputs as the network has.
        """
        if len(inputs) != self.shape[0]:
            raise ValueError(f"{len(inputs)} inputs were given; this network has {self.shape[0]}")
        computed: list[tuple[Neuron, ...]] = []
        for layer in self.layers:
            computed.append(layer.neurons(inputs))
            inputs = [neuron.output for neuron in computed[-1]]
        return tuple(computed)

    def forward(self, inputs: Sequence) -> tuple:
        """The numbers of the output layer."""
        return tuple(neuron.output for neuron in self.run(inputs)[-1])

    def read(self, inputs: Sequence) -> str | None:
        """The name that the outputs stand for, or None where they are undecided.

        Of several outputs the largest names the answer; of a single one its sign does.
        """
        outputs = self.forward(inputs)
        if len(outputs) == 1:
            outputs = (outputs[0], 0)
        largest = max(outputs)
        winners = [name for name, value in zip(self.output_names, outputs) if value == largest]
        return winners[0] if len(winners) == 1 else None

    def _rebuilt(self, change: Callable) -> Network:
        # In the order of `parameters`: a layer's weights before its biases.
        layers = tuple(
            Layer(
                tuple(tuple(map(change, row)) for row in layer.weights),
                tuple(map(change, layer.biases)),
                layer.activation,
            )
            for layer in self.layers
        )
        return replace(self, layers=layers)


def activate(name: str, number: Any) -> Any:
    """The activation of one number: a float, a fraction or a Value."""
    if name == "linear":
        return number
    if isinstance(number, Value):
        return getattr(number, name)()
    if name == "relu":
        return number if number > 0 else 0 * number + 0  # of the same type, and not −0.0
    return math.tanh(number) if name == "tanh" else 0.5 + 0.5 * math.tanh(0.5 * number)


def check_layers(layers: Sequence[Layer]) -> None:
    """Raises ValueError, in one sentence, for layers that do not fit together."""
    if not layers or not all(layer.weights and layer.weights[0] for layer in layers):
        raise ValueError("a network needs a layer, and every layer a neuron with an input")
    width = len(layers[0].weights[0])
    for place, layer in enumerate(layers, start=1):
        lengths = sorted({len(row) for row in layer.weights})
        if lengths != [width]:
            raise ValueError(f"layer {place} gets {width} inputs but has rows of {lengths} weights")
        if len(layer.biases) != len(layer.weights):
            raise ValueError(
                f"layer {place} has {len(layer.weights)} neurons but {len(layer.biases)} biases"
            )
        if layer.activation not in ACTIVATIONS:
            near = difflib.get_close_matches(str(layer.activation).lower(), ACTIVATIONS, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"choose from {list(ACTIVATIONS)}"
            raise ValueError(f"there is no activation {layer.activation!r}; {meant}")
        width = len(layer.weights)


def _check_names(kind: str, names: Sequence[str], count: int) -> None:
    if len(names) != count or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{count} {kind} names are needed, as strings, not {list(names)!r}")
