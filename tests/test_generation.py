"""Generation: against a loop by hand, against stop strings, and Gemma against transformers."""

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

import llmlab
from llmlab import sampling
from llmlab.generation import Run, make_step
from llmlab.model import LanguageModel
from llmlab.sampling import Step
from llmlab.stopping import find_stop, readable_text, stream_text
from llmlab.tokenizers.token import Token, text_of

END = 256


class ByteTokenizer:
    """One token a byte, and one that ends a text."""

    vocab_size, bos_id, eos_ids, pad_id = 257, None, frozenset({END}), None

    def encode(self, text, special=False):
        return list(text.encode("utf-8", "surrogatepass"))

    def decode(self, ids):
        data = bytes(id for id in ids if id != END)
        return data.decode("utf-8", "backslashreplace")

    def token(self, id):
        return (
            Token(id, "<end>", b"<end>")
            if id == END
            else Token(id, text_of(bytes([id])), bytes([id]))
        )


@pytest.fixture(scope="module")
def small():
    """A random model of three layers over bytes, with a context of 32."""
    torch.manual_seed(5)
    config = llmlab.TransformerConfig(
        vocab_size=257,
        context_length=32,
        n_layers=3,
        d_model=32,
        n_heads=4,
        n_kv_heads=2,
        d_ff=64,
        norm="rmsnorm",
        positions="rotary",
        sliding_window=8,
        global_layers=(2,),
    )
    transformer = llmlab.Transformer(config).eval()
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter.mul_(4)  # so that one token is not as likely as the next
    return LanguageModel("small", transformer, ByteTokenizer())


def test_steps_are_what_a_loop_without_a_cache_gives(small):
    run = llmlab.generate(small, "Hello", 12, temperature=0.8, top_k=30, top_p=0.9, seed=3)
    ids = list(b"Hello")
    for step in run.steps:
        with torch.inference_mode():
            logits = small.transformer(torch.tensor([ids])).logits[0, -1]
        expected = make_step(small, logits, step.index, sampling.draw(3, step.index), 0.8, 30, 0.9)
        assert step.chosen == expected.chosen
        assert step.draw == expected.draw
        np.testing.assert_allclose(
            [c.logit for c in step.candidates], [c.logit for c in expected.candidates], atol=1e-4
        )
        ids.append(step.chosen.id)
    assert len(run.steps) == 12 or run.stop_reason == "end"


@pytest.mark.parametrize(
    "temperature, top_k, top_p", [(0.7, None, None), (1.5, 60, 0.8), (1.0, 5, None)]
)
def test_step_explains_itself(small, temperature, top_k, top_p):
    for seed in range(5):
        run = llmlab.generate(small, "Hi", 6, temperature, top_k, top_p, seed)
        for step in run.steps:
            rows = step.candidates
            at = [row.id for row in rows].index(step.chosen.id)
            assert rows[at].kept and rows[at].cumulative > step.draw
            assert rows[at].cumulative - rows[at].sampling_probability <= step.draw + 1e-12
            listed = rows[: min(len(rows), 50)]
            assert [r.logit for r in listed] == sorted((r.logit for r in listed), reverse=True)
            assert len(rows) <= 51
            assert len(rows) + sum(step.tail.counts) == 257
            assert all(row.sampling_probability == 0 for row in rows if not row.kept)


def test_chosen_token_from_outside_the_table_stands_last(small):
    logits = torch.zeros(257)
    step = make_step(small, logits, 0, draw=0.9)
    assert len(step.candidates) == 51
    assert step.candidates[-1].id == step.chosen.id == int(0.9 * 257)
    assert step.candidates[-1].cumulative == pytest.approx((step.chosen.id + 1) / 257)
    assert sum(step.tail.counts) == 257 - 51


def test_same_seed_same_text(small):
    first = llmlab.generate(small, "abc", 15, temperature=1.2, seed=11)
    again = llmlab.generate(small, "abc", 15, temperature=1.2, seed=11)
    other = llmlab.generate(small, "abc", 15, temperature=1.2, seed=12)
    assert first.tokens == again.tokens != other.tokens


def test_greedy_needs_no_seed(small):
    runs = [llmlab.generate(small, "abc", 10, top_k=1, seed=seed) for seed in (0, 1, 99)]
    assert runs[0].tokens == runs[1].tokens == runs[2].tokens
    for step in runs[0].steps:
        assert step.chosen.id == step.candidates[0].id


def test_stream_gives_the_steps_of_generate_one_at_a_time(small):
    steps = llmlab.stream(small, "abc", 8, seed=4)
    first = next(steps)
    assert isinstance(first, Step) and first.index == 0
    run = llmlab.generate(small, "abc", 8, seed=4)
    assert (first, *steps) == run.steps


def test_generation_leaves_gradients_as_they_were(small):
    for _ in llmlab.stream(small, "abc", 2):
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


class Script(torch.nn.Module):
    """A network whose next token is fixed by position: it writes a given sequence of ids."""

    def __init__(self, config, ids, n_prompt):
        super().__init__()
        self.config, self.ids, self.n_prompt = config, ids, n_prompt
        self.inner = llmlab.Transformer(config)
        self.embedding, self.new_cache = self.inner.embedding, self.inner.new_cache

    def forward(self, ids, *, cache, **options):
        output = self.inner(ids, cache=cache, **options)
        output.logits.fill_(-5)
        output.logits[..., self.ids[cache.length - self.n_prompt]] = 30
        return output


def scripted(small, ids):
    return LanguageModel("script", Script(small.config, ids, n_prompt=1), small.tokenizer)


def test_the_end_token_ends(small):
    run = llmlab.generate(scripted(small, [*b"ok", END, *b"never"]), "x", top_k=1)
    assert run.text == "ok" and run.stop_reason == "end" and len(run.tokens) == 3


@pytest.mark.parametrize(
    "stop, text, reason, count",
    [
        (None, "one. two", "length", 8),
        (". ", "one", "stop", 5),  # the string ends with the fifth token
        (["zz", "two", "e"], "on", "stop", 3),
        ("o", "", "stop", 1),
        ("x", "one. two", "length", 8),
    ],
)
def test_stop_strings(small, stop, text, reason, count):
    model = scripted(small, list(b"one. two"))
    run = llmlab.generate(model, "x", 8, top_k=1, stop=stop)
    assert (run.text, run.stop_reason, len(run.steps)) == (text, reason, count)


def test_part_of_a_character_is_no_stop_string(small):
    model = scripted(small, list("学>>".encode()))
    run = llmlab.generate(model, "x", 5, top_k=1, stop=["\\", ">"])
    assert run.text == "学" and run.stop_reason == "stop" and len(run.steps) == 4


def test_text_streams_whole_characters(small):
    steps = llmlab.stream(scripted(small, list("a学é!".encode())), "x", 7, top_k=1)
    pieces = [piece for _, piece in stream_text(small.tokenizer, steps)]
    assert pieces == ["a", "", "", "学", "", "é", "!"]


def test_text_streams_without_its_stop_string(small):
    steps = llmlab.stream(scripted(small, list(b"ab.. c")), "x", 6, top_k=1, stop=".. c")
    pieces = [piece for _, piece in stream_text(small.tokenizer, steps, ".. c")]
    assert "".join(pieces) == "ab"
    steps = llmlab.stream(scripted(small, list(b"ab..  ")), "x", 4, top_k=1, stop=".. c")
    assert "".join(piece for _, piece in stream_text(small.tokenizer, steps, ".. c")) == "ab.."


def test_text_that_ends_inside_a_character_is_shown_as_bytes(small):
    data = "学".encode()[:2]
    steps = llmlab.stream(scripted(small, list(data)), "x", 2, top_k=1)
    assert "".join(piece for _, piece in stream_text(small.tokenizer, steps)) == "\\xe5\\xad"


def test_readable_text_keeps_bytes_that_no_longer_can_become_a_character(small):
    tokens = [small.tokenizer.token(id) for id in (0x61, 0xFF, 0x62)]
    assert readable_text(small.tokenizer, tokens) == "a\\xffb"


def test_first_stop_string_wins():
    assert find_stop("abcdef", ("ef", "cd")) == 2
    assert find_stop("abc", ("x",)) is None


def test_context_is_filled_and_not_overrun(small):
    run = llmlab.generate(small, "y" * 30, 20, temperature=1.0)
    if run.stop_reason != "end":
        assert run.stop_reason == "context" and len(run.steps) == 3  # the last is never read
    assert llmlab.generate(small, "y" * 32, 20).steps


@pytest.mark.parametrize(
    "options, word",
    [
        ({"prompt": ""}, "empty"),
        ({"prompt": "y" * 33}, "tokens"),
        ({"temperature": 0}, "top_k=1"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_new_tokens": 2.5}, "max_new_tokens"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", ""]}, "stop"),
        ({"stop": [3]}, "stop"),
        ({"stop": 5}, "stop must be a string or several, not 5"),
        ({"stop": 0}, "stop"),
        ({"prompt": 5}, "the text must be a string, not 5"),
        ({"prompt": None}, "the text must be a string"),
        ({"n_candidates": 0}, "n_candidates"),
        ({"record": "colour"}, "colour"),
        ({"record": 5}, "record"),
        ({"record": "cross_attention"}, "'decoder' has no cross_attention"),
    ],
)
def test_bad_settings_get_one_sentence(small, options, word):
    for function in (llmlab.generate, llmlab.stream):
        with pytest.raises(ValueError, match=word) as error:
            function(small, **{"prompt": "ok", **options})
        assert "\n" not in str(error.value)


def test_an_encoder_cannot_continue(small):
    config = llmlab.TransformerConfig(
        vocab_size=257,
        context_length=32,
        n_layers=1,
        d_model=8,
        n_heads=2,
        d_ff=16,
        architecture="encoder",
    )
    model = LanguageModel("reader", llmlab.Transformer(config), small.tokenizer)
    with pytest.raises(ValueError, match="encoder"):
        llmlab.generate(model, "abc")


def test_encoder_decoder_reads_the_prompt_as_its_source(small):
    torch.manual_seed(0)
    config = llmlab.TransformerConfig(
        vocab_size=257,
        context_length=32,
        n_layers=2,
        d_model=32,
        n_heads=4,
        d_ff=64,
        architecture="encoder-decoder",
    )
    tokenizer = ByteTokenizer()
    tokenizer.bos_id = 0
    model = LanguageModel("translator", llmlab.Transformer(config).eval(), tokenizer)
    run = llmlab.generate(model, "abc", 5, top_k=1, record="cross_attention")
    ids = [0]
    for step in run.steps:
        with torch.inference_mode():
            logits = model.transformer(
                torch.tensor([ids]), source=torch.tensor([list(b"abc")])
            ).logits
        assert step.chosen.id == logits[0, -1].argmax()
        assert step.trace.cross_attention.shape == (2, 4, 1, 3)
        ids.append(step.chosen.id)


def test_recorded_attention_is_the_new_positions(small):
    run = llmlab.generate(small, "Hello", 4, seed=1, record=("attention", "residual"))
    text_ids = [*b"Hello", *(token.id for token in run.tokens)]
    for step in run.steps:
        n = 5 + step.index
        full = small.transformer(torch.tensor([text_ids[:n]]), record=("attention", "residual"))
        assert step.trace.attention.shape == (3, 4, 1, n)
        torch.testing.assert_close(
            step.trace.attention, full.recording["attention"][0][:, :, -1:], atol=1e-5, rtol=1e-4
        )
        torch.testing.assert_close(
            step.trace.residual, full.recording["residual"][0][:, -1:], atol=1e-4, rtol=1e-4
        )
        assert [token.id for token in step.trace.tokens] == text_ids[:n]
        assert step.trace.logits is None


def test_recorded_step_reads_out_what_it_chose(small):
    run = llmlab.generate(small, "Hello", 3, top_k=1, record=("logits", "residual"))
    for step in run.steps:
        (row,) = step.trace.top(k=1)
        assert row.id == step.chosen.id
        assert row.probability == pytest.approx(step.candidates[0].probability, rel=1e-4)
        assert step.trace.lens(k=1)[-1][0].id == step.chosen.id
        with pytest.raises(IndexError):
            step.trace.top(k=1, position=0)


def test_nothing_is_recorded_unless_asked_for(small):
    assert all(step.trace is None for step in llmlab.generate(small, "a", 2).steps)


@pytest.fixture(scope="module")
def schema():
    return json.loads(files("llmlab").joinpath("trace.schema.json").read_text(encoding="utf-8"))


def test_json_round_trip(small, schema):
    options = {"seed": 2, "stop": ["zzz", "\ud800\n"], "record": "attention", "n_candidates": 9}
    run = llmlab.generate(small, "Hi\ud800</script>", 4, 1.3, **options)
    text = run.to_json()
    jsonschema.validate(json.loads(text), schema)
    back = Run.from_json(text, model=small)
    assert back.steps == run.steps
    assert (back.prompt, back.text, back.seed, back.stop_reason) == (
        run.prompt,
        run.text,
        run.seed,
        run.stop_reason,
    )
    assert back.stop == run.stop == ("zzz", "\ud800\n")
    assert back.n_candidates == run.n_candidates == 9
    assert back.prompt_tokens == run.prompt_tokens and back.tokens == run.tokens
    for one, other in zip(run.steps, back.steps):
        assert torch.equal(one.trace.attention, other.trace.attention)
    step = run.steps[1]
    jsonschema.validate(json.loads(step.to_json("float16")), schema)
    assert Step.from_json(step.to_json()) == step


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "llmlab.step/1"}', '{"format": "llmlab.run/1"}']
)
def test_json_of_something_else_is_refused(text):
    for kind in (Run, Step):
        with pytest.raises(ValueError):
            kind.from_json(text)


# --- Gemma ---------------------------------------------------------------------------------------

PROMPT = "问：如何进行机器学习？\n答：首先"


@pytest.mark.parametrize(
    "temperature, top_k, top_p", [(0.7, None, None), (1.0, 40, 0.9), (1.4, None, 0.8)]
)
def test_gemma_steps_have_hugging_faces_distribution(
    gemma, reference_gemma, temperature, top_k, top_p
):
    run = llmlab.generate(gemma, PROMPT, 4, temperature, top_k, top_p, seed=9)
    ids = [*(token.id for token in run.prompt_tokens)]
    for step in run.steps:
        with torch.inference_mode():
            scores = reference_gemma(torch.tensor([ids])).logits[:, -1].double()
        p = scores.softmax(-1)[0]
        scores = TemperatureLogitsWarper(temperature)(None, scores)
        scores = scores if top_k is None else TopKLogitsWarper(top_k)(None, scores)
        scores = scores if top_p is None else TopPLogitsWarper(top_p)(None, scores)
        q = scores.softmax(-1)[0]
        rows = step.candidates
        at = torch.tensor([row.id for row in rows])
        torch.testing.assert_close(
            torch.tensor([row.probability for row in rows]).double(), p[at], atol=1e-5, rtol=1e-3
        )
        torch.testing.assert_close(
            torch.tensor([row.sampling_probability for row in rows]).double(),
            q[at],
            atol=1e-5,
            rtol=1e-3,
        )
        ids.append(step.chosen.id)


def test_gemma_streams_chinese_and_emoji_whole(gemma_default):
    steps = llmlab.stream(gemma_default, "🙂🙃😀 你好，", 12, temperature=1.5, seed=1)
    collected = list(steps)
    pieces = [piece for _, piece in stream_text(gemma_default.tokenizer, collected)]
    ids = [step.chosen.id for step in collected]
    assert "".join(pieces) == gemma_default.tokenizer.decode(ids)
    assert "\N{REPLACEMENT CHARACTER}" not in "".join(pieces)
