"""ContextView in a real browser: its numbers, the keyboard, themes, a phone."""

from __future__ import annotations

import pytest

import llmlab
from llmlab.serialization import array_from_json
from llmlab.views import ContextView
from tests.small_models import HOSTILE

BASE = ".llmlab-context"


def read(model, text):
    return llmlab.trace(model, text, ("residual",))


@pytest.fixture(scope="module")
def view(gemma):
    return ContextView(read(gemma, "我喜欢吃苹果"), read(gemma, "我今天买了苹果"), word="苹果")


def rows(page, table: str) -> list[list[str]]:
    return page.locator(f"{BASE} {table} tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def test_the_page_has_the_views_numbers(show, view):
    page = show(view, from_file=True)
    place = view.shared.index("苹果")
    cosines = array_from_json(view.cosines)[place]
    others = array_from_json(view.others)[place]
    found = rows(page, ".layers")
    assert len(found) == 19 and found[0][0] == "embedding"
    for layer, (_, cosine, other, first, second) in enumerate(found):
        assert float(cosine.replace("−", "-")) == pytest.approx(float(cosines[layer]), abs=6e-4)
        assert float(other.replace("−", "-")) == pytest.approx(float(others[layer]), abs=6e-4)
        assert [first, second] == [view.leader(0, layer), view.leader(1, layer)]


def test_the_bar_ends_at_the_cosine_and_the_mark_at_the_others(show, view):
    page = show(view)
    place = view.shared.index("苹果")
    values = [array_from_json(each)[place, 13] for each in (view.cosines, view.others)]
    bar = page.locator(f"{BASE} .layers .bar").nth(13)
    styles = bar.evaluate(
        "bar => ['--share', '--others'].map(name => bar.style.getPropertyValue(name))"
    )
    assert [float(each) for each in styles] == pytest.approx([float(v) for v in values], abs=1e-5)
    mark = bar.evaluate(
        """bar => {
          const mark = getComputedStyle(bar, "::after");
          return (parseFloat(mark.left) + 1) / bar.clientWidth;
        }"""
    )
    assert mark == pytest.approx(float(values[1]), abs=0.02)


def test_by_keyboard_alone(show, view):
    page = show(view)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.role") == "radio"
    chosen = page.locator(f"{BASE} [aria-checked=true]")
    assert chosen.inner_text() == "苹果"
    page.keyboard.press("Home")
    assert chosen.inner_text() == "我"
    assert "我 after 18 layers" in page.locator(f"{BASE} .llmlab-live").inner_text()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")  # the slider
    assert "苹果 after 17 layers" in page.locator(f"{BASE} .llmlab-live").inner_text()
    assert page.locator(f"{BASE} .layers .llmlab-chosen").inner_text().startswith("17")
    assert len(rows(page, ".pair table:first-child")) == 5


def test_a_row_that_is_clicked_is_read(show, view):
    page = show(view)
    page.locator(f"{BASE} .layers tbody tr").nth(13).click()
    assert "苹果 after 13 layers" in page.locator(f"{BASE} .llmlab-live").inner_text()
    first, second = page.locator(f"{BASE} .pair table").all()
    assert view.leader(0, 13) in first.inner_text() and view.leader(1, 13) in second.inner_text()


def test_what_was_not_read_is_grey(show, gemma):
    page = show(ContextView(read(gemma, "我喜欢吃苹果"), read(gemma, "苹果公司推出新品")))
    assert page.locator(f"{BASE} .here").all_inner_texts() == ["苹果", "苹果"]
    assert page.locator(f"{BASE} .unread").all_inner_texts() == ["公司", "推出", "新品"]
    assert page.locator(f"{BASE} [role=radiogroup]").count() == 0  # nothing to choose


def test_hostile_tokens_are_text(show, gemma):
    page = show(ContextView(read(gemma, f"我{HOSTILE[1]}"), read(gemma, "我好")))
    assert page.locator(".llmlab img").count() == 0
    assert "img" in page.locator(f"{BASE} .sentences").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(show, view, exported, scheme):
    phone = {"width": 360, "height": 800}
    page = show(view, models=[exported], viewport=phone, color_scheme=scheme)
    page.wait_for_selector(".llmlab-form")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(f"section{BASE}").get_attribute("data-theme") == scheme


def test_sentences_that_share_nothing_are_told_of(show, mini, exported):
    view = ContextView(read(mini, "我喜欢吃苹果"), read(mini, "他把苹果给了小李"))
    page = show(view, models=[exported])
    form = page.locator(".llmlab-form")
    form.wait_for()
    assert form.locator("textarea").input_value() == "我喜欢吃苹果\n他把苹果给了小李"
    for text, message in (
        ("我喜欢吃苹果", "Give two sentences"),
        ("你好/天气", "share no token"),
        ("门/门", "the same token and nothing else"),
        (f"{'门 ' * 40}/门", "at most 32"),
    ):
        form.locator("textarea").fill(text)
        form.locator(".start").click()
        page.wait_for_function(
            "words => document.querySelector('.llmlab-form .llmlab-live').innerText.includes(words)",
            arg=message,
        )
        assert page.locator(f"{BASE} .layers tbody tr").count() == 6  # the stored one still stands
