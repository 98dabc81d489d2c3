"""The checks of chapter 1: right answers pass, and each typical mistake is named."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from llmlab.exercises import chapter_01, verdict

CHAPTER = Path(__file__).parent.parent / "chapters" / "01_simple_network.ipynb"


def relu(number):
    return number if number > 0 else 0


def written_out(*, hidden=relu, last=lambda z: z, early=None, biased=lambda place, count: True):
    """my_forward(inputs, layers), with a place for every mistake.

    `early`, if given, is applied before the bias; `biased` says which layers add theirs.
    """

    def forward(inputs, layers):
        for place, (weights, biases) in enumerate(layers):
            at_end = place == len(layers) - 1
            change = last if at_end else hidden
            numbers = []
            for row, bias in zip(weights, biases):
                z = sum(x * w for x, w in zip(inputs, row))
                if early and not at_end:
                    z = early(z)
                if biased(place, len(layers)):
                    z = z + bias
                numbers.append(change(z))
            inputs = numbers
        return inputs

    return forward


def in_torch(inputs, layers, dtype=torch.float32):
    x = torch.tensor(inputs, dtype=dtype)
    for place, (weights, biases) in enumerate(layers):
        x = F.linear(x, torch.tensor(weights, dtype=dtype), torch.tensor(biases, dtype=dtype))
        x = x if place == len(layers) - 1 else x.relu()
    return x


RIGHT = {
    "1.1": [[-6.56, 0], (-6.56, 0.0), torch.tensor([-6.56, 0.0])],
    "1.2": [[3, -1], (3.0, -1.0)],
    "1.3": [[-1, -3, 4, 2], [-0.5, -1.5, 2, 1], torch.tensor([-1.0, -3.0, 4.0, 2.0])],
    "1.4": [written_out(), in_torch],
}

WRONG = {
    "1.1": [
        (-6.56, "expected two numbers"),
        ([-6.56], "got 1"),
        ([-6.81, 0], "the bias is missing"),
        ([-7.06, 0], "you subtracted the bias"),
        ([-1.7025, 0], "you multiplied by the bias"),
        ([110.0, 110.0], "two of the weights are negative"),
        ([-26.348, 0], "the sum for the leaf"),
        ([6.56, 6.56], "has lost its sign"),
        ([504.75, 504.75], "the sum of the inputs"),
        ([0, -6.56], "have changed places"),
        ([5, 5], "check the four products"),
        ([-6.56, -6.56], "leaves nothing of a negative number"),
        ([-6.56, 6.56], "does not drop the sign"),
        ([-6.56, 1], "whatever its size"),
    ],
    "1.2": [
        (3, "expected two numbers"),
        ([-1, 3], "have changed places"),
        ([2, 0], "the hidden numbers"),
        ([-12, -13], "ReLU is missing"),
        ([3, 0], "the last layer has no ReLU"),
        ([0, 0], "the biases are missing"),
        ([-1, 1], "the biases of the hidden layer"),
        ([4, -2], "the biases of the last layer"),
        ([18, 11], "does not drop the sign"),
        ([-5, -10], "you applied ReLU before"),
        ([7, 21], "you took the columns"),
        ([5, 5], "these are not the network's"),
    ],
    "1.3": [
        ([-1, -3, 4], "expected four numbers"),
        ("-1, -3", "a str"),
        ([1, 3, -4, -2], "the wrong way round"),
        ([3, -1, 2, -1], "the sum of the two"),
        ([-1, -3, 4, -1], "minus a minus is plus"),
        ([-1, -3, 4, 0], "the bias is not 0"),
        ([-1, -3, 4, 7], "that of leaf minus"),
        ([1, -2, 3, 0.5], "as it was"),
        ([0, 0, 0, 0], "subtract weight by weight"),
    ],
    "1.4": [
        ([1, 2], "expected a function"),
        (lambda inputs, layers: None, "returns nothing"),
        (lambda inputs, layers: 3, "expected a list"),
        (lambda inputs, layers: [1.0], "expected 2 outputs"),
        (lambda inputs, layers: [1.0, 2.0], "go neuron by neuron"),
        (written_out(hidden=lambda z: z), "ReLU is missing"),
        (written_out(last=relu), "the last layer has no ReLU"),
        (written_out(biased=lambda place, count: False), "the biases are missing"),
        (written_out(biased=lambda place, count: place == count - 1), "of the hidden layer"),
        (written_out(biased=lambda place, count: place < count - 1), "of the last layer"),
        (written_out(hidden=lambda z: z, early=relu), "add the bias to the sum first"),
        (written_out(hidden=abs), "does not drop the sign"),
        (lambda inputs, layers: written_out()(inputs, [layers[0], layers[1]]), "IndexError"),
    ],
}


@pytest.mark.parametrize("shape", [(4, 3, 2), (3, 2), (3, 4, 2, 3)])
def test_the_networks_of_1_4_are_torchs(shape):
    """The check's own outputs, against torch; and ReLU has something to do."""
    layers = chapter_01._chosen_layers(shape)
    inputs = [(5 * i + 7) % 9 - 4 for i in range(shape[0])]
    expected = in_torch(inputs, layers, torch.float64).tolist()
    assert list(chapter_01._forward(inputs, layers)) == pytest.approx(expected, abs=1e-12)
    assert [len(biases) for _, biases in layers] == list(shape[1:])
    sums = [sum(x * w for x, w in zip(inputs, row)) + b for row, b in zip(*layers[0])]
    assert len(layers) == 1 or min(sums) < 0 < max(sums)


def test_one_neuron_decides_as_the_two_do():
    """The answer to 1.3, on points of both kinds."""
    answer = RIGHT["1.3"][0]
    points = [(a, b, c, 1) for a in (-2, 0, 3) for b in (-1, 0, 2) for c in (-1, 0, 4)]
    for point in points:
        first, second, single = (
            sum(x * w for x, w in zip(point, row))
            for row in (chapter_01.FIRST, chapter_01.SECOND, answer)
        )
        assert (first > second) == (single > 0)
    assert verdict("1.3", [7 * value for value in answer]) is None


def test_a_function_may_change_what_it_is_given():
    def forward(inputs, layers):
        outputs = written_out()(inputs, layers)
        inputs.clear()
        layers.clear()
        return outputs

    assert verdict("1.4", forward) is None


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    written = prose.replace("−", "-")
    assert f"Two inputs: {chapter_01.INPUTS}" in written
    for weights, biases in chapter_01.LAYERS:
        one, other = (f"({', '.join(map(str, row))})" for row in weights)
        said = f"first has the weights {one} and the bias {biases[0]}, the second {other} and "
        assert f"{said}{biases[1]}. " in written
    *first, bias = chapter_01.FIRST
    *second, other = chapter_01.SECOND
    assert f"Leaf has the weights {tuple(first)} and the bias {bias}; " in written
    assert f"flower has {tuple(second)} and {other} " in written
    assert f"bias {chapter_01.BIAS}. Give it the flower" in written
