"""Gradient descent on a small network, with a record of every step that a view can replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..checks import check_count, is_number
from ..sampling import draw
from .from_lists import dense
from .network import Network
from .value import Value, total


@dataclass(frozen=True)
class Moment:
    """A network as it was after `step` steps, 0 before the first."""

    step: int
    network: Network


@dataclass(frozen=True)
class TrainingRecord:
    """What happened in a training.

    Attributes:
        learning_rate: what every gradient was multiplied by.
        losses: the mean cross-entropy in nats after 0, 1, 2, ... steps.
        moments: the networks that were kept, the first and the last among them.
    """

    learning_rate: float
    losses: tuple[float, ...]
    moments: tuple[Moment, ...]

    @property
    def network(self) -> Network:
        """The trained network."""
        return self.moments[-1].network

    def map(self, change: Callable[[Network], Network]) -> TrainingRecord:
        """The record with every network changed, such as to plain inputs with `fold_scale`."""
        moments = tuple(replace(m, network=change(m.network)) for m in self.moments)
        return replace(self, moments=moments)

    def to_json(self) -> dict[str, Any]:
        """Plain values: learning_rate, losses, steps, and parameters (as Network orders them)."""
        return {
            "learning_rate": self.learning_rate,
            "losses": list(self.losses),
            "steps": [moment.step for moment in self.moments],
            "parameters": [list(moment.network.parameters) for moment in self.moments],
        }


def initial_network(
    shape: Sequence[int] = (4, 3, 2),
    seed: int = 0,
    activation: str = "relu",
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
) -> Network:
    """A network before training: weights uniform in ± 1/√inputs, biases zero.

    Args:
        shape: neurons by layer, the inputs first.
        seed: one seed gives one network, on every machine.
        activation: of every layer but the last, which has none.

    Raises:
        ValueError: a shape without an input and a layer, or an unknown activation.
    """
    if len(shape) < 2:
        raise ValueError(f"a shape begins with the inputs and has a layer, not {tuple(shape)}")
    for count in shape:
        check_count("neurons of a layer", count)
    place, weights = 0, []
    for inputs, neurons in zip(shape, shape[1:]):
        numbers = [(2 * draw(seed, place + i) - 1) / inputs**0.5 for i in range(inputs * neurons)]
        weights.append([numbers[i : i + inputs] for i in range(0, len(numbers), inputs)])
        place += len(numbers)
    activations = [activation] * (len(weights) - 1) + ["linear"]
    return dense(weights, None, activations, input_names, output_names)


def cross_entropy(outputs: Sequence[Value], label: int) -> Value:
    """−log of the softmax probability of the label, in nats.

    A single output z is read as the pair (z, 0): then softmax is the logistic function, and the
    larger of the two is told by the sign of z.
    """
    if len(outputs) == 1:
        outputs = (outputs[0], Value(0.0))
    # Subtracting the largest number changes no probability and keeps exp from overflowing.
    largest = max(output.data for output in outputs)
    exponentials = [(output - largest).exp() for output in outputs]
    return total(exponentials).log() + largest - outputs[label]


def mean_loss(network: Network, rows: Sequence[Sequence], labels: Sequence[int]) -> Value:
    """The mean cross-entropy of a network whose parameters are Values."""
    losses = [cross_entropy(network.forward(row), label) for row, label in zip(rows, labels)]
    return total(losses) / len(losses)


def descend(
    network: Network,
    rows: Sequence[Sequence[float]],
    labels: Sequence[int],
    learning_rate: float = 0.5,
    steps: int = 300,
    every: int = 5,
) -> TrainingRecord:
    """Train by gradient descent on the whole table at once: new = old − learning rate × gradient.

    Args:
        network: where it begins.
        rows: the inputs, best of about the size of one (see SCALE).
        labels: for each row the place of its output, from 0.
        learning_rate: what a gradient is multiplied by.
        steps: how many.
        every: keep the network of each such step in the record; the first and last always.

    Raises:
        ValueError: no rows, not one label for each, a label without output, or a wrong setting.
    """
    check_table(network, rows, labels)
    check_count("steps", steps)
    check_count("every", every)
    if not is_number(learning_rate) or not learning_rate > 0:
        raise ValueError(f"learning_rate must be a positive number, not {learning_rate!r}")
    losses, moments = [], []
    for step in range(steps + 1):
        if step % every == 0 or step == steps:
            moments.append(Moment(step, network))
        values = network.map(Value)
        loss = mean_loss(values, rows, labels)
        losses.append(loss.data)
        if step == steps:
            break
        loss.backward()
        moved = [p.data - learning_rate * p.gradient for p in values.parameters]
        network = network.with_parameters(moved)
    return TrainingRecord(learning_rate, tuple(losses), tuple(moments))


def accuracy(network: Network, rows: Sequence[Sequence[float]], labels: Sequence[int]) -> float:
    """The share of rows that the network reads as their label's name; undecided ones are wrong."""
    check_table(network, rows, labels)
    names = network.output_names
    right = sum(network.read(row) == names[label] for row, label in zip(rows, labels))
    return right / len(rows)


def check_table(network: Network, rows: Sequence, labels: Sequence[int]) -> None:
    """Raises ValueError, in one sentence, for a table that the network cannot learn from."""
    if not len(rows) or len(rows) != len(labels):
        raise ValueError(
            f"there are {len(rows)} rows and {len(labels)} labels; give one label for each row"
        )
    known = range(len(network.output_names))
    wrong = next((label for label in labels if label not in known), None)
    if wrong is not None:
        raise ValueError(f"the label {wrong!r} has no output; labels are 0 to {known[-1]}")
