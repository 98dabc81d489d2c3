"""EmbeddingView in a real browser: its numbers against torch's, keyboard, themes, a phone."""

import pytest
import torch.nn.functional as F
from playwright.sync_api import expect

from llmlab.views.embedding import EmbeddingView

WORDS = ["学习", "训练", "教育", "机器学习", "国王", "女王", "猫", "狗"]


@pytest.fixture(scope="module")
def view(gemma):  # noqa: F811
    return EmbeddingView(gemma, WORDS, neighbours=6)


@pytest.fixture(scope="module")
def table(reference_gemma):  # noqa: F811
    return reference_gemma.get_input_embeddings().weight


def written(text: str) -> float:
    return float(text.replace("−", "-"))


def test_the_page_shows_torchs_cosines(show, view, table, gemma):  # noqa: F811
    page = show(view, from_file=True)
    vectors = [table[gemma.tokenizer.encode(word)].mean(dim=0) for word in WORDS]
    cells = page.locator(".llmlab-heat td").all_inner_texts()
    assert len(cells) == len(WORDS) ** 2
    for index, text in enumerate(cells):
        row, column = divmod(index, len(WORDS))
        expected = F.cosine_similarity(vectors[row], vectors[column], dim=0)
        assert written(text) == pytest.approx(float(expected), abs=6e-4)


def test_neighbours_follow_the_word(show, view, table, gemma):  # noqa: F811
    page = show(view)
    for place in (6, 1):
        page.get_by_role("radio", name=WORDS[place], exact=True).click()
        (own,) = gemma.tokenizer.encode(WORDS[place])
        rows = page.locator(".llmlab-neighbours tbody tr")
        assert rows.count() == 6
        for row in rows.all():
            token, id, cosine = row.locator("th, td").all_inner_texts()
            expected = F.cosine_similarity(table[int(id)], table[own], dim=0)
            assert written(cosine) == pytest.approx(float(expected), abs=6e-4)
        assert WORDS[place] in page.locator(".llmlab-live").inner_text()


def test_by_keyboard_alone(show, view):
    page = show(view)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.role") == "radio"
    page.keyboard.press("ArrowRight")
    assert f"“{WORDS[1]}”" in page.locator(".llmlab-live").inner_text()
    page.keyboard.press("End")
    assert f"“{WORDS[-1]}”" in page.locator(".llmlab-live").inner_text()
    page.keyboard.press("Tab")  # the box that scrolls on a phone
    page.keyboard.press("Tab")  # the matrix
    assert page.evaluate("document.activeElement.tagName") == "TD"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    said = page.locator(".llmlab-live").inner_text()
    assert WORDS[2] in said and WORDS[1] in said and "cosine 0." in said
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    # The rows come with the toggle event, which a browser sends after the key's own.
    expect(page.locator("details tbody tr")).to_have_count(len(view.points))


def test_the_map_says_how_little_two_axes_show(show, view):
    page = show(view)
    share = 100 * sum(view.explained_variance)
    text = page.locator(".llmlab-map").inner_text()
    assert f"{share:.1f} % of their variance" in text and "640 dimensions" in text
    assert page.locator(".llmlab-map circle").count() == len(view.points)


@pytest.mark.parametrize("width", [1280, 390])
def test_labels_of_the_map_do_not_cover_each_other(show, view, width):
    page = show(view, viewport={"width": width, "height": 900})
    boxes = page.evaluate(
        """() => [...document.querySelectorAll(".llmlab-map text")].map((text) => {
            const { x, y, width, height } = text.getBBox();
            return [x, y + 0.15 * height, x + width, y + 0.85 * height];
        })"""
    )
    assert len(boxes) >= len(WORDS)
    covering = [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
    assert not covering


def test_hostile_words_are_text(show, gemma):  # noqa: F811
    words = ["<img src=x onerror=alert(1)>", "</script>", "${}", "\u202eabc", "\0", "\ud800"]
    page = show(EmbeddingView(gemma, words, neighbours=2))
    text = page.locator(".llmlab-words").inner_text()
    for shown in ("<img·src=x·onerror=alert(1)>", "</script>", "${}", "U+202Eabc", "␀", "U+D800"):
        assert shown in text
    assert page.locator(".llmlab img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(show, view, scheme):
    page = show(view, viewport={"width": 390, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".llmlab").get_attribute("data-theme") == scheme
    colours = page.evaluate(
        """() => { const cell = getComputedStyle(document.querySelectorAll(".llmlab-heat td")[1]);
            return [cell.color, cell.backgroundColor]; }"""
    )
    assert colours[0] != colours[1]
