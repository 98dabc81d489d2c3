"""Checks of chapter 1, a simple network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..lessons import FLOWER, LEAF, dense, worked_neuron
from .answers import call, kind, number

# Exercise 1.1: the worked neuron, with this bias, on the flower.
BIAS = 0.25

# Exercise 1.2, numbers chosen: weights (neuron, input) and biases of the two layers.
INPUTS = (3, 2)
LAYERS = (([[1, -2], [-1, 1]], [3, -2]), ([[2, 5], [-1, 4]], [-1, 1]))

# Exercise 1.3, numbers chosen: three weights and the bias of each output.
FIRST, SECOND = (1, -2, 3, 0.5), (2, 1, -1, -1.5)

CLOSE = 1e-4  # sums of float32 in another order differ by less
ROUNDED = 0.006  # a number given to two decimals


def check_1_1(answer: Any) -> str | None:
    """A neuron's sum, and what ReLU leaves of it."""
    given = _numbers(answer)
    if given is None or len(given) != 2:
        return f"expected two numbers, the sum and what ReLU leaves, and got {_what(answer)}"
    neuron = worked_neuron(BIAS)
    right = neuron.forward(FLOWER)[0]
    weights = neuron.layers[0].weights[0]
    total, after = given
    mistakes = {
        "the bias is missing from your sum: add it at the end": right - BIAS,
        "you subtracted the bias: add it": right - 2 * BIAS,
        "you multiplied by the bias: add it": (right - BIAS) * BIAS,
        "two of the weights are negative, and so are their products":
            sum(x * abs(w) for x, w in zip(FLOWER, weights)) + BIAS,
        "this is the sum for the leaf: take the four numbers of the flower":
            neuron.forward(LEAF)[0],
        "the sum has lost its sign: the negative products outweigh the others": -right,
        "this is the sum of the inputs: multiply each by its weight first": sum(FLOWER) + BIAS,
    }
    if not _near(total, right, ROUNDED):
        for message, wrong in mistakes.items():
            if _near(total, wrong, ROUNDED):
                return message
        if _near(total, 0, ROUNDED) and _near(after, right, ROUNDED):
            return "the two numbers have changed places: the sum comes first"
        return "the sum is another: check the four products one by one, then add the bias"
    if _near(after, 0, ROUNDED):
        return None
    if _near(after, right, ROUNDED):
        return "the sum is right; ReLU leaves nothing of a negative number"
    if _near(after, -right, ROUNDED):
        return "the sum is right; ReLU makes a negative number 0, it does not drop the sign"
    return "the sum is right; of a negative number ReLU makes 0, whatever its size"


def check_1_2(answer: Any) -> str | None:
    """The two outputs of a network of two layers."""
    given = _numbers(answer)
    if given is None or len(given) != 2:
        return f"expected two numbers, one for each output, and got {_what(answer)}"
    mistake = _forward_mistake(given, INPUTS, LAYERS)
    if mistake and _all_near(given, _forward(INPUTS, LAYERS)[::-1]):
        return "the two outputs have changed places"
    if mistake and _all_near(given, _forward(INPUTS, LAYERS[:1], last="relu")):
        return "these are the hidden numbers: the output layer is still to come"
    return mistake


def check_1_3(answer: Any) -> str | None:
    """One neuron whose sign says which of two is larger: any positive multiple is right too."""
    given = _numbers(answer)
    if given is None or len(given) != 4:
        return f"expected four numbers, three weights and the bias, and got {_what(answer)}"
    right = [a - b for a, b in zip(FIRST, SECOND)]
    if _same_direction(given, right):
        return None
    if _same_direction(given, [-value for value in right]):
        return "the sign is the wrong way round: this is positive where flower is larger"
    if _same_direction(given, [a + b for a, b in zip(FIRST, SECOND)]):
        return "this is the sum of the two neurons: take the difference"
    if _all_near(given[:3], right[:3]):
        bias = given[3]
        if bias == FIRST[3] + SECOND[3]:
            return "the weights are right; 0.5 minus −1.5 is more than 0.5: minus a minus is plus"
        if bias == 0:
            return "the weights are right; the biases differ too, so the bias is not 0"
        return "the weights are right; the bias is that of leaf minus that of flower"
    if _all_near(given, FIRST) or _all_near(given, SECOND):
        return "this is one of the two neurons as it was: what the other says must come in"
    return "this is not leaf minus flower: subtract weight by weight, then the biases"


def check_1_4(answer: Any) -> str | None:
    """my_forward(inputs, layers) on networks of one, two and three layers."""
    for shape in ((4, 3, 2), (3, 2), (3, 4, 2, 3)):
        layers = _chosen_layers(shape)
        # Whole numbers from −4 to 4, so that sums have both signs.
        inputs = [(5 * i + 7) % 9 - 4 for i in range(shape[0])]
        copies = [([row[:] for row in weights], biases[:]) for weights, biases in layers]
        got, problem = call(answer, list(inputs), copies)
        if problem:
            return problem if shape == (4, 3, 2) else f"with {len(layers)} layers, {problem}"
        given = _numbers(got)
        if given is None:
            return f"expected a list of numbers from your function, and got {kind(got)}"
        mistake = _forward_mistake(given, inputs, layers)
        if mistake:
            return mistake
    return None


def _forward(
    inputs: Sequence, layers: Sequence, hidden: str = "relu", last: str = "linear"
) -> tuple:
    weights, biases = zip(*layers)
    return dense(weights, biases, [hidden] * (len(layers) - 1) + [last]).forward(inputs)


def _forward_mistake(given: list[float], inputs: Sequence, layers: Sequence) -> str | None:
    """None, or which way of going wrong gives exactly these outputs."""
    right = _forward(inputs, layers)
    if len(given) != len(right):
        return (
            f"expected {len(right)} outputs, one for each neuron of the last layer, "
            f"and got {len(given)}"
        )
    if _all_near(given, right):
        return None
    no_bias = [(weights, [0] * len(biases)) for weights, biases in layers]
    outputs = {
        "a hidden neuron hands on no negative number: ReLU is missing":
            _forward(inputs, layers, hidden="linear"),
        "the last layer has no ReLU: its numbers may be negative":
            _forward(inputs, layers, last="relu"),
        "the biases are missing: each neuron adds its own": _forward(inputs, no_bias),
        "the biases of the hidden layer are missing":
            _forward(inputs, [*no_bias[:-1], layers[-1]]),
        "the biases of the last layer are missing":
            _forward(inputs, [*layers[:-1], no_bias[-1]]),
        "you applied ReLU before the bias: add the bias to the sum first":
            _otherwise(inputs, layers, lambda products, bias: max(0, products) + bias),
        "of a negative number ReLU makes 0, it does not drop the sign":
            _otherwise(inputs, layers, lambda products, bias: abs(products + bias)),
    }
    if all(len(weights) == len(weights[0]) for weights, _ in layers):
        turned = [(list(zip(*weights)), biases) for weights, biases in layers]
        outputs["a row holds the weights of one neuron: you took the columns"] = _forward(
            inputs, turned
        )
    for message, wrong in outputs.items():
        if _all_near(given, wrong):
            return message
    return "these are not the network's outputs: go neuron by neuron, first the hidden layer"


def _otherwise(inputs: Sequence, layers: Sequence, hidden: Callable) -> list:
    """The outputs where a hidden neuron's is `hidden(sum of products, bias)`."""
    for place, (weights, biases) in enumerate(layers):
        products = [sum(x * w for x, w in zip(inputs, row)) for row in weights]
        end = place == len(layers) - 1
        inputs = [z + bias if end else hidden(z, bias) for z, bias in zip(products, biases)]
    return inputs


def _chosen_layers(shape: Sequence[int]) -> list[tuple[list[list[float]], list[float]]]:
    """Weights and biases to try a function on, the same every time, about as many below 0."""
    layers, place = [], 0
    for inputs, neurons in zip(shape, shape[1:]):
        count = (inputs + 1) * neurons
        values = [(place + i) * 0.61803398875 % 1 * 4 - 2 for i in range(1, count + 1)]
        rows = [values[i : i + inputs] for i in range(0, inputs * neurons, inputs)]
        layers.append((rows, values[inputs * neurons :]))
        place += count
    return layers


def _numbers(answer: Any) -> list[float] | None:
    """The answer as a list of numbers, or None if it is none."""
    try:
        values = [number(value) for value in answer]
    except TypeError:
        return None
    return None if None in values else values


def _what(answer: Any) -> str:
    values = _numbers(answer)
    return kind(answer) if values is None else f"{len(values)}"


def _same_direction(given: Sequence[float], right: Sequence[float]) -> bool:
    """Whether one is a positive multiple of the other."""
    size, scale = math.hypot(*given), math.hypot(*right)
    return 0 < size < math.inf and _all_near(
        [value / size for value in given], [value / scale for value in right]
    )


def _near(given: float, expected: float, within: float) -> bool:
    return abs(given - expected) <= within


def _all_near(given: Sequence[float], expected: Sequence[float]) -> bool:
    return len(given) == len(expected) and all(
        _near(one, other, CLOSE) for one, other in zip(given, expected)
    )


CHECKS = {"1.1": check_1_1, "1.2": check_1_2, "1.3": check_1_3, "1.4": check_1_4}
