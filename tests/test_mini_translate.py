"""The book's own translator, as it is committed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import llmlab
from llmlab.web.export import export_web
from tests.test_live import run, tables

FOLDER = Path(llmlab.__file__).parent / "models" / "mini-translate"
SENTENCE = "我喜欢吃苹果。"


@pytest.fixture(scope="module")
def translator():
    return llmlab.load("mini-translate", device="cpu")


def translated(translator, text: str) -> str:
    return llmlab.generate(translator, text, max_new_tokens=80, top_k=1).text


def test_its_folder_is_small_and_says_where_it_comes_from():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 12e6
    assert "seed" in (FOLDER / "training.json").read_text("utf-8")
    evaluation = json.loads((FOLDER / "evaluation.json").read_text("utf-8"))
    for direction in ("zh-en", "en-zh"):
        assert evaluation[f"translation {direction}"]["exact"] >= 0.9
        assert evaluation[f"translation {direction}"]["chrf"] > 98


@pytest.mark.parametrize(
    "source, target", [(SENTENCE, "I like to eat apples."), ("I like to eat apples.", SENTENCE)]
)
def test_both_directions(translator, source, target):
    assert translated(translator, source) == target


def test_the_page_translates_and_shows_where_it_looked(show, translator, tmp_path):
    def view(source):
        record = ("cross_attention",)
        trace = llmlab.trace(translator, translated(translator, source), record, source=source)
        return llmlab.AttentionView(trace, 2, 4, kind="cross")

    exported = export_web(translator, tmp_path / "mini-translate-12345678")
    expected = tables(show(view("小明今天感冒了。")))
    page = show(view(SENTENCE), models=[exported])
    page.wait_for_selector(".llmlab-form")
    assert page.locator(".llmlab-form textarea").input_value() == SENTENCE
    wrote = f"It wrote “{translated(translator, '小明今天感冒了。')}”"
    assert wrote in run(page, "小明今天感冒了。")
    found = tables(page)
    assert [row[0] for row in found] == [row[0] for row in expected]
    assert page.locator(".llmlab-changes").count() == 0
