"""NetworkView in a real browser: its numbers against torch, dragging, keyboard, replay, a phone."""

import re

import pytest
import torch
from playwright.sync_api import expect
from torch import nn

from llmlab.lessons import FLOWER, LEAF, SCALE, descend, fold_scale, initial_network
from llmlab.lessons import leaves_and_flowers, one_output, worked_neuron
from llmlab.views.network import NetworkView

NAMES = ("red", "green", "blue", "volume"), ("leaf", "flower")
WEATHER = {"weather": (("cloud cover", "humidity", "pressure", "wind"), ("sun", "rain"))}
MODULES = {"linear": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
LIMITS = [(0, 255)] * 3 + [(0, 100)]


@pytest.fixture(scope="module")
def record():
    table = leaves_and_flowers(12)
    rows = [[n / s for n, s in zip(row.inputs, SCALE)] for row in table]
    network = initial_network((4, 3, 2), 2, "relu", *NAMES)
    record = descend(network, rows, [row.label for row in table], steps=60, every=20)
    return record.map(lambda each: fold_scale(each, SCALE))


@pytest.fixture
def view(record):
    examples = {"a leaf": LEAF, "a flower": FLOWER}
    return NetworkView(
        record.network, LEAF, examples=examples, readings=WEATHER, limits=LIMITS, record=record
    )


def sums_by_torch(layers, inputs) -> list[list[tuple[float, float]]]:
    """(sum, output) of every neuron, by layer, computed by torch in float64."""
    found, numbers = [], torch.tensor(inputs, dtype=torch.float64)
    for weights, biases, activation in layers:
        linear = nn.Linear(len(weights[0]), len(weights)).double()
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weights, dtype=torch.float64))
            linear.bias.copy_(torch.tensor(biases, dtype=torch.float64))
            sums = linear(numbers)
            numbers = MODULES[activation]()(sums)
        found.append(list(zip(sums.tolist(), numbers.tolist())))
    return found


def layers_of(network):
    return [(layer.weights, layer.biases, layer.activation) for layer in network.layers]


def written(text: str) -> float:
    return float(text.replace("−", "-"))


def near(value: float):
    """Six digits are written."""
    return pytest.approx(value, rel=1e-5, abs=1e-12)


def open_twin(page, place: int = 0) -> list[list[str]]:
    view = page.locator(".llmlab-network").nth(place)
    details = view.locator("details", has_text="All numbers as a table")
    if not details.evaluate("box => box.open"):
        details.locator("summary").click()
    rows = details.locator("tbody tr")
    expect(rows.first).to_be_visible()
    return [row.locator("th, td").all_inner_texts() for row in rows.all()]


def check_twin(page, network, inputs, place: int = 0) -> None:
    """Every product, bias, sum and output on the page against torch's."""
    layers = layers_of(network)
    expected = sums_by_torch(layers, inputs)
    rows = iter(open_twin(page, place))
    given = list(inputs)
    for (weights, biases, activation), neurons in zip(layers, expected):
        for row, bias, (sum_, output) in zip(weights, biases, neurons):
            name, products, shown_bias, shown_sum, shown_activation, shown_output = next(rows)
            lines = products.split("\n")
            assert len(lines) == len(row)
            for line, number, weight in zip(lines, given, row):
                left, product = line.rsplit(": ", 1)[1].split(" = ")
                assert [written(n) for n in left.split(" × ")] == [near(number), near(weight)]
                assert written(product) == near(number * weight)
            assert written(shown_bias) == near(bias)
            assert written(shown_sum) == pytest.approx(sum_, rel=1e-5, abs=1e-9)
            assert written(shown_output) == pytest.approx(output, rel=1e-5, abs=1e-9)
            assert shown_activation == activation
        given = [output for _, output in neurons]
    assert next(rows, None) is None


def test_every_number_on_the_page_is_torchs(show, view, record):
    page = show(view, from_file=True)
    check_twin(page, record.network, LEAF)
    expected = sums_by_torch(layers_of(record.network), LEAF)
    outputs = torch.tensor([output for _, output in expected[-1]])
    said = page.locator(".llmlab-live").inner_text()
    numbers = re.findall(r"(?:leaf|flower) (−?[\d.e−]+),? ?", said)
    assert written(numbers[0].rstrip(".")) == near(float(outputs[0]))
    assert said.endswith("leaf.")
    shares = outputs.softmax(dim=0).tolist()
    text = page.locator(".llmlab-live + p").inner_text()
    assert f"leaf {100 * shares[0]:.1f} %" in text and f"flower {100 * shares[1]:.1f} %" in text


@pytest.mark.parametrize("activation", list(MODULES))
def test_other_networks_too(show, activation):
    network = initial_network((8, 8, 5, 7, 3), 4, activation)
    network = network.with_parameters([p + 0.01 * i for i, p in enumerate(network.parameters)])
    inputs = [0.5, -1.25, 3, 0, 0.001, -2, 1e3, 7]
    page = show(NetworkView(network, inputs), NetworkView(one_output(worked()), LEAF))
    check_twin(page, network, inputs)
    check_twin(page, one_output(worked()), LEAF, place=1)
    said = page.locator(".llmlab-live").nth(1).inner_text()
    assert "Above 0 means leaf, below 0 flower" in said


def worked():
    return initial_network((4, 3, 2), 5, "relu", *NAMES)


def test_the_worked_neuron_line_by_line(show):
    page = show(NetworkView(worked_neuron(0.25), LEAF))
    products = page.locator(".llmlab-product").all_inner_texts()
    assert products == ["3.2", "−31.03", "−3.92", "5.152", "0.25"]
    assert page.locator(".llmlab-sum").inner_text() == "−26.348"
    formula = page.locator(".llmlab-formula").inner_text()
    assert formula == (
        "32 × 0.1 + 107 × −0.29 + 56 × −0.07 + 11.2 × 0.46 + 0.25 = −26.348"
    )
    page.get_by_label("Bias of output, as a number", exact=True).fill("0")
    assert page.locator(".llmlab-sum").inner_text() == "−26.598"


def test_number_fields_recompute_everything(show, view, record):
    page = show(view)
    page.get_by_label("volume, as a number", exact=True).fill("80.5")
    page.get_by_label("Weight from red to hidden 1, as a number").fill("-0.75")
    page.get_by_label("Bias of hidden 1, as a number").fill("300")
    parameters = list(record.network.parameters)
    parameters[0], parameters[12] = -0.75, 300
    check_twin(page, record.network.with_parameters(parameters), (*LEAF[:3], 80.5))
    assert "changed by hand" in page.locator(".llmlab-replay").inner_text()
    page.get_by_role("button", name="Back to the beginning").click()
    check_twin(page, record.network, LEAF)
    assert page.get_by_label("volume, as a number", exact=True).input_value() == "11.2"


def test_what_is_no_number_changes_nothing(show, view, record):
    page = show(view)
    field = page.get_by_label("red, as a number", exact=True)
    for typed in ("", "1e300", "-"):
        field.fill("")
        if typed == "-":  # no number yet, so it cannot be filled in
            field.press_sequentially(typed)
        else:
            field.fill(typed)
        assert field.get_attribute("aria-invalid") == "true"
        check_twin(page, record.network, LEAF)
    page.get_by_label("green, as a number", exact=True).focus()
    assert field.input_value() == "32" and field.get_attribute("aria-invalid") == "false"


def test_dragging_an_input_and_a_weight(show, view, record):
    page = show(view)
    red = page.get_by_role("radio", name="red: 32").locator("circle")
    drag(page, red, 100)  # half of 0 to 255, from 32, in steps of 2
    inputs = (160, *LEAF[1:])
    check_twin(page, record.network, inputs)
    assert page.locator(".llmlab-panel h4").inner_text() == "hidden 1, line by line"
    page.get_by_role("radio", name="hidden 2").click()
    handle = page.locator(".llmlab-weight:visible").first
    before = record.network.layers[0].weights[1][0]
    drag(page, handle, -60)
    shown = page.get_by_label("Weight from red to hidden 2, as a number").input_value()
    assert float(shown) < before
    parameters = list(record.network.parameters)
    parameters[4] = float(shown)
    check_twin(page, record.network.with_parameters(parameters), inputs)


def drag(page, target, pixels: int) -> None:
    box = target.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels / 2, y, steps=4)
    page.mouse.move(x + pixels, y, steps=4)
    page.mouse.up()


def test_by_keyboard_alone(show, view, record):
    page = show(view)
    neuron = page.locator('.llmlab-neuron[tabindex="0"]')
    neuron.focus()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("hidden 1")
    names = []
    for key in ("ArrowDown", "ArrowRight", "ArrowLeft", "ArrowLeft", "End", "Home"):
        page.keyboard.press(key)
        active = "document.activeElement"
        assert page.evaluate(f"{active}.getAttribute('aria-checked')") == "true"
        names.append(page.evaluate(f"{active}.getAttribute('aria-label')").split(":")[0])
    # hidden 2 stands halfway between both outputs, and between green and blue.
    assert names == ["hidden 2", "leaf", "hidden 2", "blue", "volume", "red"]
    assert page.locator(".llmlab-panel h4").inner_text() == "red, an input"
    page.get_by_label("red", exact=True).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "PageUp"):
        page.keyboard.press(key)
    # Steps of 2: 34, 36, 34, 54.
    check_twin(page, record.network, (54, *LEAF[1:]))
    page.get_by_label("red", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_examples_and_readings(show, view, record):
    page = show(view)
    page.get_by_role("button", name="a flower").click()
    check_twin(page, record.network, FLOWER)
    assert page.get_by_role("button", name="a flower").get_attribute("aria-pressed") == "true"
    assert page.locator(".llmlab-live").inner_text().endswith("flower.")
    before = [row[1:] for row in open_twin(page)]
    page.get_by_label("The numbers stand for").select_option("weather")
    assert page.locator(".llmlab-live").inner_text().endswith("rain.")
    assert page.get_by_label("humidity", exact=True).input_value() == "200"
    after = [row[1:] for row in open_twin(page)]
    plants, weather = (re.findall(r"−?\d[\d.]*", str(rows)) for rows in (before, after))
    assert plants == weather  # other names, the same numbers


def test_the_training_is_replayed(show, view, record):
    page = show(view)
    moment = page.get_by_label("Moment")
    assert moment.get_attribute("aria-valuetext") == "step 60 of 60"
    for place in (2, 1, 0):
        moment.focus()
        page.keyboard.press("ArrowLeft")
        check_twin(page, record.moments[place].network, LEAF)
        step = record.moments[place].step
        said = page.locator(".llmlab-replay > .llmlab-quiet").inner_text()
        loss = re.fullmatch(rf"After {step} steps the loss is ([\d.]+)\.", said)[1]
        assert float(loss) == near(record.losses[step])
    page.get_by_role("button", name="Play").click()
    expect(moment).to_have_attribute("aria-valuetext", "step 60 of 60", timeout=20_000)
    check_twin(page, record.network, LEAF)
    page.get_by_text("The loss as a table").click()
    rows = page.locator(".llmlab-replay tbody tr")
    expect(rows).to_have_count(4)
    assert written(rows.nth(1).locator("td").inner_text()) == near(record.losses[20])


def test_with_less_motion_nothing_plays(show, view):
    page = show(view, reduced_motion="reduce")
    assert page.get_by_role("button", name="Play").count() == 0
    assert page.get_by_label("Moment").is_visible()


def test_signs_are_told_without_colour(show, view, record):
    page = show(view)
    dashes = page.evaluate(
        """() => [...document.querySelectorAll(".llmlab-net line")].map((line) =>
            getComputedStyle(line).strokeDasharray !== "none")"""
    )
    weights = [w for layer in record.network.layers for row in layer.weights for w in row]
    assert dashes == [weight < 0 for weight in weights]


def test_hostile_names_are_text(show):
    names = ["<img src=x onerror=alert(1)>", "</script>", "${}", "\u202eabc"]
    network = initial_network((4, 2), 1, "relu", names, ("\0", "\ud800"))
    page = show(NetworkView(network, LEAF, examples={names[0]: FLOWER}))
    text = page.locator(".llmlab").inner_text()
    for shown in ("<img src=x onerror=alert(1)>", "</script>", "${}", "U+202Eabc", "␀", "U+D800"):
        assert shown in text
    assert page.locator(".llmlab img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(show, view, scheme):
    largest = NetworkView(initial_network((8, 8, 8, 8, 8)), [0.5] * 8)
    page = show(view, largest, viewport={"width": 390, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for each in page.locator(".llmlab").all():
        assert each.get_attribute("data-theme") == scheme
    covering = page.evaluate(
        """() => [...document.querySelectorAll(".llmlab-net")].map((svg) => {
            const width = svg.clientWidth;
            return [...svg.querySelectorAll(".llmlab-name, .llmlab-inside")].filter((text) => {
                const { x, width: length } = text.getBBox();
                return x < 0 || x + length > width;
            }).length;
        })"""
    )
    assert covering == [0, 0]  # no name leaves the drawing
    small = page.evaluate(
        """() => [...document.querySelectorAll(".llmlab-neuron circle")]
            .filter((circle) => circle.getBoundingClientRect().width < 24).length"""
    )
    assert small == 0  # WCAG 2.2, target size
