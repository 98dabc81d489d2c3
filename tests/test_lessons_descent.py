"""Training the leaf and flower network: the scalar engine, our torch, and torch's own optimiser."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from llmlab.lessons import (
    FLOWER,
    LEAF,
    SCALE,
    Value,
    accuracy,
    collapse,
    cross_entropy,
    descend,
    fold_scale,
    initial_network,
    leaves_and_flowers,
    one_output,
    sun_and_rain,
)
from llmlab.lessons.descent_torch import descend_torch

NAMES = ("red", "green", "blue", "volume"), ("leaf", "flower")


def table(measurements):
    """Inputs divided by their scale, and labels."""
    rows = [[number / s for number, s in zip(each.inputs, SCALE)] for each in measurements]
    return rows, [each.label for each in measurements]


@pytest.fixture(scope="module")
def plants():
    return table(leaves_and_flowers(48, seed=0))


@pytest.fixture(scope="module")
def unseen():
    return table(leaves_and_flowers(600, seed=1))


@pytest.mark.parametrize("shape, activation", [((4, 3, 2), "relu"), ((4, 3, 1), "tanh")])
def test_the_scalar_engine_and_torch_give_the_same_numbers(plants, shape, activation):
    network = initial_network(shape, 2, activation, *NAMES)
    mine = descend(network, *plants, learning_rate=0.5, steps=60, every=20)
    theirs = descend_torch(network, *plants, learning_rate=0.5, steps=60, every=20)
    assert mine.losses == pytest.approx(theirs.losses, rel=1e-12)
    assert [m.step for m in mine.moments] == [m.step for m in theirs.moments] == [0, 20, 40, 60]
    for one, other in zip(mine.moments, theirs.moments):
        assert one.network.parameters == pytest.approx(other.network.parameters, abs=1e-12)


def test_it_is_torchs_own_gradient_descent(plants):
    network = initial_network((4, 3, 2), 2, "relu", *NAMES)
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).double()
    with torch.no_grad():
        for layer, linear in zip(network.layers, model[::2]):
            linear.weight.copy_(torch.tensor(layer.weights, dtype=torch.float64))
            linear.bias.copy_(torch.tensor(layer.biases, dtype=torch.float64))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    inputs, targets = torch.tensor(plants[0], dtype=torch.float64), torch.tensor(plants[1])
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        losses.append(loss.item())
        loss.backward()
        optimiser.step()
    record = descend(network, *plants, learning_rate=0.5, steps=40)
    assert record.losses[:40] == pytest.approx(losses, rel=1e-12)
    flat = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert record.network.parameters == pytest.approx(flat.tolist(), abs=1e-12)


def test_one_step_by_hand():
    """One input 1, weight 1, bias 0: z = 1, loss log(1 + e⁻¹), slope sigmoid(1) − 1."""
    network = initial_network((1, 1)).with_parameters([1.0, 0.0])
    record = descend(network, [[1.0]], [0], learning_rate=2.0, steps=1)
    slope = -0.2689414213699951
    assert record.losses[0] == pytest.approx(0.31326168751822286, rel=1e-12)
    assert record.network.parameters == pytest.approx((1 - 2 * slope, -2 * slope), rel=1e-12)


def test_it_learns_and_without_an_activation_it_cannot(plants, unseen):
    """The green flower lies between two leaves: a straight cut gets it or a leaf wrong."""
    bent = descend_torch(initial_network((4, 3, 2), 2, "relu", *NAMES), *plants, 0.5, 600)
    assert bent.losses[0] > 0.6 and bent.losses[-1] < 0.01
    assert accuracy(bent.network, *plants) == 1.0
    assert accuracy(bent.network, *unseen) > 0.99
    assert [m.step for m in bent.moments][-1] == 600
    for seed in range(2):
        flat = descend_torch(initial_network((4, 3, 2), seed, "linear", *NAMES), *plants, 0.5, 1500)
        assert 0.75 < accuracy(flat.network, *unseen) < 0.92
        single = collapse(flat.network)
        assert accuracy(single, *unseen) == accuracy(flat.network, *unseen)


def test_the_trained_network_reads_the_leaf_and_the_flower(plants):
    record = descend_torch(initial_network((4, 3, 2), 2, "relu", *NAMES), *plants, 0.5, 300)
    plain = record.map(lambda network: fold_scale(network, SCALE))
    assert plain.network.read(LEAF) == "leaf" and plain.network.read(FLOWER) == "flower"
    assert one_output(plain.network).read(LEAF) == "leaf"
    assert len(plain.moments) == len(record.moments) and plain.losses == record.losses


def test_one_network_can_tell_plants_and_weather_at_once(plants):
    """As the text supposes: with the right weights, first output leaf or sun, second the others."""
    rows, labels = (a + b for a, b in zip(plants, table(sun_and_rain(48))))
    record = descend_torch(initial_network((4, 3, 2), 2, "relu", *NAMES), rows, labels, 0.5, 2000)
    assert accuracy(record.network, *plants) > 0.9
    assert accuracy(record.network, *table(sun_and_rain(400, seed=1))) > 0.9


def test_record_as_plain_values(plants):
    record = descend(initial_network((4, 3, 2), 0), *plants, steps=7, every=5)
    plain = record.to_json()
    assert plain["steps"] == [0, 5, 7] and len(plain["losses"]) == 8
    assert plain["parameters"][-1] == list(record.network.parameters)
    assert plain["learning_rate"] == 0.5


def test_cross_entropy_equals_torch():
    for outputs in ([2.0, -1.0], [900.0, -900.0], [0.1, 0.2, 0.3]):
        for label in range(len(outputs)):
            values = [Value(number) for number in outputs]
            tensor = torch.tensor([outputs], dtype=torch.float64, requires_grad=True)
            loss = cross_entropy(values, label)
            theirs = F.cross_entropy(tensor, torch.tensor([label]))
            loss.backward()
            theirs.backward()
            assert loss.data == pytest.approx(theirs.item(), abs=1e-12)
            assert [v.gradient for v in values] == pytest.approx(tensor.grad[0].tolist(), abs=1e-12)


def test_a_single_output_is_the_logistic_loss():
    for label, target in ((0, 1.0), (1, 0.0)):  # label 0 is told by a positive number
        z, tensor = Value(1.3), torch.tensor(1.3, dtype=torch.float64)
        expected = F.binary_cross_entropy_with_logits(tensor, torch.tensor(target).double())
        assert cross_entropy([z], label).data == pytest.approx(expected.item(), rel=1e-12)


def test_the_made_up_table_is_the_same_each_time_and_in_range():
    rows = leaves_and_flowers(60, seed=4)
    assert rows == leaves_and_flowers(60, seed=4) != leaves_and_flowers(60, seed=5)
    assert leaves_and_flowers(10, seed=4) == rows[:10]
    assert len({row.kind for row in rows}) == 6 and sum(row.label for row in rows) == 30
    for red, green, blue, volume in (row.inputs for row in leaves_and_flowers(2000, seed=2)):
        assert all(isinstance(c, int) and 0 <= c <= 255 for c in (red, green, blue))
        assert volume >= 0.5 and volume == round(volume, 1)
    for row in sun_and_rain(2000, seed=2):
        assert all(0 <= number <= 100 for number in row.inputs)


def test_first_weights_are_the_same_each_time_and_in_range():
    network = initial_network((4, 3, 2), 3)
    assert network == initial_network((4, 3, 2), 3) != initial_network((4, 3, 2), 4)
    assert all(abs(w) <= 0.5 for row in network.layers[0].weights for w in row)
    assert all(abs(w) <= 3**-0.5 for row in network.layers[1].weights for w in row)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(rows=[]), "0 rows and 1 labels"),
        (dict(labels=[0, 1]), "1 rows and 2 labels"),
        (dict(labels=[2]), "the label 2 has no output; labels are 0 to 1"),
        (dict(rows=[[1, 2]]), "2 inputs were given; this network has 4"),
        (dict(steps=0), "steps must be a whole number from 1"),
        (dict(every=1.5), "every must be a whole number"),
        (dict(learning_rate=0), "learning_rate must be a positive number"),
        (dict(learning_rate="fast"), "not 'fast'"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_one_sentence(change, message):
    arguments = dict(network=initial_network(), rows=[[1, 2, 3, 4]], labels=[0], steps=1)
    with pytest.raises(ValueError, match=message):
        descend(**{**arguments, **change})


def test_wrong_tables_and_shapes():
    with pytest.raises(ValueError, match="count must be a whole number from 1"):
        leaves_and_flowers(0)
    with pytest.raises(ValueError, match="seed must be a whole number"):
        sun_and_rain(4, seed=0.5)
    with pytest.raises(ValueError, match="begins with the inputs"):
        initial_network((4,))
    with pytest.raises(ValueError, match="neurons of a layer must be a whole number from 1"):
        initial_network((4, 0, 2))
