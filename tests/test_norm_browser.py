"""NormView in a real browser: its numbers against torch.nn's norms, keyboard, buttons, a phone."""

from __future__ import annotations

import math

import pytest
import torch
from playwright.sync_api import expect
from torch import nn

from llmlab.views.norm import NormView

WORKED = [9.0, 3.0, 3.0, 1.0]
EXAMPLES = {"one far out": [9, 3, 3, 1000], "all equal": [3, 3, 3, 3]}
SCALE, SHIFT = [2.0, 1.0, 0.5, -1.0], [0.0, 0.5, -2.0, 1.0]


@pytest.fixture
def view():
    return NormView(WORKED, weight=SCALE, bias=SHIFT, examples=EXAMPLES)


def by_torch(numbers, weight=None, bias=None, eps=1e-5) -> dict[str, list[float]]:
    """The rows of the page's table, computed by torch.nn's modules in float64."""
    x = torch.tensor(numbers, dtype=torch.float64)
    layer, plain = (nn.LayerNorm(len(x), eps=eps).double() for _ in range(2))
    rms, plain_rms = (nn.RMSNorm(len(x), eps=eps).double() for _ in range(2))
    with torch.no_grad():
        if weight is not None:
            layer.weight.copy_(torch.tensor(weight))
            rms.weight.copy_(torch.tensor(weight))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
        return {
            "number": x.tolist(),
            "number − mean": (x - x.mean()).tolist(),
            "÷ √(variance + ε)": plain(x).tolist(),
            "× scale + shift: LayerNorm": layer(x).tolist(),
            "number ÷ √(mean square + ε)": plain_rms(x).tolist(),
            "× scale: RMSNorm": rms(x).tolist(),
        }


def written(text: str) -> float:
    return math.nan if text == "not a number" else float(text.replace("−", "-"))


def table(page, place: int = 0) -> dict[str, list[float]]:
    rows = page.locator(".llmlab-norm").nth(place).locator("tbody tr").all()
    cells = [row.locator("th, td").all_inner_texts() for row in rows]
    return {name: [written(each) for each in numbers] for name, *numbers in cells}


def check(page, numbers, weight=None, bias=None, eps=1e-5, place: int = 0) -> None:
    """Every number of the table, and the line above it, against torch's."""
    expected = by_torch(numbers, weight, bias, eps)
    found = table(page, place)
    assert list(found) == list(expected)
    for name, row in expected.items():
        assert found[name] == [pytest.approx(x, rel=1e-4, abs=1e-9, nan_ok=True) for x in row], name
    x = torch.tensor(numbers, dtype=torch.float64)
    variance, square = x.var(correction=0).item(), x.square().mean().item()
    said = page.locator(".llmlab-norm").nth(place).locator(".llmlab-live").inner_text()
    words = said.rstrip(".").replace(";", ",").split(", ")
    assert [part.rsplit(" ", 1)[0] for part in words] == [
        "Mean", "variance", "deviation", "root mean square",
    ]  # fmt: skip
    sums = x.mean().item(), variance, variance**0.5, square**0.5
    assert [written(part.rsplit(" ", 1)[1]) for part in words] == [
        pytest.approx(each, rel=1e-4, abs=1e-9) for each in sums
    ]


def unfold(page) -> None:
    page.get_by_text("Scale, shift and epsilon").click()


def test_every_number_on_the_page_is_torchs(show, view):
    other = NormView([0.25, -1e-3, 5, 7.125, -40, 1e3, 2, 0], eps=0.01)
    page = show(view, other, from_file=True)
    check(page, WORKED, SCALE, SHIFT)
    check(page, other.numbers, eps=0.01, place=1)


def test_the_worked_example_digit_by_digit(show):
    page = show(NormView(WORKED))
    said = page.locator(".llmlab-live").inner_text()
    assert said == "Mean 4, variance 9, deviation 3; root mean square 5."
    rows = page.locator("tbody tr")
    assert rows.nth(3).locator("td").all_inner_texts() == ["1.6667", "−0.33333", "−0.33333", "−1"]
    assert rows.nth(5).locator("td").all_inner_texts() == ["1.8", "0.6", "0.6", "0.2"]
    bars = page.locator(".llmlab-bar-panel")
    labels = [bar.locator(".llmlab-bar-value").all_text_contents() for bar in bars.all()]
    assert labels[0] == ["9", "3", "3", "1"]
    assert labels[1] == ["1.67", "−0.333", "−0.333", "−1"]
    assert labels[2] == ["1.8", "0.6", "0.6", "0.2"]
    assert bars.nth(2).get_attribute("aria-label") == "RMSNorm: 1.8, 0.6, 0.6, 0.2"


def test_typed_numbers_change_everything(show, view):
    page = show(view)
    page.get_by_label("Number 2, as a number").fill("-7.5")
    check(page, [9, -7.5, 3, 1], SCALE, SHIFT)
    unfold(page)
    page.get_by_label("Scale 1, as a number").fill("-0.5")
    page.get_by_label("Shift 4, as a number").fill("2.25")
    check(page, [9, -7.5, 3, 1], [-0.5, *SCALE[1:]], [*SHIFT[:3], 2.25])
    page.get_by_label("Epsilon").select_option("1")
    check(page, [9, -7.5, 3, 1], [-0.5, *SCALE[1:]], [*SHIFT[:3], 2.25], eps=1.0)
    page.get_by_role("button", name="Back to the beginning").click()
    check(page, WORKED, SCALE, SHIFT)
    assert page.get_by_label("Number 2, as a number").input_value() == "3"
    assert page.get_by_label("Epsilon").input_value() == "0.00001"


def test_what_is_no_number_changes_nothing(show, view):
    page = show(view)
    field = page.get_by_label("Number 1, as a number")
    for typed in ("", "1e300"):
        field.fill(typed)
        assert field.get_attribute("aria-invalid") == "true"
        check(page, WORKED, SCALE, SHIFT)


def test_buttons_change_all_numbers(show, view):
    page = show(view)
    for name, change in (("all + 10", lambda x: x + 10), ("all × 10", lambda x: 10 * x),
                         ("all × −1", lambda x: -x)):  # fmt: skip
        before = table(page)
        page.get_by_role("button", name=name).click()
        check(page, [change(x) for x in before["number"]], SCALE, SHIFT)
    slider = page.get_by_label("Number 1", exact=True)
    assert slider.get_attribute("min") == "-190" and slider.input_value() == "-190"
    for _ in range(10):  # no further than what may be typed
        page.get_by_role("button", name="all × 10").click()
    check(page, [x * 1e3 for x in (-190, -130, -130, -110)], SCALE, SHIFT)
    page.get_by_role("button", name="one far out").click()
    check(page, [9, 3, 3, 1000], SCALE, SHIFT)
    pressed = page.get_by_role("button", name="one far out").get_attribute("aria-pressed")
    assert pressed == "true" and slider.get_attribute("min") == "-10"


def test_equal_numbers_need_epsilon(show, view):
    page = show(view)
    page.get_by_role("button", name="all equal").click()
    check(page, [3] * 4, SCALE, SHIFT)
    assert table(page)["× scale + shift: LayerNorm"] == SHIFT
    unfold(page)
    page.get_by_label("Epsilon").select_option("0")
    assert all(map(math.isnan, table(page)["× scale + shift: LayerNorm"]))
    assert table(page)["× scale: RMSNorm"] == SCALE


def test_by_keyboard_alone(show, view):
    page = show(view)
    page.get_by_label("Number 4", exact=True).focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "PageDown"):
        page.keyboard.press(key)
    # Steps of 0.2: 1.2, 1.4, 1.2, −0.8.
    check(page, [9, 3, 3, -0.8], SCALE, SHIFT)
    assert page.get_by_label("Number 4", exact=True).get_attribute("aria-valuetext") == "−0.8"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    reached = set()
    page.locator(".llmlab-norm button").first.focus()
    for _ in range(30):
        active = page.evaluate_handle("document.activeElement")
        reached.add(active.evaluate("e => e.ariaLabel ?? e.innerText"))
        page.keyboard.press("Tab")
    expected = {"one far out", "all × 10", "Number 1", "Number 4, as a number", "Every step"}
    assert expected <= reached
    page.locator(".llmlab-norm summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Shift 1", exact=True)).to_be_visible()


def test_dragging_a_slider(show, view):
    page = show(view)
    slider = page.get_by_label("Number 3", exact=True)
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.65, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.3, y, steps=5)
    page.mouse.up()
    dragged = float(page.get_by_label("Number 3, as a number").input_value())
    assert dragged < 0
    check(page, [9, 3, dragged, 1], SCALE, SHIFT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(show, view, scheme):
    largest = NormView([-123456.789, 2, 3, 4, 5, 6, 7, 98765.4321])
    page = show(view, largest, viewport={"width": 360, "height": 800}, color_scheme=scheme)
    page.get_by_text("Scale, shift and epsilon").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for each in page.locator(".llmlab").all():
        assert each.get_attribute("data-theme") == scheme
    widths = page.locator(".llmlab-bar-panel").evaluate_all("all => all.map(e => e.clientWidth)")
    assert len(widths) == 6 and all(200 < width <= 360 for width in widths)  # below one another


def test_hostile_names_are_text(show):
    name = "<img src=x onerror=alert(1)>"
    page = show(NormView([1.0, 2.0], examples={name: [3.0, 4.0]}))
    assert page.get_by_role("button", name=name).is_visible()
    assert page.locator(".llmlab img").count() == 0
