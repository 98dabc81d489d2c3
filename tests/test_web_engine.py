"""The browser engine in a real browser, against torch on the same weights."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
import torch

import llmlab
from llmlab.run import Run
from llmlab.sampling import draw
from llmlab.serialization import array_from_json
from llmlab.tracing import Trace
from llmlab.transformer import Transformer
from llmlab.views.residual_state import lens_state
from tests.conftest import serve
from tests.test_tokenizers import mixed_text
from tests.web_page import FAMILIES, ask, page_trace, python_trace, random_model

SCHEMA = json.loads(files(llmlab).joinpath("trace.schema.json").read_text("utf-8"))
TEXT = "我爱北京天安门。 The king is in the city"
RECORD = (
    "attention", "scores", "heads", "feedforward", "residual", "attention_output",
    "feedforward_output", "logits",
)  # fmt: skip
OF_A_TRANSLATOR = ("cross_attention", "encoder_attention")


@pytest.fixture
def page(open_page, engine_folder):
    page = open_page()
    page.goto(serve(engine_folder))
    return page


@pytest.mark.parametrize("name", FAMILIES)
def test_every_recorded_number_equals_torchs(page, random_models, name):
    model = random_models[name]
    is_translator = model.config.architecture == "encoder-decoder"
    record = RECORD + OF_A_TRANSLATOR * is_translator
    expected = python_trace(model, TEXT, record)
    found = page_trace(page, model, TEXT, record=list(record), lens=3)
    jsonschema.validate(found["trace"], SCHEMA)
    assert set(found["trace"]["recorded"]) == set(record)
    trace = Trace.from_json(json.dumps(found["trace"]), model)
    assert (trace.tokens, trace.source) == (expected.tokens, expected.source)
    for quantity in record:
        ours, theirs = getattr(trace, quantity), getattr(expected, quantity)
        assert ours.shape == theirs.shape
        # Activations are rounded to 16 bits before each product.
        assert (ours - theirs).abs().max() < 5e-4 * max(1, theirs.abs().max()), quantity
    assert (trace.attention - expected.attention).abs().max() < 2e-4
    for row, wanted in zip(found["top"], expected.top(10), strict=True):
        assert row["text"] == wanted.text
        assert row["probability"] == pytest.approx(wanted.probability, abs=1e-3)
    compare_lens(found["lens"], expected)


def compare_lens(found, trace):
    """The page's readouts and contributions with those that Python's ResidualView shows."""
    state, numbers = lens_state(trace, k=3, target=None)
    arrays = {name: array_from_json(found[name]) for name in numbers if found[name]}
    assert found["missing"] == state["missing"]
    assert set(arrays) == {name for name, values in numbers.items() if values is not None}
    probabilities = numbers["probabilities"]
    assert (arrays["probabilities"] - probabilities).abs().max() < 2e-3
    leaders = arrays["word_ids"][arrays["top"][..., 0].long()]
    is_clear = probabilities[..., 0] - probabilities[..., 1] > 0.01
    assert (leaders == numbers["word_ids"][numbers["top"][..., 0]])[is_clear].all()
    assert is_clear.any()
    # The winner of each position stands first among those that can be followed there.
    pairs = zip(firsts(found["target_counts"]), firsts(state["target_counts"]), strict=True)
    for (ours, theirs), clear in zip(pairs, is_clear[-1], strict=True):
        for name in {"target_probabilities", "target_logits", "contributions"} & set(arrays):
            wanted = numbers[name][theirs]
            if clear:
                off = (arrays[name][ours] - wanted).abs().max()
                assert off < 2e-3 * max(1, wanted.abs().max()), name


def firsts(counts):
    return [sum(counts[:place]) for place in range(len(counts))]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    "settings",
    [
        dict(temperature=0.7, top_k=1, seed=0),
        dict(temperature=0.9, top_k=40, top_p=0.9, seed=3),
        # Of 2**64 - 1, a draw falls within 1e-6 of two tokens' border: either is right.
        dict(temperature=1.6, seed=2**64 - 16),
    ],
)
def test_the_same_seed_writes_the_same_text(page, random_models, name, settings):
    expected = llmlab.generate(random_models[name], TEXT, 48, **settings)
    options = {
        "maxNewTokens": 48,
        "temperature": settings["temperature"],
        "topK": settings.get("top_k"),
        "topP": settings.get("top_p"),
        "seed": str(settings["seed"]),
    }
    found = ask(page, name, "generate", TEXT, options)
    found.pop("spelled")
    record = {"format": "llmlab.run/1", **found, "seed": settings["seed"]}
    jsonschema.validate(record, SCHEMA)
    run = Run.from_json(json.dumps(record), random_models[name])
    assert [token.id for token in run.tokens] == [token.id for token in expected.tokens]
    assert (run.text, run.stop_reason) == (expected.text, expected.stop_reason)
    assert run.prompt_tokens == expected.prompt_tokens
    for step, wanted in zip(run.steps, expected.steps, strict=True):
        assert step.draw == wanted.draw
        assert [row.id for row in step.candidates[:5]] == [row.id for row in wanted.candidates[:5]]
        assert [row.kept for row in step.candidates] == [row.kept for row in wanted.candidates]
        for row, other in zip(step.candidates[:5], wanted.candidates[:5], strict=True):
            assert row.probability == pytest.approx(other.probability, abs=1e-3)
            assert row.cumulative == pytest.approx(other.cumulative, abs=2e-3)
        assert sum(step.tail.counts) == sum(wanted.tail.counts)


@pytest.mark.parametrize("seed", [0, 2**53 + 1, 2**64 - 1])
def test_draws_are_pythons_up_to_the_largest_seed(page, seed):
    found = page.evaluate(
        """async (seed) => {
          const { draw } = await import("/engine/sampling.js");
          return Array.from({ length: 1000 }, (_, step) => draw(seed, step));
        }""",
        str(seed),
    )
    assert found == [draw(seed, step) for step in range(1000)]


def test_stop_strings_end_the_text_as_in_python(page, random_models):
    model = random_models["decoder"]
    whole = llmlab.generate(model, TEXT, 30, top_k=1).text
    stop = whole[4:6]
    expected = llmlab.generate(model, TEXT, 30, top_k=1, stop=stop)
    found = ask(page, "decoder", "generate", TEXT, {"maxNewTokens": 30, "topK": 1, "stop": [stop]})
    assert (found["text"], found["stop_reason"]) == (expected.text, "stop")
    assert found["stop_reason"] == expected.stop_reason


def test_ids_and_texts_equal_pythons_on_100_000_characters(page, random_models):
    tokenizer = random_models["decoder"].tokenizer
    for seed in range(2):
        text = mixed_text(50_000, seed)
        found = ask(page, "decoder", "tokens", text)
        ids = tokenizer.encode(text, special=True)
        assert [token["id"] for token in found] == ids
        wanted = {id: tokenizer.token(id) for id in ids}
        for token in found:
            assert token["text"] == wanted[token["id"]].text
            assert bytes.fromhex(token["bytes"]) == wanted[token["id"]].bytes
    assert [t["id"] for t in ask(page, "decoder", "tokens", "a\ud800b")] == tokenizer.encode(
        "a\ud800b", special=True
    )


def logits_of(found):
    return array_from_json(found["trace"]["recorded"]["logits"])


def test_a_head_switched_off_gives_what_torch_gives_without_its_columns(page, random_models):
    model = random_model("decoder", random_models["decoder"].tokenizer)
    with torch.no_grad():
        model.transformer.blocks[1].attention.output.weight[:, 2 * 16 : 3 * 16] = 0
    expected = llmlab.trace(model, TEXT)
    found = page_trace(page, model, TEXT, changes={"heads": [[1, 2]]})
    assert (logits_of(found) - expected.logits).abs().max() < 0.003
    whole = logits_of(page_trace(page, model, TEXT))
    assert (whole - expected.logits).abs().max() > 0.03


@pytest.mark.parametrize(
    "changes, shape",
    [({"mask": False}, {"architecture": "encoder"}), ({"scale": False}, {"attention_scale": 1.0})],
)
def test_without_the_mask_or_the_scale(page, random_models, changes, shape):
    model = random_models["decoder"]
    other = Transformer(type(model.config)(**{**model.config.to_dict(), **shape})).eval()
    other.load_state_dict(model.transformer.state_dict())
    with torch.inference_mode():
        expected = other(model.encode(TEXT)).logits[0]
    found = logits_of(page_trace(page, model, TEXT, changes=changes))
    assert (found - expected).abs().max() < 0.003
    assert (logits_of(page_trace(page, model, TEXT)) - expected).abs().max() > 0.03


def test_plain_javascript_gives_the_same_where_there_is_no_simd(page, random_models):
    without = """async (text) => {
      const { fetchModel } = await import("/engine/files.js");
      const { Session } = await import("/engine/session.js");
      const source = await fetchModel("/gemma-like", { kernel: "/kernel.wasm" });
      const noSimd = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 255]);
      const session = await Session.open({ ...source, kernel: async () => noSimd });
      return [session.model.transformer.kernel.constructor.name,
              JSON.stringify(await session.trace(text, { record: ["logits"] }))];
    }"""
    kind, found = page.evaluate(without, TEXT)
    expected = llmlab.trace(random_models["gemma-like"], TEXT)
    assert kind == "PlainKernel"
    assert (logits_of(json.loads(found)) - expected.logits).abs().max() < 1e-4


def test_a_recorded_step_holds_its_new_position_alone(page, random_models):
    options = {"maxNewTokens": 3, "topK": 1, "record": ["attention", "residual"]}
    found = ask(page, "decoder", "generate", TEXT, options)
    model = random_models["decoder"]
    expected = llmlab.generate(model, TEXT, 3, top_k=1, record=("attention", "residual"))
    for step, wanted in zip(found["steps"], expected.steps, strict=True):
        trace = Trace.from_json(json.dumps(step["trace"]))
        assert trace.tokens == wanted.trace.tokens
        for name in ("attention", "residual"):
            ours, theirs = getattr(trace, name), getattr(wanted.trace, name)
            torch.testing.assert_close(ours, theirs, atol=5e-4, rtol=5e-4)
