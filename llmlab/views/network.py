"""A small dense network: every product and sum, recomputed in the page as numbers are dragged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from ..checks import is_integer
from .base import View
from .network_state import (
    check_size,
    finite,
    inputs_of,
    layers_of,
    limits_of,
    loss_of,
    moment_of,
    network_of,
    reading_of,
    record_of,
    shown,
    table_of,
)
from .network_words import listed, neuron_name, number, sum_in_words

if TYPE_CHECKING:
    from ..lessons import Network, TrainingRecord


class NetworkView(View):
    """A network's neurons, weights, products and sums, to be changed by hand.

    Args:
        network: a `Network`, or a dict of `llmlab.lessons.dense`'s arguments: weights, and if
            wanted biases, activations, input_names, output_names. At most 4 layers of 8 neurons.
        inputs: the numbers that go in first.
        examples: name → inputs, to choose from.
        readings: title → (input names, output names): what the same numbers may also stand for.
        limits: (least, most) of each input's slider; from inputs and examples if left out.
        record: a training of this network, to be replayed.
        training: (rows, labels), as `lessons.descend` takes them: the examples on which the page
            itself takes steps of gradient descent.
        learning_rate: of these steps; the page can change it.
        neuron: the neuron shown first: (layer, place), from (0, 0), an input.

    Raises:
        ValueError: more layers or neurons than that, inputs or names that do not fit, a number
            that is not finite, a record of another network, examples that it cannot learn from,
            or a learning rate that is not positive.
    """

    _name: ClassVar[str] = "network"

    layers = traitlets.List(help="{weights: (neuron, input), biases, activation}").tag(sync=True)
    inputs = traitlets.List(help="the numbers that go in").tag(sync=True)
    limits = traitlets.List(help="(least, most) of each input").tag(sync=True)
    examples = traitlets.List(help="{name, inputs}").tag(sync=True)
    readings = traitlets.List(help="{title, input_names, output_names}").tag(sync=True)
    reading = traitlets.Int(0, help="the reading shown").tag(sync=True)
    neuron = traitlets.List(help="[layer, place] of the chosen neuron; layer 0: inputs").tag(
        sync=True
    )
    record = traitlets.Dict(help="TrainingRecord.to_json(), or empty").tag(sync=True)
    moment = traitlets.Int(-1, help="the moment of the record shown; −1: none").tag(sync=True)
    training = traitlets.Dict(help="{rows, labels} to learn from, or empty").tag(sync=True)
    learning_rate = traitlets.Float(0.5, help="of the steps in the page").tag(sync=True)
    losses = traitlets.List(help="before each step taken in the page").tag(sync=True)

    def __init__(
        self,
        network: Network | Mapping[str, Any],
        inputs: Sequence[float],
        *,
        examples: Mapping[str, Sequence[float]] | None = None,
        readings: Mapping[str, tuple[Sequence[str], Sequence[str]]] | None = None,
        limits: Sequence[tuple[float, float]] | None = None,
        record: TrainingRecord | None = None,
        training: tuple[Sequence[Sequence[float]], Sequence[int]] | None = None,
        learning_rate: float = 0.5,
        neuron: tuple[int, int] = (1, 0),
    ) -> None:
        network = network_of(network)
        check_size(network.shape)
        rows = {name: inputs_of(network, row) for name, row in (examples or {}).items()}
        given = inputs_of(network, inputs)
        names = {"": (network.input_names, network.output_names), **(readings or {})}
        self._shape = network.shape
        super().__init__(
            layers=layers_of(network),
            inputs=given,
            limits=limits_of(limits, [given, *rows.values()]),
            examples=[{"name": shown(name), "inputs": row} for name, row in rows.items()],
            readings=[reading_of(network, title, *pair) for title, pair in names.items()],
            neuron=list(neuron),
            record={} if record is None else record_of(network, record),
            moment=moment_of(network, record),
            training={} if training is None else table_of(network, *training),
            learning_rate=learning_rate,
        )

    @property
    def network(self) -> Network:
        """The network as it is now, with what was changed by hand."""
        from ..lessons import dense

        reading = self.readings[self.reading]
        return dense(
            *zip(*((layer["weights"], layer["biases"]) for layer in self.layers)),
            [layer["activation"] for layer in self.layers],
            reading["input_names"],
            reading["output_names"],
        )

    @traitlets.validate("inputs")
    def _valid_inputs(self, proposal: dict[str, Any]) -> list[float]:
        return finite("inputs", proposal["value"], self._shape[0])

    @traitlets.validate("layers")
    def _valid_layers(self, proposal: dict[str, Any]) -> list[dict[str, Any]]:
        layers = proposal["value"]
        if len(layers) != len(self._shape) - 1:
            raise ValueError(f"{len(layers)} layers were given; there are {len(self._shape) - 1}")
        for layer, inputs, neurons in zip(layers, self._shape, self._shape[1:]):
            finite("biases", layer["biases"], neurons)
            if len(layer["weights"]) != neurons:
                raise ValueError(f"a layer of {neurons} neurons has as many rows of weights")
            for row in layer["weights"]:
                finite("weights", row, inputs)
        return layers

    @traitlets.validate("neuron")
    def _valid_neuron(self, proposal: dict[str, Any]) -> list[int]:
        place, shape = proposal["value"], self._shape
        whole = len(place) == 2 and all(map(is_integer, place))
        if not whole or not (0 <= place[0] < len(shape) and 0 <= place[1] < shape[place[0]]):
            raise ValueError(
                f"neuron is {place!r}; it is (layer, place) in a network of {list(shape)} neurons, "
                "both from 0"
            )
        return [int(i) for i in place]

    @traitlets.validate("learning_rate")
    def _valid_learning_rate(self, proposal: dict[str, Any]) -> float:
        rate = proposal["value"]
        if not 0 < rate < math.inf:
            raise ValueError(f"learning_rate must be a positive number, not {rate!r}")
        return rate

    @traitlets.validate("reading")
    def _valid_reading(self, proposal: dict[str, Any]) -> int:
        if not 0 <= proposal["value"] < len(self.readings):
            raise ValueError(
                f"reading is {proposal['value']}; readings are numbered 0 to "
                f"{len(self.readings) - 1}"
            )
        return proposal["value"]

    def picture(self) -> bytes:
        from .network_picture import network_picture  # matplotlib loads when it is needed

        return network_picture(self.network, self.inputs, tuple(self.neuron))

    def alt(self) -> str:
        network = self.network
        computed = network.run(self.inputs)
        layer, place = self.neuron
        outputs = [neuron.output for neuron in computed[-1]]
        single = len(outputs) == 1
        answer = network.read(self.inputs)
        shape = ", ".join(map(str, network.shape[1:]))
        sums = ""
        if layer:
            before = self.inputs if layer == 1 else [n.output for n in computed[layer - 2]]
            weights = network.layers[layer - 1].weights[place]
            name = neuron_name(network, layer, place)
            sums = f" {name}: {sum_in_words(computed[layer - 1][place], before, weights)}."
        learning = ""
        if self.training:
            mean = loss_of(network, self.training)
            learning = f" Its mean loss over {len(self.training['rows'])} examples is "
            learning += f"{number(mean, 4)}."
        return (
            f"A network of {network.shape[0]} inputs and layers of {shape} neurons. For "
            f"{listed(network.input_names, self.inputs)} its output is "
            f"{number(outputs[0]) if single else listed(network.output_names, outputs)}, "
            f"read as {answer or 'undecided'}.{sums}{learning}"
        )

    def __repr__(self) -> str:
        return f"<NetworkView of {'–'.join(map(str, self._shape))} neurons>"
