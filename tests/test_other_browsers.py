"""Firefox and WebKit: the engine's numbers, a view that runs a model, and every page of the book.

Each is tried where it is installed; the reason of a skipped test says which was not.
"""

from __future__ import annotations

import json

import pytest

import llmlab
from llmlab.book.standalone import write_page
from llmlab.tracing import Trace
from tests.conftest import is_foreign, serve
from tests.other_browsers import BROWSERS, missing
from tests.test_live import close
from tests.test_site import pages
from tests.web_page import FAMILIES, SETTLED, ask, page_trace, python_trace

TEXT = "我爱北京天安门。 The king is in the city"
STORED = "我爱北京天安"
TYPED = "今天天气真好，适合去"

RUN = """async (text) => {
  const until = async (found) => {
    for (let i = 0; i < 600 && !found(); i++) await new Promise((go) => setTimeout(go, 100));
    return found();
  };
  const form = await until(() => document.querySelector(".llmlab-form"));
  form.querySelector("textarea").value = text;
  form.requestSubmit();
  const line = form.querySelector(".llmlab-live");
  await until(() => /Computed/.test(line.textContent)
    || line.classList.contains("llmlab-problem"));
  return line.textContent;
}"""
TABLES = """async () => {
  const wait = () => new Promise((go) => setTimeout(go, 300));
  for (const details of document.querySelectorAll(".llmlab-view details")) details.open = true;
  await wait();
  return [...document.querySelectorAll(".llmlab-view section.llmlab table tr")].map(
    (row) => [...row.cells].map((cell) => cell.innerText.trim()));
}"""
ASKED = "() => performance.getEntriesByType('resource').map((entry) => entry.name)"


@pytest.fixture(scope="module", params=BROWSERS)
def page(request):
    """A page of each browser; no script of a test may fail on it."""
    if lacks := missing(request.param):
        pytest.skip(lacks)
    with BROWSERS[request.param]() as page:
        yield page
        assert not page.errors


@pytest.mark.parametrize("name", FAMILIES)
def test_the_engine_computes_what_torch_computes(page, engine_folder, random_models, name):
    page.goto(serve(engine_folder))
    model = random_models[name]
    record = ["attention", "logits"]
    expected = python_trace(model, TEXT, record)
    found = page_trace(page, model, TEXT, record=record)
    trace = Trace.from_json(json.dumps(found["trace"]), model)
    assert trace.tokens == expected.tokens
    assert (trace.logits - expected.logits).abs().max() < 0.03
    assert (trace.attention - expected.attention).abs().max() < 0.002
    options = {"maxNewTokens": 48, "temperature": 0.9, "topK": 40, "topP": 0.9, "seed": "3"}
    written = ask(page, name, "generate", TEXT, options)
    settings = {"temperature": 0.9, "top_k": 40, "top_p": 0.9, "seed": 3}
    assert written["text"] == llmlab.generate(model, TEXT, 48, **settings).text


# A session in a worker, which starts its helper in a worker of its own, as the pages do.
HELPED = """async (text) => {
  const code = `
    const from = (name) => import("${location.origin}/engine/" + name + ".js");
    const { Session } = await from("session");
    const { fetchModel } = await from("files");
    const { startHelper } = await from("helper");
    const kernel = "${location.origin}/kernel.wasm";
    const session = await Session.open(await fetchModel("${location.origin}/decoder", { kernel }));
    const text = ${JSON.stringify(text)};
    const run = async () => JSON.stringify(await session.trace(text, { lens: 3 }));
    const alone = await run();
    const helper = await startHelper(session.model.transformer);
    let reads = 0;
    const read = helper.read.bind(helper);
    helper.read = (...values) => ((reads += 1), read(...values));
    session.helper = helper;
    postMessage([alone === (await run()), reads > 1]);`;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  return await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}"""


def test_the_lens_is_the_same_with_a_helper(page, engine_folder):
    page.goto(serve(engine_folder))
    assert page.evaluate(HELPED, TEXT) == [True, True]


@pytest.mark.parametrize("from_file", [False, True])
def test_a_view_of_a_typed_text_is_pythons(page, mini, exported, tmp_path, from_file):
    def opened(text, models):
        folder = tmp_path / f"{len(models)} model"
        folder.mkdir()
        view = llmlab.AttentionView(llmlab.trace(mini, text, ("attention", "scores")), 3, 2)
        path = write_page(folder, [view], models=models)
        page.goto(path.as_uri() if from_file else f"{serve(folder)}/{path.name}")
        assert page.evaluate(SETTLED) == [True]

    opened(TYPED, [])
    expected = page.evaluate(TABLES)
    opened(STORED, [exported])
    assert page.evaluate(TABLES) != expected
    assert "Computed in this page by mini" in page.evaluate(RUN, TYPED)
    found = page.evaluate(TABLES)
    assert len(found) == len(expected) > 5
    for ours, theirs in zip(found, expected, strict=True):
        assert all(map(close, ours, theirs)), (ours, theirs)


def test_every_page_of_the_book_draws_its_views(page, site, site_folder):
    for name in pages(site_folder):
        page.goto(f"{site}/{name}")
        assert all(page.evaluate(SETTLED)), name
        assert not [address for address in page.evaluate(ASKED) if is_foreign(address)], name
