"""The leaf and flower network: the neuron worked by hand, equal networks, and torch."""

from fractions import Fraction

import pytest
import torch
from torch import nn

from llmlab.lessons import (
    FLOWER,
    LEAF,
    Value,
    collapse,
    dense,
    exact,
    fold_scale,
    initial_network,
    one_output,
    worked_neuron,
)

NAMES = ("red", "green", "blue", "volume"), ("leaf", "flower")


def exactly(numbers) -> list[Fraction]:
    return [exact(number) for number in numbers]


def grid():
    """Inputs all over the place, reproducibly."""
    random = torch.Generator().manual_seed(3)
    return (torch.rand(200, 4, generator=random, dtype=torch.float64) * 20 - 10).tolist()


def test_the_worked_neuron_is_what_the_hand_calculation_says():
    """32·0.10 = 3.2, 107·(−0.29) = −31.03, 56·(−0.07) = −3.92, 11.2·0.46 = 5.152."""
    ((neuron,),) = worked_neuron().map(exact).run(exactly(LEAF))
    products = [Fraction(n, 1000) for n in (3200, -31030, -3920, 5152)]
    assert list(neuron.products) == products
    assert neuron.sum == Fraction(-26598, 1000)
    assert round(float(neuron.sum), 1) == -26.6
    ((biased,),) = worked_neuron(0.25).map(exact).run(exactly(LEAF))
    assert biased.sum == Fraction(-26348, 1000)
    assert round(float(biased.sum), 2) == -26.35


def test_forward_equals_torch():
    for activation, module in (("relu", nn.ReLU), ("tanh", nn.Tanh), ("sigmoid", nn.Sigmoid)):
        network = initial_network((4, 3, 5, 2), 1, activation)
        theirs = nn.Sequential(
            nn.Linear(4, 3), module(), nn.Linear(3, 5), module(), nn.Linear(5, 2)
        ).double()
        with torch.no_grad():
            for layer, linear in zip(network.layers, theirs[::2]):
                linear.weight.copy_(torch.tensor(layer.weights, dtype=torch.float64))
                linear.bias.copy_(torch.tensor(layer.biases, dtype=torch.float64))
            for row in grid():
                expected = theirs(torch.tensor(row, dtype=torch.float64)).tolist()
                assert network.forward(row) == pytest.approx(expected, abs=1e-12)


def test_values_and_fractions_go_through_the_same_network():
    network = initial_network((4, 3, 2), 5)
    plain = network.forward(LEAF)
    assert [v.data for v in network.map(Value).forward(LEAF)] == list(plain)
    assert [float(f) for f in network.map(exact).forward(exactly(LEAF))] == pytest.approx(plain)


def test_two_linear_layers_are_one_exactly():
    network = initial_network((4, 3, 2), 7, "linear").map(exact)
    network = network.with_parameters([p + Fraction(1, 7) for p in network.parameters])
    single = collapse(network)
    assert single.shape == (4, 2)
    for row in map(exactly, (LEAF, FLOWER, *grid())):
        assert single.forward(row) == network.forward(row)  # no tolerance: they are fractions
    deeper = initial_network((4, 8, 8, 8, 3), 2, "linear").map(exact)
    assert collapse(deeper).forward(exactly(LEAF)) == deeper.forward(exactly(LEAF))


def test_with_an_activation_no_single_layer_is_equal():
    """One layer is affine, so f(x) + f(y) = f(x + y) + f(0). The ReLU network breaks that."""
    x, y = exactly(LEAF), exactly(-n for n in FLOWER)
    both, zero = [a + b for a, b in zip(x, y)], [Fraction(0)] * 4

    def defect(network):
        f = [network.forward(row)[0] for row in (x, y, both, zero)]
        return f[0] + f[1] - f[2] - f[3]

    linear = initial_network((4, 3, 2), 7, "linear").map(exact)
    bent = initial_network((4, 3, 2), 7, "relu").map(exact)
    assert defect(linear) == 0 and defect(bent) != 0
    with pytest.raises(ValueError, match="layer 1 has the activation 'relu'"):
        collapse(bent)


def test_one_output_says_the_same_as_two():
    network = initial_network((4, 3, 2), 9, "relu", *NAMES).map(exact)
    single = one_output(network)
    assert single.shape == (4, 3, 1)
    answers = set()
    for row in map(exactly, (LEAF, FLOWER, *grid())):
        first, second = network.forward(row)
        assert single.forward(row) == (first - second,)
        assert single.read(row) == network.read(row)
        answers.add(single.read(row))
    assert answers >= {"leaf", "flower"}  # and None, where every hidden neuron is at 0
    with pytest.raises(ValueError, match="3 neurons"):
        one_output(initial_network((4, 3)))


def test_the_same_numbers_read_as_weather():
    plants = initial_network((4, 3, 2), 9, "relu", *NAMES)
    weather = plants.renamed(("cloud", "humidity", "pressure", "wind"), ("sun", "rain"))
    read_as = {"leaf": "sun", "flower": "rain", None: None}
    for row in (LEAF, FLOWER, *grid()):
        assert weather.run(row) == plants.run(row)
        assert weather.read(row) == read_as[plants.read(row)]


def test_an_undecided_answer_is_none():
    even = dense([[[1, 0], [0, 1]]], output_names=["sun", "rain"])
    assert even.read((2, 2)) is None and even.read((3, 2)) == "sun"
    single = dense([[[1, -1]]], output_names=["sun", "rain"])
    assert single.read((2, 2)) is None and single.read((1, 2)) == "rain"


def test_folded_scale():
    network = initial_network((4, 3, 2), 4)
    folded = fold_scale(network.map(exact), (255, 255, 255, 100))
    scaled = [exact(n) / s for n, s in zip(LEAF, (255, 255, 255, 100))]
    assert folded.forward(exactly(LEAF)) == network.map(exact).forward(scaled)
    with pytest.raises(ValueError, match="4 scales other than zero"):
        fold_scale(network, (1, 0, 1, 1))


def test_parameters_there_and_back():
    network = initial_network((4, 3, 2), 1)
    assert len(network.parameters) == 4 * 3 + 3 + 3 * 2 + 2
    assert network.with_parameters(network.parameters) == network
    flat = torch.cat([
        torch.tensor(part).flatten()
        for layer in network.layers
        for part in (layer.weights, layer.biases)
    ])
    assert list(network.parameters) == pytest.approx(flat.tolist(), rel=1e-6)
    with pytest.raises(ValueError, match="2 parameters were given; this network has 23"):
        network.with_parameters([1, 2])


def test_dense_takes_tensors():
    linear = nn.Linear(3, 2)
    network = dense([linear.weight.detach()], [linear.bias.detach()])
    expected = linear(torch.tensor([1.0, 2, 3])).tolist()
    assert network.forward((1, 2, 3)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(weights=[]), "needs a layer"),
        (dict(weights=[[[]]]), "every layer a neuron with an input"),
        (dict(weights=[[1, 2]]), "not of numbers"),
        (dict(weights=[3]), "give a matrix"),
        (dict(weights=[[[1, 2], [3]]]), r"layer 1 gets 2 inputs but has rows of \[1, 2\] weights"),
        (dict(weights=[[[1, 2]], [[1, 2]]]), "layer 2 gets 1 inputs"),
        (dict(weights=[[[1, 2]]], biases=[[1, 2]]), "layer 1 has 1 neurons but 2 biases"),
        (dict(weights=[[[1, 2]]], biases=[]), "biases of 0"),
        (dict(weights=[[[1, float("nan")]]]), "finite numbers, not nan"),
        (dict(weights=[[["1"]]]), "finite numbers, not '1'"),
        (dict(weights=[[[1]]], activations=["ReLu"]), "did you mean 'relu'"),
        (dict(weights=[[[1]]], activations=["gaussian"]), "choose from"),
        (dict(weights=[[[1]]], input_names=["a", "b"]), "1 input names are needed"),
        (dict(weights=[[[1]]], output_names=["a"]), "2 output names are needed"),
    ],
)
def test_what_fits_no_network_is_refused_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        dense(**arguments)


def test_inputs_must_be_as_many():
    with pytest.raises(ValueError, match="3 inputs were given; this network has 4"):
        worked_neuron().forward((1, 2, 3))
