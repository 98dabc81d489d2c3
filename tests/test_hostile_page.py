"""A hostile prompt, from the real model through the views and Sphinx, into a browser."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

import llmlab
from llmlab.views import AttentionView, NextTokenView, visible
from tests.conftest import serve
from tests.test_book import Elements, build

PROMPT = (
    "<img src=x onerror=alert(1)></script><script>alert(2)</script>${alert(3)}"
    "a\u200f\u202eb\u202c\x00\ud800\n \t\u0301&lt;b&gt;"
)
# How the page must write it. NUL and the lone surrogate are no tokens of Gemma's vocabulary: they
# come as bytes.
WRITTEN = (
    "<bos><img·src=x·onerror=alert(1)></script><script>alert(2)</script>${alert(3)}"
    "aU+200FU+202EbU+202C<0x00><0xED><0xA0><0x80>⏎·⇥◌\u0301&lt;b&gt;"
)


@pytest.fixture(scope="module")
def trace(gemma):
    return llmlab.trace(gemma, PROMPT, record=("attention", "scores"))


@pytest.fixture(scope="module")
def run(gemma):
    return llmlab.generate(gemma, PROMPT, 3, temperature=1.0, seed=0)


@pytest.fixture(scope="module")
def book(trace, run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a built book whose one page shows both views."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    cells = [nbformat.v4.new_markdown_cell("# Title")]
    for view in (AttentionView(trace), NextTokenView(run)):
        data, metadata = view._repr_mimebundle_()  # what IPython asks a shown view for
        output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
        cells.append(nbformat.v4.new_code_cell("view", outputs=[output], execution_count=1))
    python = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=python)
    nbformat.write(notebook, source / "index.ipynb")
    result = build(source, target, "-n")
    assert result.returncode == 0, result.stderr
    return target


@pytest.fixture
def opened(page, book: Path):
    """The page with both views drawn; fails at the end if a dialog was opened."""
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{serve(book)}/index.html")
    for index in range(2):
        page.locator(".llmlab-view").nth(index).scroll_into_view_if_needed()
        page.wait_for_function(
            "i => document.querySelectorAll('.llmlab-view')[i].dataset.ready", arg=index
        )
    yield page
    page.wait_for_timeout(200)  # an image that was made would fail to load by now
    assert not dialogs


def test_prompt_is_whole_in_both_views(opened, trace, run) -> None:
    shown = opened.locator(".llmlab-attention .token-line .llmlab-token").all_text_contents()
    assert "".join(shown) == WRITTEN
    assert shown == [visible(token.text) for token in trace.tokens]
    opened.locator(".llmlab-attention summary").click()
    opened.locator(".llmlab-attention details table").wait_for()
    for place in ("details thead th .llmlab-token", "details tbody th", ".map tbody th"):
        assert opened.locator(f".llmlab-attention {place}").all_text_contents() == shown, place
    given = opened.locator(".llmlab-next-token .llmlab-given .llmlab-token")
    assert "".join(given.all_text_contents()) == WRITTEN
    for step in run.steps:
        opened.locator(".llmlab-next-token").get_by_role("radio").nth(step.index).click()
        rows = opened.locator(".llmlab-candidates tr[data-id] .llmlab-token").all_text_contents()
        assert rows[:10] == [visible(row.text) for row in step.candidates[:10]]


def test_nothing_in_the_page_comes_from_the_text(opened) -> None:
    line = opened.locator(".llmlab-attention .token-line button")
    for position in range(line.count()):  # each query brings its own words
        line.nth(position).click()
    assert opened.locator(".llmlab-view :is(img, script, b, iframe, object)").count() == 0
    assert opened.locator("[onerror], [src='x'], main b").count() == 0
    inline = opened.evaluate(
        "[...document.scripts].filter(s => !s.src && s.textContent.includes('alert')).length"
    )
    assert inline == 0


def test_file_holds_the_text_as_data_alone(book: Path, open_page) -> None:
    """Also where no script runs: then the picture stands there, and its words."""
    parsed = Elements((book / "index.html").read_text(encoding="utf-8"))
    assert not [tag for tag, attributes in parsed.tags if "onerror" in attributes]
    page = open_page(java_script_enabled=False)
    page.goto((book / "index.html").as_uri())
    pictures = page.locator(".llmlab-view img")
    assert pictures.count() == 2
    assert f"after “{WRITTEN}”" in pictures.nth(1).get_attribute("alt")
    assert "alert" not in (book / "searchindex.js").read_text(encoding="utf-8")
