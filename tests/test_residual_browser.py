"""ResidualView on a page without a kernel: its numbers, its keyboard, its looks."""

from __future__ import annotations

import re

import pytest

import llmlab
from llmlab.attribution import RECORD, logit_contributions
from llmlab.serialization import array_from_json
from llmlab.views import ResidualView, visible
from llmlab.views.base import percent
from tests.small_models import HOSTILE
from tests.test_attention_view_browser import press, rows_of, tab_to, value
from tests.test_residual_view import traced

BASE = ".llmlab-residual"


@pytest.fixture(scope="module")
def gate(gemma):
    """Gemma's trace of 我爱北京天安."""
    return llmlab.trace(gemma, "我爱北京天安", record=(*RECORD, "logits"))


@pytest.fixture(scope="module")
def view(gate):
    return ResidualView(gate)


@pytest.fixture(autouse=True)
def begin_at_the_end(view):
    view.layer, view.position, view.target = 18, 5, None


def live(page) -> str:
    return page.locator(f"{BASE} .llmlab-live").inner_text()


def follow(page):
    return page.get_by_label("Follow the token")


def open_twin(page) -> list[list[str]]:
    page.locator(f"{BASE} summary").click()
    page.wait_for_selector(f"{BASE} details table")
    return rows_of(page, f"{BASE} details")


def test_grid_has_the_lens_of_the_trace(show, view, gate):
    """Every cell against what the trace itself reads out."""
    page = show(view, from_file=True)
    rows = rows_of(page, f"{BASE} .lens")
    assert [row[0] for row in rows] == ["embedding", *map(str, range(1, 19))]
    for position in range(6):
        for layer, (best,) in enumerate(gate.lens(position, k=1)):
            text = rows[layer][position + 1]
            assert text == f"{visible(best.text)}{best.probability * 100:.0f}"
    headers = page.locator(f"{BASE} .lens thead th").all_inner_texts()
    assert headers == [visible(token.text) for token in gate.tokens]


def test_keyboard_moves_the_chosen_cell(show, view, gate):
    page = show(view)
    tab_to(page, f"{BASE} .lens")
    assert live(page) == "安, after 18 layers: 门 leads with 97.2 %"
    press(page, *["ArrowUp"] * 5)
    assert live(page) == "安, after 13 layers: 门 leads with 37.0 %"
    rows = rows_of(page, f"{BASE} .top-table")
    expected = gate.lens(-1, k=5)[13]
    assert [row[0] for row in rows] == [visible(row.text) for row in expected]
    for row, best in zip(rows, expected):
        assert value(row[1]) == pytest.approx(best.probability * 100, abs=0.006)
    press(page, "ArrowLeft", "ArrowLeft")
    best = gate.lens(3, k=1)[13][0]
    assert live(page) == f"北京, after 13 layers: {best.text} leads with {percent(best.probability)}"
    press(page, "Control+Home")
    assert live(page).startswith("<bos>, at the embedding: <bos> leads with 100.0 %")
    selected = page.locator(f"{BASE} .lens [aria-selected=true]")
    assert selected.count() == 1
    assert selected.get_attribute("aria-label") == live(page)


def test_pointer_reads_and_chooses(show, view, gate):
    page = show(view)
    cell = page.locator(f"{BASE} .lens tbody tr").nth(16).locator("td").nth(5)
    cell.hover()
    assert live(page) == "安, after 16 layers: 门 leads with 75.2 %"
    assert cell.get_attribute("aria-selected") == "false"
    page.locator(f"{BASE} header").hover()
    assert live(page).startswith("安, after 18 layers")
    cell.click()
    assert cell.get_attribute("aria-selected") == "true"
    assert page.locator(f"{BASE} .reading .llmlab-quiet").inner_text().startswith("门 has 75.2 %")


def test_twin_has_torchs_contributions(show, view, gate, gemma):
    page = show(view)
    *rows, total = open_twin(page)
    (gate_id,) = gemma.tokenizer.encode("门")
    (parts,) = logit_contributions(gate, [gate_id]).tolist()
    shares = [row[1] for row in rows]
    assert shares[0] == "安" and shares[-1] == "门"
    assert value(rows[0][4]) == pytest.approx(parts[0], abs=0.006)
    for layer in range(1, 19):
        assert value(rows[layer][5]) == pytest.approx(parts[2 * layer - 1], abs=0.006)
        assert value(rows[layer][6]) == pytest.approx(parts[2 * layer], abs=0.006)
    assert value(rows[16][3]) == pytest.approx(75.2, abs=0.06)
    logit = gate.logits[-1, gate_id].item()
    assert sum(map(value, total[4:])) == pytest.approx(logit, abs=0.02)
    said = page.locator(f"{BASE} .sum").inner_text()
    assert said.endswith(f"= {logit:.2f}. The logit of 门 is {logit:.2f}.")


def test_charts_are_drawn_from_the_numbers(show, view):
    page = show(view)
    pair, _ = view._followed()
    through = array_from_json(view.target_probabilities)[pair].tolist()
    dots = page.eval_on_selector_all(
        f"{BASE} .share-dot", "dots => dots.map(dot => [+dot.dataset.value, +dot.getAttribute('cy')])"
    )
    assert [dot[0] for dot in dots] == pytest.approx(through)
    lowest, highest = max(dot[1] for dot in dots), min(dot[1] for dot in dots)
    unit = (lowest - highest) / (max(through) - min(through))
    for share, y in dots:
        assert (lowest - y) / unit == pytest.approx(share - min(through), abs=0.01)
    parts = array_from_json(view.contributions)[pair].tolist()
    bars = page.eval_on_selector_all(
        f"{BASE} .chart .part",
        "bars => bars.map(bar => [+bar.dataset.value, +bar.getAttribute('height')])",
    )
    assert [bar[0] for bar in bars] == pytest.approx(parts[:-1])
    tallest = max(bars, key=lambda bar: bar[1])
    for size, height in bars:
        assert height == pytest.approx(abs(size) * tallest[1] / abs(tallest[0]), abs=0.11)
    label = page.locator(f"{BASE} .chart").get_attribute("aria-label")
    assert label.startswith("门 through the layers: ") and "97.2 % at the end" in label


def test_another_token_can_be_followed_by_keyboard(show, view, gate, gemma):
    page = show(view)
    tab_to(page, f"{BASE} select")
    press(page, "ArrowDown")
    second = gate.top(2)[1]
    label = f"{visible(second.text)} ({percent(second.probability)} at the end)"
    assert follow(page).locator("option:checked").inner_text() == label
    (parts,) = logit_contributions(gate, [second.id]).tolist()
    bars = page.eval_on_selector_all(
        f"{BASE} .chart .part", "bars => bars.map(bar => +bar.dataset.value)"
    )
    assert bars == pytest.approx(parts[:-1], abs=1e-4)
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    # At another position the list is another one, and the winner there is followed.
    page.locator(f"{BASE} .lens tbody tr").nth(18).locator("td").nth(0).click()
    first = gate.top(1, position=0)[0]
    assert follow(page).locator("option:checked").inner_text().startswith(visible(first.text))


def test_trace_without_parts_says_so(show, gemma):
    shown = ResidualView(llmlab.trace(gemma, "好", record=("residual",)))
    page = show(shown)
    assert "was not recorded in this trace" in page.locator(BASE).inner_text()
    assert page.locator(f"{BASE} .part").count() == 0
    assert len(open_twin(page)[0]) == 4


def test_a_model_with_a_norm_after_each_sum_says_so(show):
    page = show(ResidualView(traced(norm_placement="post")))
    assert "in this model the logit is not a sum" in page.locator(BASE).inner_text()


def test_hostile_tokens_stay_text(show):
    page = show(ResidualView(traced(HOSTILE)))
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    open_twin(page)
    shown = page.locator(f"{BASE} .lens thead .llmlab-token").all_text_contents()
    assert shown == [visible(text) for text in HOSTILE]
    for position in range(len(HOSTILE)):
        page.locator(f"{BASE} .lens tbody tr").first.locator("td").nth(position).click()
    assert page.locator(f"{BASE} :is(img, script, b)").count() == 0
    assert not dialogs


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_scrolls_only_inside_the_view(show, view, scheme):
    page = show(
        view,
        viewport={"width": 360, "height": 740},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    open_twin(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # The chosen cell is in sight without scrolling by hand, once the view knows its width.
    page.wait_for_function(
        """s => { const { left, right } = document.querySelector(s).getBoundingClientRect();
            return 0 <= left && right <= 360; }""",
        arg=f"{BASE} .lens [aria-selected=true]",
    )
    tab_to(page, f"{BASE} .lens")
    press(page, "Home")
    box = page.locator(f"{BASE} .lens-box").evaluate("box => box.scrollLeft")
    assert box == 0
    colours = page.locator(BASE).evaluate(
        "view => [getComputedStyle(view).backgroundColor, getComputedStyle(view).color]"
    )
    background, ink = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
    assert (background > ink) == (scheme == "light")


def test_cells_are_shaded_by_their_probability(show, view):
    """The darker a cell on a light page, the more probable its token."""
    page = show(view, color_scheme="light")
    cells = page.eval_on_selector_all(
        f"{BASE} .lens td[role=gridcell]",
        "cells => cells.map(cell => getComputedStyle(cell).backgroundColor)",
    )
    light = [sum(map(int, re.findall(r"\d+", cell)[:3])) for cell in cells]
    leading = array_from_json(view.probabilities)[..., 0].flatten().tolist()
    in_order = [lightness for _, lightness in sorted(zip(leading, light))]
    assert all(a >= b for a, b in zip(in_order, in_order[1:]))


def test_theme_of_the_page_is_followed(show, view):
    page = show(view, color_scheme="light")
    assert page.locator(BASE).get_attribute("data-theme") == "light"
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_selector(f"{BASE}[data-theme=dark]")


def test_focus_is_always_visible(show, view):
    page = show(view)
    for selector in (".lens", "select", "summary"):
        tab_to(page, f"{BASE} {selector}")
        outline = page.evaluate("getComputedStyle(document.activeElement).outline")
        assert "solid 2px" in outline
