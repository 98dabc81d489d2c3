"""NetworkView in Python: its state, picture and words, and what it refuses."""

import io
import json

import pytest
import torch
from PIL import Image

from llmlab.lessons import FLOWER, LEAF, SCALE, Value, descend, fold_scale, initial_network
from llmlab.lessons import leaves_and_flowers, one_output, worked_neuron
from llmlab.views.base import MIME
from llmlab.views.network import NetworkView
from llmlab.views.network_words import number, short_number
from tests.small_models import HOSTILE

NAMES = ("red", "green", "blue", "volume"), ("leaf", "flower")
WEATHER = {"weather": (("cloud cover", "humidity", "pressure", "wind"), ("sun", "rain"))}


@pytest.fixture(scope="module")
def record():
    table = leaves_and_flowers(12)
    rows = [[n / s for n, s in zip(row.inputs, SCALE)] for row in table]
    network = initial_network((4, 3, 2), 2, "relu", *NAMES)
    record = descend(network, rows, [row.label for row in table], steps=40, every=10)
    return record.map(lambda each: fold_scale(each, SCALE))


@pytest.fixture
def view(record):
    examples = {"leaf": LEAF, "flower": FLOWER}
    return NetworkView(
        record.network, LEAF, examples=examples, readings=WEATHER, record=record, neuron=(1, 1)
    )


def test_state_is_plain_and_whole(view, record):
    state = view.state()
    assert json.loads(json.dumps(state)) == state
    assert len(json.dumps(state)) < 12_000
    weights = [layer["weights"] for layer in state["layers"]]
    assert weights == [[list(row) for row in layer.weights] for layer in record.network.layers]
    assert state["inputs"] == [32, 107, 56, 11.2]
    assert [reading["title"] for reading in state["readings"]] == ["leaf / flower", "weather"]
    assert state["record"]["steps"] == [0, 10, 20, 30, 40] and state["moment"] == 4
    assert state["limits"] == [[0, 241], [0, 200], [0, 56], [0, 59.5]]
    assert "_shape" not in state


def test_words_have_the_networks_numbers(view, record):
    layer = torch.nn.Linear(4, 3).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(record.network.layers[0].weights, dtype=torch.float64))
        layer.bias.copy_(torch.tensor(record.network.layers[0].biases, dtype=torch.float64))
        sums = layer(torch.tensor(LEAF, dtype=torch.float64)).tolist()
    words = view.alt()
    assert f"= {number(sums[1])}" in words and "hidden 2: 32 × " in words
    assert f"read as {record.network.read(LEAF)}" in words
    outputs = record.network.forward(LEAF)
    assert f"leaf {number(outputs[0])}, flower {number(outputs[1])}" in words
    view.reading = 1
    assert "cloud cover 32, humidity 107" in view.alt() and "read as sun" in view.alt()


def test_the_worked_neuron_in_words():
    assert NetworkView(worked_neuron(0.25), LEAF).alt() == (
        "A network of 4 inputs and layers of 1 neurons. For red 32, green 107, blue 56, volume "
        "11.2 its output is −26.348, read as negative. output: 32 × 0.1 + 107 × −0.29 + 56 × "
        "−0.07 + 11.2 × 0.46 + 0.25 = −26.348."
    )
    assert "11.2 × 0.46 − 0.25 = −26.848" in NetworkView(worked_neuron(-0.25), LEAF).alt()


def test_picture_is_the_same_each_time(view):
    picture = view.picture()
    assert picture == view.picture() and len(picture) < 60_000
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    view.neuron = [0, 2]
    assert view.picture() != picture
    bundle, metadata = view._repr_mimebundle_()
    assert bundle[MIME]["state"]["alt"] == metadata["image/png"]["alt"] == view.alt()
    assert repr(view) == "<NetworkView of 4–3–2 neurons>"


def test_what_the_page_changes_python_has(view, record):
    layers = json.loads(json.dumps(view.layers))
    layers[0]["weights"][2][3] = 9.5
    view.layers = layers
    assert view.network.layers[0].weights[2][3] == 9.5
    assert view.network.input_names == NAMES[0]
    assert record.network.layers[0].weights[2][3] != 9.5


def test_plain_data_and_other_networks():
    plain = NetworkView({"weights": [[[1, 2], [3, 4]], [[1, -1]]]}, torch.tensor([1.0, 2.0]))
    assert plain.network.forward(plain.inputs) == (5 - 11,)
    assert plain.readings[0]["output_names"] == ["output 1", "output 2"]
    assert NetworkView(initial_network().map(Value), LEAF).state()["record"] == {}
    single = one_output(initial_network((4, 3, 2), 2, "relu", *NAMES))
    assert "its output is" in NetworkView(single, LEAF).alt()
    largest = NetworkView(initial_network((8, 8, 8, 8, 8)), [0.5] * 8, neuron=(4, 7))
    assert "output 8: " in largest.alt() and largest.picture().startswith(b"\x89PNG")


def test_hostile_names_travel_as_text():
    names = HOSTILE[:8]
    network = initial_network((8, 2), 0, "relu", names, ("</script>", "${x}$"))
    view = NetworkView(network, [1.0] * 8, examples={"<img src=x>": [0.0] * 8})
    state = json.dumps(view.state(), ensure_ascii=False)
    state.encode("utf-8")  # a lone surrogate would not pass
    assert not any(char in state for char in "\0\u202e")
    assert view.picture().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "value, written, short",
    [
        (-26.598, "−26.598", "−26.6"),
        (0.1, "0.1", "0.1"),
        (-0.0, "0", "0"),
        (1013.25, "1013.25", "1013"),
        (-0.000297486, "−0.000297486", "−3e−4"),
        (123456.0, "123456", "1e5"),
        (1000.0, "1000", "1000"),
    ],
)
def test_numbers_in_words(value, written, short):
    assert number(value) == written
    assert short_number(value) == short


@pytest.mark.parametrize(
    "network, options, message",
    [
        (initial_network((9, 2)), {}, r"\[9, 2\] neurons is too large"),
        (initial_network((2, 2, 2, 2, 2, 2)), {}, "at most 4 layers of 8"),
        (initial_network(), dict(inputs=[1, 2]), "2 inputs were given; there must be 4"),
        (initial_network(), dict(inputs=[1, 2, 3, float("inf")]), "finite numbers, not inf"),
        (initial_network(), dict(examples={"a": [1]}), "1 inputs were given"),
        (initial_network(), dict(limits=[(0, 1)]), "1 limits were given; there are 4"),
        (initial_network(), dict(limits=[(1, 1)] * 4), r"\(least, most\), not \(1.0, 1.0\)"),
        (initial_network(), dict(neuron=(3, 0)), r"neuron is \[3, 0\]"),
        (initial_network(), dict(neuron=(1, 3)), "both from 0"),
        (initial_network(), dict(readings={"a": (["x"], ["y", "z"])}), "4 input names are needed"),
        ({"weight": [[[1]]]}, {}, "no 'weight'; did you mean weights"),
        ({}, {}, "needs 'weights'"),
        (7, {}, "give a Network or a dict with weights, not int"),
        (initial_network().map(lambda w: float("nan")), {}, "finite numbers, not nan"),
    ],
)
def test_bad_input_is_told_in_one_sentence(network, options, message):
    with pytest.raises(ValueError, match=message):
        NetworkView(network, **{"inputs": [1, 2, 3, 4], **options})


def test_a_record_of_another_network_is_refused(record):
    with pytest.raises(ValueError, match=r"\[4, 3, 2\] neurons, not \[4, 2, 2\]"):
        NetworkView(initial_network((4, 2, 2)), LEAF, record=record)


def test_wrong_changes_are_refused(view):
    for inputs in ([1, 2, 3], [1, 2, 3, float("nan")]):
        with pytest.raises(ValueError, match="inputs"):
            view.inputs = inputs
    layers = json.loads(json.dumps(view.layers))
    layers[1]["weights"][0] = [1.0]
    with pytest.raises(ValueError, match="1 weights were given; there must be 3"):
        view.layers = layers
    with pytest.raises(ValueError, match="1 layers were given"):
        view.layers = layers[:1]
    with pytest.raises(ValueError, match="readings are numbered 0 to 1"):
        view.reading = 2
