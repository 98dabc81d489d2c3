"""AttentionView on a page without a kernel: its numbers, its keyboard, its looks."""

from __future__ import annotations

import math
import re

import pytest

import llmlab
from llmlab.views import AttentionView, visible
from llmlab.views.base import percent
from tests.small_models import HOSTILE, small_trace, small_translation

BASE = ".llmlab-attention"


@pytest.fixture(scope="module")
def apple():
    """Gemma's trace of 我喜欢吃苹果: <bos>, 我, 喜欢, 吃, 苹果."""
    model = llmlab.load("gemma-3-270m", dtype="float32")
    return llmlab.trace(model, "我喜欢吃苹果", record=("attention", "scores"))


def value(text: str) -> float:
    """The number in a cell: "−1.015" is -1.015, "75.44 %" is 75.44, "< 0.01 %" is 0."""
    return 0.0 if text.startswith("<") else float(text.replace("−", "-").removesuffix(" %"))


def rows_of(page, selector: str) -> list[list[str]]:
    """The texts of a table's body cells, headers included."""
    return page.eval_on_selector_all(
        f"{selector} tbody tr",
        "rows => rows.map(row => [...row.children].map(cell => cell.textContent))",
    )


def open_twin(page) -> None:
    page.locator(f"{BASE} summary").click()
    page.wait_for_selector(f"{BASE} details table")


def live(page) -> str:
    return page.locator(f"{BASE} .llmlab-live").inner_text()


def active(page) -> str:
    """What the keyboard is on, in words."""
    return page.evaluate(
        "(({ ariaLabel, textContent }) => ariaLabel || textContent)(document.activeElement)"
    )


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page, selector: str) -> None:
    """Tab forward until the focus is in an element; fails after a whole round."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("s => !!document.activeElement.closest(s)", selector):
            return
    pytest.fail(f"Tab never reaches {selector}")


def test_table_twin_has_the_models_weights(show, apple):
    page = show(AttentionView(apple, layer=2, head=3), from_file=True)
    open_twin(page)
    rows = rows_of(page, f"{BASE} details")
    weights = (100 * apple.attention[2, 3]).tolist()
    assert [row[0] for row in rows] == [token.text for token in apple.tokens]
    for query, row in enumerate(rows):
        for key, text in enumerate(row[1:]):
            if key > query:
                assert text == "masked"
            else:
                assert value(text) == pytest.approx(weights[query][key], abs=0.006)


def test_keyboard_reads_the_exact_weight(show, apple):
    """苹果 looks at 吃 with 0.75 in layer 2, head 3."""
    page = show(AttentionView(apple))
    tab_to(page, f"{BASE} .head-grid")
    assert active(page).startswith("layer 0, head 0.")
    press(page, "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "Enter")
    assert page.locator(f"{BASE} .chosen-map h4").inner_text() == "Layer 2, head 3"
    tab_to(page, f"{BASE} .map")
    press(page, "Control+End", "ArrowLeft")
    weight = apple.attention[2, 3, 4, 3].item()
    assert weight == pytest.approx(0.75, abs=0.01)
    assert live(page) == f"苹果 looks at 吃 with {percent(weight)} (weight {weight:.4f})"
    press(page, "ArrowUp", "ArrowRight")
    assert live(page) == "Masked: 吃 cannot look at 苹果, which comes later"


def test_cross_attention_leads_from_the_target_to_the_source(show):
    trace = small_translation()
    weights = trace.cross_attention
    page = show(AttentionView(trace, kind="cross", layer=1, head=0, query=2), from_file=True)
    assert page.locator(f"{BASE} h3").inner_text() == "Cross-attention in small"
    size = page.locator(f"{BASE} header p").inner_text()
    assert "7 tokens of the decoder look at 5 of the encoder" in size
    assert page.locator(f"{BASE} .map tbody tr").count() == 7
    assert page.locator(f"{BASE} .map thead th").count() == 5
    tab_to(page, f"{BASE} .map")
    press(page, "Control+End")
    weight = weights[1, 0, 6, 4].item()
    assert live(page) == f". looks at 苹果 with {percent(weight)} (weight {weight:.4f})"
    press(page, "Enter")
    assert live(page).startswith(". looks most at")
    shares = page.locator(f"{BASE} .source-line .share").all_inner_texts()
    assert shares == [percent(share) for share in weights[1, 0, 6].tolist()]
    assert page.locator(f"{BASE} svg.arcs path").count() == 5
    page.locator(f"{BASE} .token-line button").first.click()
    shares = page.locator(f"{BASE} .source-line .share").all_inner_texts()
    assert shares == [percent(share) for share in weights[1, 0, 0].tolist()]
    open_twin(page)
    rows = rows_of(page, f"{BASE} details")
    assert [row[0] for row in rows] == [visible(token.text) for token in trace.tokens]
    for row, expected in zip(rows, (100 * weights[1, 0]).tolist(), strict=True):
        assert [value(text) for text in row[1:]] == pytest.approx(expected, abs=0.006)
    assert not page.locator(f"{BASE} .steps").is_visible()


def test_pointer_reads_the_exact_weight(show, apple):
    page = show(AttentionView(apple, layer=8, head=0))
    cells = page.locator(f"{BASE} .map tbody tr:nth-child(4) td")
    cells.nth(1).hover()
    weight = apple.attention[8, 0, 3, 1].item()
    assert live(page) == f"吃 looks at 我 with {percent(weight)} (weight {weight:.4f})"
    page.locator(f"{BASE} header").hover()
    assert live(page).startswith("苹果 looks most at")


def test_every_head_can_be_chosen_and_says_its_peak(show, apple):
    page = show(AttentionView(apple))
    labels = page.eval_on_selector_all(
        f"{BASE} .head-cell", "cells => cells.map(cell => cell.getAttribute('aria-label'))"
    )
    texts = [token.text for token in apple.tokens]
    assert len(labels) == 18 * 4
    for index, label in enumerate(labels):
        layer, head = index % 18, index // 18
        weights = apple.attention[layer, head]
        place, peak = re.fullmatch(r"(layer \d+, head \d+)\. Strongest: (.*)", label).groups()
        assert place == f"layer {layer}, head {head}"
        query, key, share = re.fullmatch(r"(.+) looks at (.+) with (.+)", peak).groups()
        assert weights[texts.index(query), texts.index(key)] == weights.max()
        assert share == percent(weights.max().item())
    page.locator(f"{BASE} .head-cell").nth(3 * 18 + 2).click()
    assert page.locator(f"{BASE} .chosen-map h4").inner_text() == "Layer 2, head 3"


def test_small_maps_are_drawn_from_the_weights(show, apple):
    """The lighter a pixel, the smaller the weight."""
    page = show(AttentionView(apple))
    script = """canvas => [...canvas.getContext("2d").getImageData(0, 0, 5, 5).data]"""
    for layer, head in ((0, 1), (2, 3), (17, 1)):
        canvas = page.locator(f"{BASE} .head-cell canvas").nth(head * 18 + layer)
        pixels = canvas.evaluate(script)
        lightness = [sum(pixels[4 * i : 4 * i + 3]) for i in range(25)]
        by_weight = sorted(
            range(25), key=lambda i: apple.attention[layer, head].flatten()[i].item()
        )
        in_order = [lightness[i] for i in by_weight]
        assert in_order == sorted(in_order, reverse=True)
        assert in_order[0] == 3 * 255


def test_steps_lead_from_the_scores_to_the_weights(show, apple):
    """Softmax taken here of the numbers read off the page gives the model's weights."""
    view = AttentionView(apple, layer=2, head=3, query=3)
    page = show(view)
    *rows, total = rows_of(page, f"{BASE} .steps")
    scores, weights = apple.scores[2, 3, 3], apple.attention[2, 3, 3]
    scale = apple.config.attention_scale
    assert page.locator(f"{BASE} .steps thead th").nth(2).inner_text() == f"× {scale:g}"
    for key, (_, score, scaled, masked, exp, weight) in enumerate(rows):
        assert value(score) == pytest.approx(scores[key].item(), abs=6e-4)
        assert value(scaled) == pytest.approx(scores[key].item() * scale, abs=6e-4)
        assert masked == ("masked: later" if key > 3 else scaled)
        assert value(weight) == pytest.approx(100 * weights[key].item(), abs=0.006)
        assert value(exp) == 0 or key <= 3
    exps = [math.exp(value(masked)) for _, _, _, masked, _, _ in rows[:4]]
    for (*_, weight), each in zip(rows, exps):
        assert value(weight) == pytest.approx(100 * each / sum(exps), abs=0.1)
    assert total[0] == "sum"
    assert value(total[-1]) == 100
    note = page.locator(f"{BASE} .steps p").inner_text()
    assert float(re.search(r"at most ([\d.e+-]+)\.", note)[1]) < 1e-6


def test_hiding_bos_says_what_is_hidden(show, apple):
    page = show(AttentionView(apple, layer=2, head=3))
    hide = page.get_by_label("hide <bos>")
    tab_to(page, "input[type=checkbox]")
    press(page, "Space")
    assert hide.is_checked()
    said = page.locator(f"{BASE} .about-bos").inner_text()
    on_bos = apple.attention[2, 3, 4, 0].item()
    mean = apple.attention[2, 3, 1:, 0].mean().item()
    assert f"<bos> gets {percent(on_bos)} of the attention of 苹果" in said
    assert f"{percent(mean)} of the other tokens’ attention" in said
    assert f"not rescaled: what is left of the row adds up to {percent(1 - on_bos)}" in said
    headers = page.locator(f"{BASE} .map thead th:visible")
    assert headers.all_inner_texts() == ["我", "喜欢", "吃", "苹果"]
    numbers = page.locator(f"{BASE} .map tbody tr:last-child td:visible").all_inner_texts()
    assert numbers[2] == f"{apple.attention[2, 3, 4, 3] * 100:.0f}"
    assert len(page.locator(f"{BASE} .arcs path").all()) == 4
    # The steps still need every key.
    assert len(rows_of(page, f"{BASE} .steps")) == 6
    press(page, "Space")
    assert headers.count() == 5


def test_hiding_the_row_of_the_query_moves_the_query(show, apple):
    page = show(AttentionView(apple, query=0))
    page.get_by_label("hide <bos>").check()
    assert live(page).startswith("苹果 looks most at")


def test_arcs_follow_the_query_chosen_by_keyboard(show, apple):
    page = show(AttentionView(apple, layer=2, head=3))
    tab_to(page, f"{BASE} .token-line")
    press(page, "ArrowLeft", "Enter")
    weights = sorted(apple.attention[2, 3, 3, :4].tolist())
    widths = page.eval_on_selector_all(
        f"{BASE} .arcs path", "paths => paths.map(path => +path.getAttribute('stroke-width'))"
    )
    assert widths == sorted(widths)
    thinnest = 0.75
    for width, weight in zip(widths, weights, strict=True):
        assert (width - thinnest) / 11 == pytest.approx(weight, abs=0.001)
    label = page.locator(f"{BASE} .arcs").get_attribute("aria-label")
    assert label.startswith(f"Arcs from 吃: 喜欢 {percent(weights[-1])}")
    shares = page.locator(f"{BASE} .token-line .share").all_inner_texts()
    assert shares == [*(percent(w) for w in apple.attention[2, 3, 3, :4].tolist()), "–"]
    assert page.locator(f"{BASE} .steps h4").inner_text().endswith("for the query 吃")


def test_window_is_explained(show):
    """What a layer's sliding window keeps out of reach is masked, and said to be."""
    trace = small_trace(sliding_window=2, global_layers=(2,))
    page = show(AttentionView(trace, layer=0, head=0))
    after_mask = [row[3] for row in rows_of(page, f"{BASE} .steps")[:-1]]
    assert after_mask[:3] == ["masked: too far"] * 3
    assert not any("masked" in text for text in after_mask[3:])
    tab_to(page, f"{BASE} .map")
    press(page, "Control+End", "Home")
    assert live(page) == "Masked: <bos> is out of reach for 苹果; this layer reaches 2 tokens back"
    note = page.locator(f"{BASE} .steps p").inner_text()
    assert float(re.search(r"at most ([\d.e+-]+)\.", note)[1]) < 1e-6


def test_encoder_looks_both_ways(show):
    page = show(AttentionView(small_trace(architecture="encoder"), query=0))
    assert "masked" not in page.locator(f"{BASE} .steps table").inner_text()
    assert "–" not in page.locator(f"{BASE} .token-line .share").all_inner_texts()


def test_repeated_tokens_are_told_apart(show):
    page = show(AttentionView(small_trace(("<bos>", "a", "b", "a")), query=-1))
    assert live(page).startswith("a (3) looks most at")


def test_hostile_tokens_stay_text(show):
    trace = small_trace(HOSTILE)
    page = show(AttentionView(trace))
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    open_twin(page)
    for selector in ("details tbody th", ".map tbody th", ".token-line .llmlab-token"):
        shown = page.locator(f"{BASE} {selector}").all_text_contents()
        assert shown == [visible(text) for text in HOSTILE]
    for position in range(len(HOSTILE)):
        page.locator(f"{BASE} .token-line button").nth(position).click()
    assert page.locator(f"{BASE} :is(img, script, b)").count() == 0
    assert not dialogs


def test_trace_without_scores_says_so(show):
    page = show(AttentionView(small_trace(record=("attention",))))
    assert "were not recorded" in page.locator(f"{BASE} .steps").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_scrolls_only_inside_the_view(show, apple, scheme):
    page = show(
        AttentionView(apple, layer=2, head=3),
        viewport={"width": 390, "height": 844},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    open_twin(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # The chosen query is in sight without scrolling by hand, once the view knows its width.
    page.wait_for_function(
        """s => { const { left, right } = document.querySelector(s).getBoundingClientRect();
            return 0 <= left && right <= 390; }""",
        arg=f"{BASE} .token-line [aria-checked=true]",
    )
    colours = page.locator(BASE).evaluate(
        "view => [getComputedStyle(view).backgroundColor, getComputedStyle(view).color]"
    )
    background, ink = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
    assert (background > ink) == (scheme == "light")


def test_theme_of_the_page_is_followed(show, apple):
    """The book sets data-theme on <html>; JupyterLab sets data-jp-theme-light on <body>."""
    page = show(AttentionView(apple), color_scheme="light")
    theme = page.locator(BASE).get_attribute
    assert theme("data-theme") == "light"
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_selector(f"{BASE}[data-theme=dark]")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.wait_for_selector(f"{BASE}[data-theme=light]")


def test_focus_is_always_visible(show, apple):
    page = show(AttentionView(apple))
    parts = ("input[type=checkbox]", ".head-grid", ".map", ".token-line", ".steps", "summary")
    for selector in parts:
        tab_to(page, f"{BASE} {selector}")
        outline = page.evaluate("getComputedStyle(document.activeElement).outline")
        assert "solid 2px" in outline
