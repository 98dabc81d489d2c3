"""Views that run a model in the page: what they show is what Python shows of the same text."""

from __future__ import annotations

import re

import pytest

import llmlab
from llmlab.attribution import RECORD as PARTS
from llmlab.views.base import percent

STORED = "我爱北京天安"
TYPED = "今天天气真好，适合去"
WORDS = "国王,女王,男人,女人"
HOSTILE = "<img src=x onerror=\"document.title='broken'\">‮</script>"


def attention_view(model, text):
    return llmlab.AttentionView(llmlab.trace(model, text, ("attention", "scores")), 3, 2)


def residual_view(model, text):
    return llmlab.ResidualView(llmlab.trace(model, text, ("residual", *PARTS)))


def next_token_view(model, text):
    return llmlab.NextTokenView(llmlab.generate(model, text, 12, seed=0))


def embedding_view(model, text):
    return llmlab.EmbeddingView(model, text.split(","))


def context_view(model, text):
    traces = (llmlab.trace(model, sentence, ("residual",)) for sentence in text.split("\n"))
    return llmlab.ContextView(*traces)


VIEWS = {
    "attention": (attention_view, STORED, TYPED),
    "residual": (residual_view, STORED, TYPED),
    "next_token": (next_token_view, STORED, TYPED),
    "embedding": (embedding_view, "学习,训练,苹果", WORDS),
    "context": (context_view, "我喜欢吃苹果\n苹果公司推出新品", "她喜欢吃香蕉\n他把香蕉给了小李"),
}


def run(page, text: str) -> str:
    """Type a text into the first form, press its button, and wait for what it says at the end."""
    form = page.locator(".llmlab-form").first
    form.locator("textarea").fill(text)
    form.locator(".start").click()
    return said(page)


def said(page) -> str:
    page.wait_for_function(
        """() => {
          const form = document.querySelector(".llmlab-form");
          const words = form.querySelector(".llmlab-live");
          const isOver = /Computed|Stopped/.test(words.textContent);
          return isOver || words.classList.contains("llmlab-problem");
        }"""
    )
    return page.locator(".llmlab-form .llmlab-live").first.inner_text()


def tables(page) -> list[list[str]]:
    """The rows of all tables of the view, the folded ones opened."""
    for details in page.locator(".llmlab-view details:not([open]) > summary").all():
        details.click()
    page.wait_for_function(
        """() => [...document.querySelectorAll(".llmlab-view details[open]")].every(
          details => details.children.length > 1)"""
    )
    return page.locator(".llmlab-view section.llmlab:not(.llmlab-changes) table tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def close(found: str, wanted: str) -> bool:
    """Whether two cells say the same: texts equal, numbers within a few of their last digits."""
    numbers = [re.fullmatch(r"(?:< )?([+−-]?[\d.,]+)( %)?(\n.*)?", cell) for cell in (found, wanted)]
    if not all(numbers):
        return found == wanted
    ours, theirs = (float(n[1].replace("−", "-").replace(",", "")) for n in numbers)
    return abs(ours - theirs) <= max(0.06, 2e-3 * abs(theirs))


@pytest.mark.parametrize("from_file", [False, True])
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_of_a_typed_text_is_pythons(show, mini, exported, name, from_file):
    make, stored, typed = VIEWS[name]
    expected = tables(show(make(mini, typed)))
    page = show(make(mini, stored), models=[exported], from_file=from_file)
    page.wait_for_selector(".llmlab-form")
    before = tables(page)
    assert "Computed in this page by mini" in run(page, typed)
    found = tables(page)
    assert found != before
    assert len(found) == len(expected) > 5
    differing = [
        (ours, theirs)
        for ours, theirs in zip(found, expected, strict=True)
        if not all(map(close, ours, theirs))  # ours may end with a button, "Take it"
    ]
    # Two tokens that are as likely may change places.
    assert len(differing) <= len(expected) // 50, differing


def test_another_token_leads_where_python_goes(show, mini, exported):
    page = show(next_token_view(mini, STORED), models=[exported])
    page.wait_for_selector(".llmlab-form")
    assert page.get_by_role("button", name="Take").count() == 0  # a stored run has no model
    run(page, TYPED)
    expected = next_token_view(mini, TYPED)
    taken = expected.run.steps[0].candidates[1]
    branch = expected.choose(taken.id, step=0)
    page.get_by_role("button", name="Take").nth(1).click()
    page.wait_for_selector(".llmlab-branches select")
    chips = page.locator(".llmlab-text .llmlab-chip").all_inner_texts()
    assert "".join(chips) == "".join(token.text for token in branch.tokens)
    page.locator(".llmlab-branches select").select_option("0")
    chips = page.locator(".llmlab-text .llmlab-chip").all_inner_texts()
    assert "".join(chips) == "".join(token.text for token in expected.runs[0].tokens)


def test_a_head_switched_off_changes_the_answer_and_comes_back(show, mini, exported):
    page = show(attention_view(mini, STORED), models=[exported])
    page.wait_for_selector(".llmlab-form")
    assert not page.get_by_role("button", name="Switch off head").is_visible()
    run(page, TYPED)  # an answer that is open enough for one head to move it
    assert page.locator(".llmlab-changes table").count() == 0
    page.get_by_role("button", name="Switch off head 2 of layer 3").click()
    page.wait_for_selector(".llmlab-changes table")
    rows = page.locator(".llmlab-changes tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    assert rows[0][0] == "散步" and rows[0][1] != rows[0][2]
    block = mini.transformer.blocks[3].attention
    width = mini.config.d_head

    def silence(_, arguments):
        joined = arguments[0].clone()
        joined[..., 2 * width : 3 * width] = 0
        return (joined, *arguments[1:])

    with block.output.register_forward_pre_hook(silence):
        changed = llmlab.trace(mini, TYPED, ("logits",)).top(5)
    likely = [row for row in changed if row.probability > 0.02]
    assert likely
    for row in likely:
        (found,) = [cells for cells in rows if cells[0] == row.text]
        assert close(found[2], percent(row.probability))
    page.get_by_role("button", name="Switch head 2 of layer 3 on again").click()
    page.wait_for_function("() => !document.querySelector('.llmlab-changes table')")


def test_without_the_mask_tokens_look_ahead(show, mini, exported):
    page = show(attention_view(mini, STORED), models=[exported])
    page.wait_for_selector(".llmlab-form")
    run(page, STORED)
    assert "masked" in str(tables(page))
    page.get_by_label("mask: no token sees a later one").uncheck()
    page.wait_for_selector(".llmlab-changes table")
    assert "masked" not in str(tables(page))


@pytest.mark.parametrize("text", [HOSTILE, "天" * 300])
def test_bad_text_is_text_or_a_sentence(show, mini, exported, text):
    page = show(attention_view(mini, STORED), models=[exported])
    page.wait_for_selector(".llmlab-form")
    answer = run(page, text)
    if text == HOSTILE:
        assert "Computed" in answer
    else:
        assert "a map is drawn for at most 128" in answer
        assert "我" in page.locator("section.llmlab").first.inner_text()
    assert page.title() == "Views"
    assert page.locator(".llmlab-view img").count() == 0
    assert "Computed" in run(page, TYPED)


def test_an_empty_text_and_a_missing_model_are_said(browser, mini, exported, tmp_path):
    from llmlab.book.standalone import write_page
    from tests.conftest import serve

    write_page(tmp_path, [residual_view(mini, STORED)], models=[exported])
    weights = next((tmp_path / "llmlab" / "models").glob("*/weights-00.bin.gz"))
    kept = weights.read_bytes()
    weights.unlink()
    page = browser.new_page()  # without the watch: the missing file is the point
    page.goto(f"{serve(tmp_path)}/index.html")
    page.locator(".llmlab-view").scroll_into_view_if_needed()
    page.wait_for_selector(".llmlab-form")
    before = page.locator("section.llmlab").first.inner_text()
    assert "weights-00.bin.gz is not there (404)" in run(page, TYPED)
    assert page.locator("section.llmlab").first.inner_text() == before
    weights.write_bytes(kept)
    assert "Computed" in run(page, TYPED)
    assert "The text is empty" in run(page, "")
    page.close()


def test_the_keyboard_alone_runs(show, mini, exported):
    page = show(next_token_view(mini, STORED), models=[exported])
    page.wait_for_selector(".llmlab-form")
    field = page.locator(".llmlab-form textarea")
    field.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("国王")
    page.keyboard.press("Enter")
    assert "It wrote" in said(page)


def test_a_run_is_stopped_while_its_model_still_loads(show, mini, exported):
    page = show(next_token_view(mini, STORED), models=[exported])
    page.wait_for_selector(".llmlab-form")
    held = []
    page.route("**/weights-00.bin.gz", lambda route: held.append(route))
    before = tables(page)
    with page.expect_request("**/weights-00.bin.gz"):
        page.locator(".llmlab-form textarea").press("Enter")
    page.get_by_role("button", name="Stop").press("Enter")
    assert said(page).startswith("Stopped.")
    assert page.locator(".llmlab-form").get_attribute("aria-busy") == "false"
    assert page.locator(".llmlab-form .start").evaluate("e => e === document.activeElement")
    with page.expect_response("**/weights-00.bin.gz"):
        held[0].continue_()
    page.wait_for_timeout(500)  # long enough for the run that must not come
    assert tables(page) == before and said(page).startswith("Stopped.")
    assert "Computed" in run(page, TYPED)


def test_ten_runs_in_a_row_end_with_the_last(show, mini, exported):
    page = show(residual_view(mini, STORED), models=[exported])
    page.wait_for_selector(".llmlab-form")
    texts = ["天", "我爱", "国王", "苹果", "学习", "今天", "小明", "北京", "The", TYPED]
    page.evaluate(
        """texts => {
          const form = document.querySelector(".llmlab-form");
          for (const text of texts) {
            form.querySelector("textarea").value = text;
            form.requestSubmit();
          }
        }""",
        texts,
    )
    assert "Computed" in said(page)
    words = page.locator(".lens thead th").all_inner_texts()
    assert "".join(words).endswith(TYPED)


def test_a_page_without_models_has_no_form(show, mini, tmp_path):
    page = show(attention_view(mini, STORED))
    assert page.locator(".llmlab-form").count() == 0
    assert not (tmp_path / "llmlab" / "wake.js").exists()


def test_a_large_model_is_asked_for_once(show, mini, exported, monkeypatch):
    monkeypatch.setattr("llmlab.web.site.ASKS_ABOVE", 1_000_000)
    page = show(attention_view(mini, STORED), models=[exported])
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_selector(".llmlab-form")
    page.locator(".llmlab-form textarea").focus()
    assert page.locator(".llmlab-form .start").is_disabled()
    assert not any("weights" in address for address in asked)
    page.get_by_role("button", name="Load mini, 5.5 million parameters, 5.8 MB").click()
    page.wait_for_function(
        "() => /is here/.test(document.querySelector('.llmlab-form .llmlab-live').textContent)"
    )
    assert "Computed" in run(page, TYPED)
    page.reload()
    page.locator(".llmlab-view").scroll_into_view_if_needed()
    page.wait_for_selector(".llmlab-form")
    assert page.locator(".llmlab-form .load").count() == 0
    assert "Computed" in run(page, TYPED)
