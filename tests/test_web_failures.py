"""The browser engine when something is wrong: one sentence, and the next run works."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.conftest import serve
from tests.small_tokenizers import small_tokenizers
from tests.web_page import ask, publish, random_model

TEXT = "我爱北京"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    model = random_model("decoder", small_tokenizers()["byte fallback"])
    return publish(tmp_path_factory.mktemp("web"), {"decoder": model})


@pytest.fixture
def page(open_page, folder):
    page = open_page()
    page.goto(serve(folder))
    return page


def refused(page, *question) -> str:
    """The sentence that a question is refused with."""
    with pytest.raises(Exception) as raised:
        ask(page, *question)
    return re.sub(r"\s+", " ", str(raised.value).splitlines()[0])


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (lambda data: data[:-10], "cut short: weights-00.bin.gz has"),
        (lambda data: data + b"more", "cut short: weights-00.bin.gz has"),
        (lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:], "altered: weights-00.bin.gz"),
    ],
)
def test_a_damaged_part_is_refused_and_then_fetched_again(page, folder, damage, sentence):
    shutil.rmtree(folder / "damaged", ignore_errors=True)
    shutil.copytree(folder / "decoder", folder / "damaged")
    part = folder / "damaged" / "weights-00.bin.gz"
    whole = part.read_bytes()
    part.write_bytes(damage(whole))
    assert sentence in refused(page, "damaged", "trace", TEXT)
    part.write_bytes(whole)
    assert ask(page, "damaged", "trace", TEXT)["top"]


def test_a_model_that_is_not_there(browser, folder):
    page = browser.new_page()  # without the watch: the missing file is the point
    page.goto(serve(folder))
    assert "model.json is not there (404)" in refused(page, "nowhere", "trace", TEXT)
    page.close()


def test_parts_are_kept_for_the_next_visit_and_an_altered_one_is_fetched_again(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url.split("/")[-1]))
    first = ask(page, "decoder", "trace", TEXT)
    assert "weights-00.bin.gz" in asked
    asked.clear()
    page.reload()
    assert ask(page, "decoder", "trace", TEXT) == first
    assert "model.json" in asked and "weights-00.bin.gz" not in asked
    page.evaluate(
        """async () => {
          const cache = await caches.open("llmlab-models-1");
          for (const key of await cache.keys()) await cache.put(key, new Response("altered"));
        }"""
    )
    page.reload()
    asked.clear()
    assert ask(page, "decoder", "trace", TEXT) == first
    assert "weights-00.bin.gz" in asked


@pytest.mark.parametrize(
    "question, sentence",
    [
        (("trace", ""), "The text is empty"),
        (("trace", "天" * 200), "there is room for 128. Shorten it."),
        (("trace", TEXT, {"record": ["thoughts"]}), 'cannot record "thoughts"; choose from'),
        (("generate", TEXT, {"temperature": 0}), "The temperature must be a number above 0, not 0."),
        (("generate", TEXT, {"topK": 0}), "Top-k must be a whole number from 1, not 0."),
        (("generate", TEXT, {"topP": 1.5}), "Top-p must be above 0 and at most 1, not 1.5."),
        (("generate", TEXT, {"seed": "-1"}), "The seed must be a whole number from 0 to 2^64 - 1"),
    ],
)
def test_bad_input_gets_a_sentence_and_the_next_run_works(page, question, sentence):
    assert sentence in refused(page, "decoder", *question)
    assert ask(page, "decoder", "trace", TEXT)["top"]


def test_of_ten_runs_in_a_row_the_last_one_is_answered(page):
    ask(page, "decoder", "trace", TEXT)
    outcomes = page.evaluate(
        """async () => {
          const engine = window.engines.decoder;
          const runs = Array.from({ length: 10 }, (_, i) => {
            return engine.generate("天", { maxNewTokens: 100, temperature: 1, seed: String(i) });
          });
          return (await Promise.allSettled(runs)).map(({ status, reason }) => reason?.name ?? status);
        }"""
    )
    assert outcomes[-1] == "fulfilled"
    assert set(outcomes[:-1]) <= {"Cancelled", "fulfilled"} and "Cancelled" in outcomes
    assert ask(page, "decoder", "trace", TEXT)["top"]


def test_all_who_wait_for_a_model_hear_how_much_of_it_is_here(page):
    heard = page.evaluate(
        """async () => {
          const { Engine } = await import("./engine/engine.js");
          const engine = new Engine("decoder");
          const heard = [[], []];
          const loads = heard.map((one) => engine.load((bytes, total) => one.push([bytes, total])));
          await Promise.all(loads);
          return heard;
        }"""
    )
    assert heard[0] == heard[1] and heard[0][-1][0] == heard[0][-1][1] > 0


def test_a_run_can_be_ended(page):
    ask(page, "decoder", "trace", TEXT)
    outcome = page.evaluate(
        """async () => {
          const engine = window.engines.decoder;
          const options = { maxNewTokens: 120, temperature: 1 };
          const run = engine.generate("天", options, (step) => step.index === 2 && engine.cancel());
          return run.then((found) => found.steps.length, (error) => error.name);
        }"""
    )
    assert outcome == "Cancelled"


def test_a_full_storage_only_costs_the_next_visit(page, folder):
    """The browser itself refuses to keep the parts: its quota is less than one of them."""
    session = page.context.new_cdp_session(page)
    origin = serve(folder)
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1000})
    page.evaluate("() => caches.delete('llmlab-models-1')")
    asked = []
    page.on("request", lambda request: asked.append(request.url.split("/")[-1]))
    for _ in range(2):
        assert ask(page, "decoder", "trace", TEXT)["top"]
        assert "weights-00.bin.gz" in asked
        asked.clear()
        page.reload()


def test_refused_memory_is_said_and_the_page_goes_on(page):
    """WebAssembly.Memory throws as where no memory is left; the engine runs on the page here."""
    said = page.evaluate(
        """async () => {
          const { fetchModel } = await import("/engine/files.js");
          const { Session } = await import("/engine/session.js");
          const kernel = { kernel: "/kernel.wasm" };
          const open = async () => Session.open(await fetchModel("/decoder", kernel));
          const { Memory } = WebAssembly;
          WebAssembly.Memory = function () { throw new RangeError("could not allocate memory"); };
          const refused = await open().then(() => "opened", (error) => error.message);
          WebAssembly.Memory = Memory;
          const { top } = await (await open()).trace("天");
          return [refused, top.length];
        }"""
    )
    assert re.fullmatch(r"The browser refused the \d+ MB of memory that this model needs\.", said[0])
    assert said[1] == 10


def test_a_run_goes_on_when_its_tab_was_frozen_and_comes_back(page):
    """Hidden tabs may be frozen by the browser: nothing is lost, nothing hangs."""
    ask(page, "decoder", "trace", TEXT)
    expected = ask(page, "decoder", "generate", TEXT, {"maxNewTokens": 60, "topK": 1})["text"]
    page.evaluate(
        """(text) => {
          const options = { maxNewTokens: 60, topK: 1 };
          window.outcome = window.engines.decoder.generate(text, options);
        }""",
        TEXT,
    )
    session = page.context.new_cdp_session(page)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    session.send("Page.setWebLifecycleState", {"state": "active"})
    assert page.evaluate("async () => (await window.outcome).text") == expected
