"""The playground of the built book: one text for all views, a link, and downloads."""

from __future__ import annotations

import csv
import io
import json
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import jsonschema
import pytest

import llmlab
from llmlab.tracing import Trace
from tests.test_site import address, draw_everything  # noqa: F401

SCHEMA = json.loads(files(llmlab).joinpath("trace.schema.json").read_text("utf-8"))
TEXT = "今天天气真好，适合去"
LINK = {"text": TEXT, "model": "mini", "temperature": 1.1, "topK": 5, "seed": 7, "tokens": 8}
VIEWS = ["next_token", "attention", "residual", "embedding"]


@pytest.fixture
def playground(page, address):  # noqa: F811
    """The page, opened by a link that carries a state, when all views have run."""
    page.goto(f"{address}chapters/playground.html#{urlencode(LINK)}")
    page.wait_for_selector(".llmlab-form")
    assert draw_everything(page) == VIEWS
    page.wait_for_function(
        """count => {
          const lines = [...document.querySelectorAll(".llmlab-follower")];
          return lines.length === count && lines.every(line => /Computed/.test(line.textContent));
        }""",
        arg=len(VIEWS),
    )
    page.wait_for_selector(".llmlab-form[aria-busy=false]")
    return page


def test_a_link_leads_to_the_run_it_names(playground, mini):
    run = llmlab.generate(mini, TEXT, 8, temperature=1.1, top_k=5, seed=7)
    assert f"It wrote “{run.text}”" in playground.locator(".llmlab-follower").first.inner_text()
    tokens = [token.text for token in llmlab.trace(mini, TEXT).tokens]
    assert playground.locator(".lens thead th").all_inner_texts() == tokens
    assert playground.locator(".llmlab-form textarea").input_value() == TEXT
    playground.locator(".llmlab-form textarea").fill("我爱北京天安")
    playground.locator(".llmlab-form .start").click()
    playground.wait_for_function("() => location.hash.includes(encodeURIComponent('天安'))")
    playground.wait_for_function(
        "() => /All views/.test(document.querySelector('.llmlab-form .llmlab-live').textContent)"
    )
    assert "门" in playground.locator(".lens tbody tr").last.inner_text()


def saved(page, button) -> Path:
    with page.expect_download() as waiting:
        button.click()
    return Path(waiting.value.path())


def test_downloads(playground, mini):
    expected = llmlab.trace(mini, TEXT, ("attention", "residual", "logits"))
    file = saved(playground, playground.get_by_role("button", name="Trace as JSON"))
    record = json.loads(file.read_text("utf-8"))
    jsonschema.validate(record, SCHEMA)
    trace = Trace.from_json(json.dumps(record), mini)
    assert trace.tokens == expected.tokens
    assert (trace.attention - expected.attention).abs().max() < 0.002
    assert (trace.logits - expected.logits).abs().max() < 0.03
    file = saved(playground, playground.get_by_role("button", name="Attention as CSV"))
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    assert len(rows) == expected.attention.numel()
    for row in rows[::97]:
        place = [int(row[name]) for name in ("layer", "head", "query", "key")]
        assert float(row["weight"]) == pytest.approx(float(expected.attention[tuple(place)]), abs=0.002)
        assert row["key_token"] == expected.tokens[place[-1]].text
    for place in range(len(VIEWS)):
        buttons = playground.locator(".llmlab-save").nth(place)
        svg = saved(playground, buttons.get_by_role("button", name="SVG")).read_text("utf-8")
        assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
        png = saved(playground, buttons.get_by_role("button", name="PNG")).read_bytes()
        assert png.startswith(b"\x89PNG") and len(png) > 50_000


def test_a_state_that_is_no_state_is_text(open_page, site):
    page = open_page()
    hostile = {"text": "<img src=x onerror=alert(1)>", "model": "none", "seed": "x", "topK": "-3"}
    page.goto(f"{site}/chapters/playground.html#{urlencode(hostile)}")
    page.wait_for_selector(".llmlab-form")
    assert page.locator(".llmlab-form textarea").input_value() == hostile["text"]
    assert page.locator(".llmlab-playground img").count() == 0
