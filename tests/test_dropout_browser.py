"""DropoutView on a page without a kernel: its masks against Python's, its keyboard, its looks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from llmlab.lessons import dropout_mask
from llmlab.sampling import draw
from llmlab.views import DropoutView
from llmlab.views.network_words import number
from tests.small_models import HOSTILE
from tests.test_attention_view_browser import press, rows_of, tab_to

BASE = ".llmlab-dropout"
VALUES = [0.5, 2.0, 0.0, 1.25, 0.75, 3.1]
WEIGHTS = [1.0, -0.5, 3.0, 0.2, 0.9, -0.1]
BIAS = 0.1


def make(**changes):
    settings = {"p": 0.5, "seed": 0, "names": list("abcdef"), "neuron": "flower", **changes}
    return DropoutView(VALUES, WEIGHTS, BIAS, **settings)


def written(text: str) -> float:
    return float(text.replace("−", "-"))


def near(value: float):
    """Four digits are written."""
    return pytest.approx(value, rel=6e-4, abs=1e-12)


def live(page) -> str:
    return page.locator(f"{BASE} .llmlab-live").inner_text()


def draw_button(page, count: int):
    name = "Draw a mask" if count == 1 else f"Draw {count}"
    return page.get_by_role("button", name=name, exact=True)


def open_twin(page) -> list[list[str]]:
    details = page.locator(f"{BASE} details")
    if not details.evaluate("box => box.open"):
        details.locator("summary").click()
    page.wait_for_selector(f"{BASE} details table")
    return rows_of(page, f"{BASE} details")


def check_page(page, p: float, seed: int, draws: int) -> None:
    """The table, the sentence and the chart against Python's masks for the same seed."""
    mask = dropout_mask(6, p, seed=seed, number=draws - 1)
    *rows, bias, total = open_twin(page)
    assert len(rows) == 6
    for i, (name, value, drawn, factor, after, weight, product) in enumerate(rows):
        assert name == "abcdef"[i] and written(value) == VALUES[i]
        assert float(drawn) == pytest.approx(draw(seed, 6 * (draws - 1) + i), abs=5.1e-5)
        assert written(factor.removesuffix(", dropped")) == near(mask[i])
        assert factor.endswith("dropped") == (mask[i] == 0)
        assert written(after) == near(VALUES[i] * mask[i])
        assert written(weight) == WEIGHTS[i]
        assert written(product) == near(VALUES[i] * mask[i] * WEIGHTS[i])
    view = make(p=p, seed=seed, draws=draws)
    average = sum(view.sums) / draws
    assert written(bias[-1]) == BIAS and written(total[-1]) == near(view.sums[-1])
    assert live(page).startswith(
        f"Mask {draws:,}: {mask.count(0)} of 6 dropped, sum {number(view.sums[-1], 4)}."
    )
    assert f"mask{'s' * (draws > 1)}: {number(average, 4)}." in live(page)
    assert f"Evaluation mode gives {number(view.evaluation, 4)}." in live(page)
    point = page.locator(f"{BASE} .chart .now").get_attribute("data-value")
    assert float(point) == pytest.approx(average, rel=1e-9)
    crossed = page.locator(f"{BASE} .layer .cross").count()
    assert crossed == mask.count(0)


def test_masks_and_sums_are_pythons(show):
    page = show(make(), from_file=True)
    check_page(page, 0.5, 0, 1)
    draw_button(page, 1).click()
    check_page(page, 0.5, 0, 2)
    draw_button(page, 100).click()
    draw_button(page, 10).click()
    check_page(page, 0.5, 0, 112)


@pytest.mark.parametrize(("p", "seed"), [(0.0, 3), (0.1, 12345), (0.95, 2**53 - 1)])
def test_other_settings_too(show, p, seed):
    page = show(make(p=p, seed=seed, draws=37))
    check_page(page, p, seed, 37)


def test_p_moves_by_keyboard_and_keeps_the_draws(show):
    page = show(make(draws=20))
    tab_to(page, f"{BASE} input[type=range]")
    press(page, "ArrowRight", "ArrowRight")
    assert page.locator(f"{BASE} output").inner_text() == "0.6"
    check_page(page, 0.6, 0, 20)
    tab_to(page, f"{BASE} input[type=range]")
    press(page, "Home")
    check_page(page, 0, 0, 20)


def test_a_seed_is_typed(show):
    page = show(make(draws=5))
    field = page.get_by_label("Seed")
    field.fill("42")
    check_page(page, 0.5, 42, 1)
    before = live(page)
    for typed in ("", "-3", "1.5", "1e300"):
        field.fill(typed)
        assert field.get_attribute("aria-invalid") == "true"
        assert live(page) == before
    field.press("Tab")
    expect(field).to_have_value("42")
    assert field.get_attribute("aria-invalid") == "false"


def test_evaluation_mode_drops_nothing(show):
    page = show(make(draws=3))
    page.locator(f"{BASE} select").select_option("evaluation")
    view = make()
    assert live(page) == (
        "Evaluation mode: nothing is dropped or scaled. The sum is "
        f"{number(view.evaluation, 4)}, every time."
    )
    rows = open_twin(page)
    assert [row[3] for row in rows[:6]] == ["1"] * 6
    assert page.locator(f"{BASE} .cross").count() == 0
    expect(page.locator(f"{BASE} .chart")).to_be_hidden()
    draw_button(page, 1).click()  # drawing a mask is training
    check_page(page, 0.5, 0, 4)
    page.get_by_role("button", name="Start over").click()
    check_page(page, 0.5, 0, 1)


def test_drawing_ends_at_the_limit(show):
    page = show(make(draws=9_950))
    draw_button(page, 100).click()
    assert "10,000 masks are drawn" in live(page)
    check_page(page, 0.5, 0, 10_000)
    expect(draw_button(page, 1)).to_be_disabled()
    page.get_by_role("button", name="Start over").click()
    expect(draw_button(page, 1)).to_be_enabled()


def test_charts_average_is_drawn_where_it_is(show):
    page = show(make(draws=300))
    y = page.locator(f"{BASE} .chart .now").get_attribute("cy")
    line = page.locator(f"{BASE} .chart polyline").get_attribute("points").split(" ")
    assert len(line) == 300 and line[-1].split(",")[1] == y
    dashed = float(page.locator(f"{BASE} .chart .evaluation").get_attribute("y1"))
    view = make(draws=300)
    above = sum(view.sums) / 300 > view.evaluation
    assert (float(y) < dashed) == above
    words = page.locator(f"{BASE} .chart").get_attribute("aria-label")
    assert "each of 300 masks" in words and number(view.evaluation, 4) in words


def test_hostile_names_stay_text(show):
    view = DropoutView(VALUES, WEIGHTS, names=HOSTILE[:6], neuron="<img src=x onerror=alert(1)>")
    page = show(view)
    open_twin(page)
    assert "<img src=x onerror=alert(1)>" in page.locator(BASE).inner_text()
    assert page.locator(f"{BASE} :is(img, script, b)").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_scrolls_only_inside_the_view(show, scheme):
    large = DropoutView([0.5] * 12, [1.0] * 12, neuron="a neuron with a long name of its own")
    page = show(
        make(draws=80),
        large,
        viewport={"width": 360, "height": 740},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    for details in page.locator(f"{BASE} summary").all():
        details.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".llmlab-dropout svg")].map((svg) =>
            [...svg.querySelectorAll("text")].filter((text) => {
                const { x, width } = text.getBBox();
                return x < -1 || x + width > svg.clientWidth + 1;
            }).map((text) => text.textContent))"""
    )
    assert outside == [[], [], [], []]
    colours = page.locator(BASE).first.evaluate(
        "view => [getComputedStyle(view).backgroundColor, getComputedStyle(view).color]"
    )
    background, ink = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
    assert (background > ink) == (scheme == "light")


def test_focus_is_always_visible(show):
    page = show(make())
    for selector in ("select", "input[type=range]", "input[type=number]", "button", "summary"):
        tab_to(page, f"{BASE} {selector}")
        outline = page.evaluate("getComputedStyle(document.activeElement).outline")
        assert "solid 2px" in outline
