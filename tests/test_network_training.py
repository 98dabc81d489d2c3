"""NetworkView's training in the page: loss, gradients and steps against PyTorch's."""

import math
import re

import pytest
import torch
import torch.nn.functional as F

from llmlab.lessons import LEAF, SCALE, descend, initial_network, leaves_and_flowers, one_output
from llmlab.lessons.descent_torch import descend_torch, forward
from llmlab.views.network import NetworkView
from tests.test_network_browser import near, written

NAMES = ("red", "green", "blue", "volume"), ("leaf", "flower")
START = [n / s for n, s in zip(LEAF, SCALE)]


@pytest.fixture(scope="module")
def table():
    things = leaves_and_flowers(12)
    rows = [[n / s for n, s in zip(thing.inputs, SCALE)] for thing in things]
    return rows, [thing.label for thing in things]


@pytest.fixture
def network():
    return initial_network((4, 3, 2), 2, "relu", *NAMES)


@pytest.fixture
def view(network, table):
    return NetworkView(network, START, training=table, learning_rate=0.5)


def by_torch(network, table):
    """The mean loss, each example's share of the right output, and the gradients in a row."""
    parameters = []
    for layer in network.layers:
        for part in (layer.weights, layer.biases):
            parameters.append(torch.tensor(part, dtype=torch.float64, requires_grad=True))
    outputs = forward(network, parameters, torch.tensor(table[0], dtype=torch.float64))
    if outputs.size(1) == 1:
        outputs = torch.cat([outputs, torch.zeros_like(outputs)], dim=1)
    labels = torch.tensor(table[1])
    loss = F.cross_entropy(outputs, labels)
    gradients = torch.autograd.grad(loss, parameters)
    shares = outputs.softmax(1)[torch.arange(len(labels)), labels]
    return loss.item(), shares.tolist(), torch.cat([g.flatten() for g in gradients]).tolist()


def in_order(network, values):
    """Numbers in the order of the page: each neuron's weights, then its own bias."""
    filled = network.with_parameters(values)
    return [
        number
        for layer in filled.layers
        for row, bias in zip(layer.weights, layer.biases)
        for number in (*row, bias)
    ]


def opened(page, title: str, place: int = 0) -> list[list[str]]:
    """The rows of a table that opens on demand."""
    view = page.locator(".llmlab-network").nth(place)
    details = view.locator(".llmlab-descent details", has_text=title)
    if not details.evaluate("box => box.open"):
        details.locator("summary").click()
    rows = details.locator("tbody tr")
    rows.first.wait_for()
    return [row.locator("th, td").all_inner_texts() for row in rows.all()]


def check_page(page, network, table, rate: float, place: int = 0) -> None:
    """The loss, and every parameter, gradient, change and next number, against torch's."""
    loss, shares, gradients = by_torch(network, table)
    said = page.locator(".llmlab-loss").nth(place).inner_text()
    assert written(re.search(r"the loss is (−?[\d.e+−]+)\.", said, re.I)[1]) == near(loss)
    rows = opened(page, "What the next step does to every parameter", place)
    slopes, numbers = in_order(network, gradients), in_order(network, network.parameters)
    assert len(rows) == len(numbers)
    for (_, *cells), old, slope in zip(rows, numbers, slopes):
        shown = [written(cell) for cell in cells]
        expected = [old, slope, -rate * slope, old - rate * slope]
        assert shown == [pytest.approx(x, rel=1e-5, abs=1e-12) for x in expected]
    examples = opened(page, "Each example and its loss", place)
    for (number, _, right, answer, share, example_loss), true in zip(examples, shares, strict=True):
        i = int(number) - 1
        assert right == network.output_names[table[1][i]]
        assert answer == (network.read(table[0][i]) or "undecided")
        assert written(example_loss) == pytest.approx(-math.log(true), rel=1e-5, abs=1e-9)
        assert share == f"{100 * true:.1f} %" or share == "< 0.1 %"


@pytest.mark.parametrize("rate", [0.5, 0.01, 20.0])
def test_after_steps_the_page_has_torchs_numbers(show, network, table, rate):
    page = show(NetworkView(network, START, training=table, learning_rate=rate), from_file=True)
    check_page(page, network, table, rate)
    taken = 0
    for button, count in (("1 step", 1), ("1 step", 1), ("10 steps", 10), ("100 steps", 100)):
        page.get_by_role("button", name=button, exact=True).click()
        taken += count
        record = descend_torch(network, *table, rate, taken, every=taken)
        check_page(page, record.network, table, rate)
        said = page.locator(".llmlab-loss").inner_text()
        times = "1 step" if taken == 1 else f"{taken} steps"
        assert said.startswith(f"After {times} the loss is ")
        before = re.search(r"Before the last step it was ([\d.e+−]+)\. ", said)[1]
        assert written(before) == near(record.losses[-2])
    rows = opened(page, "The loss as a table")
    assert [int(step) for step, _ in rows] == list(range(taken + 1))
    assert [written(loss) for _, loss in rows] == [near(loss) for loss in record.losses]


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "sigmoid"])
def test_other_networks_learn_too(show, table, activation):
    deep = initial_network((4, 5, 3, 3), 4, activation)
    deep = deep.with_parameters([p + 0.01 * i for i, p in enumerate(deep.parameters)])
    rows, labels = table[0], [i % 3 for i in range(12)]
    single = one_output(initial_network((4, 3, 2), 2, activation, *NAMES))
    views = [
        NetworkView(deep, START, training=(rows, labels), learning_rate=0.3),
        NetworkView(single, START, training=table, learning_rate=0.3),
    ]
    page = show(*views)
    for place, (start, data) in enumerate(((deep, (rows, labels)), (single, table))):
        page.get_by_role("button", name="10 steps", exact=True).nth(place).click()
        trained = descend_torch(start, *data, 0.3, 10, every=10).network
        check_page(page, trained, data, 0.3, place)


def test_by_keyboard_alone(show, view, network, table):
    page = show(view)
    rate = page.get_by_label("Learning rate")
    assert rate.get_attribute("aria-valuetext") == "0.5"
    rate.focus()
    for key, words in (("ArrowRight", "1"), ("ArrowLeft", "0.5"), ("ArrowLeft", "0.2")):
        page.keyboard.press(key)
        assert rate.get_attribute("aria-valuetext") == words
    page.keyboard.press("Tab")
    active = "document.activeElement"
    assert page.evaluate(f"{active}.textContent") == "1 step"
    assert page.evaluate(f"getComputedStyle({active}).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    trained = descend_torch(network, *table, 0.2, 2, every=2).network
    check_page(page, trained, table, 0.2)
    own = page.locator(".llmlab-descent > div > .llmlab-scroll tbody tr").first.inner_text()
    page.locator('.llmlab-neuron[tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    heading = page.locator(".llmlab-descent > div > .llmlab-scroll caption")
    assert heading.inner_text() == "What the next step does to leaf"
    assert page.locator(".llmlab-descent > div > .llmlab-scroll tbody tr").first.inner_text() != own
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "has nothing to learn" in page.locator(".llmlab-descent").inner_text()


def test_the_drawing_follows_and_goes_back(show, view, network, table):
    page = show(view)
    field = page.get_by_label("Weight from red to hidden 1, as a number")
    before = float(field.input_value())
    page.get_by_role("button", name="100 steps").click()
    trained = descend_torch(network, *table, 0.5, 100, every=100).network
    assert float(field.input_value()) == near(trained.layers[0].weights[0][0]) != near(before)
    page.get_by_role("button", name="Back to the beginning").click()
    check_page(page, network, table, 0.5)
    assert page.locator(".llmlab-loss").inner_text().startswith("The loss is ")
    page.get_by_role("button", name="1 step", exact=True).click()
    field.fill("1.25")  # a change by hand is a new beginning
    changed = list(descend_torch(network, *table, 0.5, 1).network.parameters)
    changed[0] = 1.25
    check_page(page, network.with_parameters(changed), table, 0.5)
    assert len(opened(page, "The loss as a table")) == 1


def test_numbers_that_grow_without_end_are_stopped(show, network, table):
    page = show(NetworkView(network, START, training=table, learning_rate=1e200))
    assert page.get_by_label("Learning rate").get_attribute("aria-valuetext") == "1e+200"
    page.get_by_role("button", name="100 steps").click()
    said = page.locator(".llmlab-loss").inner_text()
    assert "try a lower rate" in said
    check_page(page, network, table, 1e200)
    assert not re.search("NaN|Infinity", page.locator(".llmlab-network").inner_text())
    page.get_by_role("button", name="Back to the beginning").click()
    assert "try a lower rate" not in page.locator(".llmlab-loss").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(show, view, scheme):
    page = show(view, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.get_by_role("button", name="10 steps", exact=True).click()
    for title in ("What the next step does to every parameter", "Each example", "The loss as"):
        opened(page, title)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    heights = page.locator(".llmlab-descent button").evaluate_all(
        "all => all.map(b => b.getBoundingClientRect().height)"
    )
    assert min(heights) >= 24  # WCAG 2.2, target size


def test_python_has_the_state_and_the_words(view, network, table):
    state = view.state()
    assert state["training"] == {"rows": table[0], "labels": table[1]}
    assert state["learning_rate"] == 0.5 and state["losses"] == []
    loss = by_torch(network, table)[0]
    assert f"Its mean loss over 12 examples is {loss:.4g}." in view.alt()
    assert descend(network, *table, steps=1).losses[0] == pytest.approx(loss)
    plain = NetworkView(network, START)
    assert plain.state()["training"] == {} and "mean loss" not in plain.alt()


def test_what_cannot_be_learnt_from_is_refused(network, table):
    rows, labels = table
    for training, message in (
        ((rows, labels[:-1]), "12 rows and 11 labels"),
        ((rows, [2] * 12), "the label 2 has no output"),
        ((rows[:-1] + [[1.0]], labels), "1 inputs were given"),
        ((rows[:-1] + [[1, 2, 3, math.nan]], labels), "finite numbers, not nan"),
        ((rows * 17, labels * 17), "204 examples were given"),
    ):
        with pytest.raises(ValueError, match=message):
            NetworkView(network, START, training=training)
    for rate in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="learning_rate must be a positive number"):
            NetworkView(network, START, training=table, learning_rate=rate)
