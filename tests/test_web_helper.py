"""The second worker, which reads out a part of the lens's positions."""

from __future__ import annotations

import pytest

from tests.conftest import serve
from tests.web_page import ask

TEXT = "我爱北京天安门。 The king is in the city"
SENTENCES = [TEXT, "The king is here"]

# A session on the page itself, and its helper; `reads` counts what the helper is asked.
OPEN = """async (options) => {
  const from = (name) => import(`/engine/${name}.js`);
  const [{ Session }, { fetchModel }, { startHelper }] = await Promise.all(
    [from("session"), from("files"), from("helper")]);
  const source = await fetchModel(`${location.origin}/decoder`, { kernel: "/kernel.wasm" });
  if (options?.plain) source.kernel = async () => null;
  window.session = await Session.open(source);
  window.helper = await startHelper(session.model.transformer);
  window.reads = 0;
  const read = helper.read.bind(helper);
  helper.read = (...values) => ((reads += 1), read(...values));
  window.trace = async (text) => {
    const record = ["residual", "attention_output", "feedforward_output"];
    return JSON.stringify(await session.trace(text, { record, lens: 4 }));
  };
}"""


@pytest.fixture
def page(open_page, engine_folder):
    page = open_page()
    page.goto(serve(engine_folder))
    page.evaluate(OPEN)
    return page


def traces(page, text=TEXT):
    """What is computed without the helper, and with it."""
    alone = page.evaluate("text => ((session.helper = null), trace(text))", text)
    helped = page.evaluate("text => ((session.helper = helper), trace(text))", text)
    return alone, helped


def test_the_helped_lens_is_the_same_to_the_last_bit(page):
    alone, helped = traces(page)
    assert helped == alone
    n = page.evaluate("text => session.tokens(text).length", TEXT)
    assert 1 < page.evaluate("reads") < n


def test_the_helped_context_is_the_same_to_the_last_bit(page):
    run = "sentences => session.context(sentences).then(JSON.stringify)"
    alone = page.evaluate(run, SENTENCES)
    page.evaluate("session.helper = helper")
    assert page.evaluate(run, SENTENCES) == alone
    assert page.evaluate("reads") > 1


def test_of_two_positions_each_takes_one_and_a_single_one_is_read_out_alone(page):
    alone, helped = traces(page, "我")  # with the token that begins a text
    assert helped == alone
    assert page.evaluate("session.tokens('我').length") == 2
    assert page.evaluate("reads") == 1
    single = """async () => {
      const { readings } = await import("/engine/readings.js");
      const { head } = session.model.transformer;
      const streamOf = () => new Float32Array(2 * head.weights.embedding.columns).fill(1);
      return [...readings(1, streamOf, 2, head, helper)].length;
    }"""
    assert page.evaluate(single) == 1
    assert page.evaluate("reads") == 1


def test_plain_javascript_is_helped_as_well(page):
    page.evaluate(OPEN, {"plain": True})
    alone, helped = traces(page)
    assert helped == alone
    assert page.evaluate("reads") > 1


@pytest.mark.parametrize("when", ["before", "during"])
def test_what_a_broken_helper_had_is_read_out_all_the_same(page, when):
    alone, _ = traces(page)
    if when == "before":
        page.evaluate("helper.end()")
    else:
        page.evaluate(
            """() => { const { read } = helper;
            helper.read = (...values) => { const answer = read(...values);
                                           helper.end(); return answer; }; }"""
        )
    for _ in range(2):
        assert page.evaluate("text => trace(text)", TEXT) == alone


def test_a_helper_s_error_ends_it(page):
    """Asked for what it cannot compute, it says so; the run goes on without it."""
    alone, _ = traces(page)
    asked = "helper.read(new Float32Array(0)).then(() => 'read', () => 'ended')"
    assert page.evaluate(asked) == "ended"
    assert page.evaluate("helper.broken")
    assert page.evaluate("text => trace(text)", TEXT) == alone


@pytest.mark.parametrize(
    "refuse",
    [
        "undefined",
        "class { constructor() { throw new DOMException('no', 'SecurityError'); } }",
        """class extends Worker { constructor() {
          const script = "onmessage = () => postMessage({ failed: 'no memory' })";
          super(URL.createObjectURL(new Blob([script]))); } }""",
    ],
)
def test_where_no_second_worker_is_allowed_there_is_none(page, refuse):
    page.evaluate(f"() => {{ window.Worker = {refuse}; }}")
    start = """async () => {
      const { startHelper } = await import("/engine/helper.js");
      return await startHelper(session.model.transformer);
    }"""
    assert page.evaluate(start) is None


def test_a_run_is_cancelled_while_the_helper_works_and_the_next_one_is_right(page):
    alone, _ = traces(page)
    page.evaluate(
        """() => { window.whole = helper.read;
        helper.read = (...values) => { session.cancel(); return whole(...values); }; }"""
    )
    run = "text => trace(text).then(() => 'finished', (error) => error.name)"
    assert page.evaluate(run, TEXT) == "Cancelled"
    page.evaluate("() => { helper.read = whole; }")
    assert page.evaluate("text => trace(text)", TEXT) == alone


def test_a_helper_starts_where_it_pays_and_there_is_a_core(page):
    worth = """([rows, cores]) => import("/engine/helper.js").then(({ isWorthHelping }) => {
      Object.defineProperty(navigator, "hardwareConcurrency", { value: cores, configurable: true });
      const embedding = { rows, columns: 640 };
      return isWorthHelping({ config: { n_layers: 18 }, embedding });
    })"""
    assert page.evaluate(worth, [21_500, 2])
    assert not page.evaluate(worth, [21_500, 1])
    assert not page.evaluate(worth, [1_000, 2])


def test_the_engine_asks_its_worker_as_before(page):
    found = ask(page, "decoder", "trace", TEXT, {"record": ["residual"], "lens": 2})
    assert found["lens"]["missing"] == "recorded"
