"""TokenizerView in a real browser: its tokens, its slider, keyboard, themes, a phone."""

import pytest
from playwright.sync_api import expect

from llmlab.views.tokenizer import TokenizerView
from tests.small_tokenizers import small_tokenizers
from tests.test_tokenizer_view import HOSTILE, TEXT


@pytest.fixture(scope="module")
def view():
    return TokenizerView(TEXT, small_tokenizers())


def shown(page, row: int) -> list[str]:
    return page.locator(".llmlab-pieces").nth(row).locator(".llmlab-token").all_inner_texts()


def test_the_page_shows_every_token(show, view):
    page = show(view, from_file=True)
    for i, row in enumerate(view.rows):
        assert shown(page, i) == [token["text"] for token in row["tokens"]]
        ids = page.locator(".llmlab-pieces").nth(i).locator(".llmlab-id").all_inner_texts()
        assert ids == [str(token["id"]) for token in row["tokens"]]
    assert page.locator(".llmlab-tokenizer form").is_hidden()  # nobody answers here


def test_the_slider_goes_through_the_merges(show, view):
    page = show(view)
    slider, last = page.get_by_role("slider"), len(view.rows)
    assert shown(page, last) == [token["text"] for token in view.steps[-1]["tokens"]]
    slider.focus()
    page.keyboard.press("Home")
    assert shown(page, last) == [token["text"] for token in view.steps[0]["tokens"]]
    for step in view.steps[1:]:
        page.keyboard.press("ArrowRight")
        assert shown(page, last) == [token["text"] for token in step["tokens"]]
        words = page.locator(".llmlab-merges").inner_text()
        assert f"Merge {step['merge']} joins “{step['left']}” and “{step['right']}”" in words
        assert f"side by side {step['count']} times" in words
        assert slider.get_attribute("aria-valuetext") == f"{step['merge']} of {view.n_merges}"


def test_by_keyboard_alone(show, view):
    page = show(view)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.role") == "radio"
    page.keyboard.press("ArrowRight")
    tokens = view.rows[0]["tokens"]
    said = page.locator(".llmlab-live").inner_text()
    assert f"token 2 of {len(tokens)}: “爱”, id {tokens[1]['id']}, bytes E7 88 B1" in said
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Tab")  # the next tokenizer
    assert view.rows[1]["name"] in page.locator(".llmlab-live").inner_text()
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    count = sum(len(row["tokens"]) for row in view.rows)
    expect(page.locator("details").first.locator("tbody tr")).to_have_count(count)
    page.locator("summary").nth(1).focus()
    page.keyboard.press("Enter")
    rows = page.locator("details").nth(1).locator("tbody tr")
    expect(rows).to_have_count(len(view.steps) - 1)


def test_hostile_text_is_text(show):
    page = show(TokenizerView(HOSTILE, small_tokenizers()))
    text = "".join(shown(page, 1))
    for part in ("<img·src=x·onerror=alert(1)>", "</script>", "${}", "␀", "<bos>"):
        assert part in text
    assert page.locator(".llmlab img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(show, view, scheme):
    page = show(view, viewport={"width": 390, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".llmlab").get_attribute("data-theme") == scheme
    contrasts = page.evaluate(
        """() => [...document.querySelectorAll(".llmlab-piece, .llmlab-id")].map((part) => {
            const light = (css) => css.match(/[\\d.]+/g).slice(0, 3).map((v) => {
                const s = v / 255;
                return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
            }).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const ground = getComputedStyle(part.closest(".llmlab-piece")).backgroundColor;
            const [a, b] = [light(getComputedStyle(part).color), light(ground)].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05);
        })"""
    )
    assert min(contrasts) >= 4.5  # WCAG 2, small text
