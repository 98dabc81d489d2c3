"""Traces: what is recorded, what it costs, and the way through JSON and back."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
import torch

import llmlab
from llmlab.model import LanguageModel
from llmlab.recording import RECORDABLE
from llmlab.serialization import array_from_json, array_to_json
from llmlab.tokenizers.token import Token
from llmlab.tracing import DEFAULT_RECORD, Trace
from tests.families import pair
from tests.small_models import HOSTILE, small_trace

SCHEMA = json.loads(files(llmlab).joinpath("trace.schema.json").read_text("utf-8"))
DECODER_RECORD = tuple(name for name in RECORDABLE if "cross" not in name and "enc" not in name)


def validate(text: str) -> None:
    """Check a trace's JSON against the schema, with a validator that is not ours."""
    schema = {**SCHEMA, "oneOf": [{"$ref": "#/$defs/Trace"}]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_the_way_through_json_and_back(precision):
    trace = small_trace(HOSTILE, record=DECODER_RECORD)
    text = trace.to_json(precision)
    validate(text)
    assert text.isascii()
    back = Trace.from_json(text)
    assert back.tokens == trace.tokens
    assert (back.model_name, back.config) == (trace.model_name, trace.config)
    assert back.recorded == trace.recorded == DECODER_RECORD
    for name in trace.recorded:
        before, after = getattr(trace, name), getattr(back, name)
        if precision == "float32":
            assert torch.equal(before, after)
        else:  # 11 significant bits, and what lies below the smallest normal number
            torch.testing.assert_close(after, before, rtol=2**-11, atol=2**-25)


def test_an_array_is_little_endian_and_row_major():
    array = array_to_json(torch.tensor([[1.0, -2.0]]))
    assert array == {"shape": [1, 2], "dtype": "float32", "data": "AACAPwAAAMA="}
    assert array_from_json(array).tolist() == [[1.0, -2.0]]
    with pytest.raises(ValueError, match="precision='int8' is not known"):
        array_to_json(torch.ones(1), "int8")


def test_float16_refuses_what_it_cannot_hold():
    stream = torch.tensor([1.0, -65504.0])
    assert array_from_json(array_to_json(stream, "float16")).tolist() == stream.tolist()
    with pytest.raises(ValueError, match='70000 does not fit float16, .*; use "float32"'):
        array_to_json(torch.tensor([1.0, -7e4]), "float16")
    endless = torch.tensor([float("-inf"), 2.0])
    assert array_from_json(array_to_json(endless, "float16")).tolist() == endless.tolist()
    assert array_to_json(torch.empty(0, 3), "float16")["shape"] == [0, 3]


def test_a_residual_stream_beyond_float16_is_refused(gemma):
    trace = llmlab.trace(gemma, "我爱北京", record=("residual",))
    assert trace.residual.abs().max() > 65_504
    with pytest.raises(ValueError, match='does not fit float16, which ends at 65504; use "float32"'):
        trace.to_json("float16")
    assert torch.equal(Trace.from_json(trace.to_json()).residual, trace.residual)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda record: record.pop("tokens"), "a part missing"),
        (lambda record: record.update(format="llmlab.trace/0"), "expected a trace of format"),
        (lambda record: record["recorded"]["scores"].update(shape=[7]), "has 150 numbers"),
        (lambda record: record["recorded"]["scores"].update(data="#"), "not an array object"),
        (lambda record: record["recorded"].update(mood=array_to_json(torch.ones(1))), "mood"),
        (lambda record: record.update(config={"depth": 3}), "a part missing"),
        (lambda record: record.update(tokens=[1]), "a part missing"),
    ],
)
def test_a_spoilt_trace_is_refused_in_one_sentence(spoil, message):
    record = json.loads(small_trace().to_json())
    spoil(record)
    with pytest.raises(ValueError, match=message):
        Trace.from_json(json.dumps(record))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "17"])
def test_what_is_no_trace_is_refused(text):
    with pytest.raises(ValueError, match="not JSON|expected a trace"):
        Trace.from_json(text)


def test_recording_keeps_what_was_asked_for_and_nothing_else(gemma):
    assert llmlab.trace(gemma, "好", record=("residual",)).recorded == ("residual",)
    assert llmlab.trace(gemma, "好", record=()).recorded == ()
    assert llmlab.trace(gemma, "好", record="logits").recorded == ("logits",)
    with pytest.raises(ValueError, match="cannot record 'mood'; choose from attention"):
        llmlab.trace(gemma, "好", record=("mood",))


def test_a_run_that_keeps_no_attention_uses_the_fused_kernel(gemma, monkeypatch):
    from llmlab import attention

    def written_out(*arguments):
        raise AssertionError("attention was written out though nobody asked for it")

    monkeypatch.setattr(attention, "attention", written_out)
    llmlab.trace(gemma, "好", record=("residual", "feedforward", "logits"))
    with pytest.raises(AssertionError):
        llmlab.trace(gemma, "好", record=("attention",))


def test_shapes_and_sums(gemma):
    trace = llmlab.trace(gemma, "我喜欢吃苹果", record=DECODER_RECORD)
    n, config = len(trace.tokens), gemma.config
    assert [token.text for token in trace.tokens] == ["<bos>", "我", "喜欢", "吃", "苹果"]
    assert trace.attention.shape == (18, 4, n, n) == trace.scores.shape
    assert trace.residual.shape == (19, n, 640)
    assert trace.heads.shape == (18, 4, n, 640)
    assert trace.feedforward.shape == (18, n, 2048)
    assert trace.attention_output.shape == (18, n, 640) == trace.feedforward_output.shape
    assert trace.logits.shape == (n, config.vocab_size)
    torch.testing.assert_close(trace.attention.sum(-1), torch.ones(18, 4, n))
    # The recorded scores give the recorded weights: scale, mask, softmax.
    scores = trace.scores * config.attention_scale
    scores = scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf)
    torch.testing.assert_close(scores.softmax(-1), trace.attention, atol=1e-5, rtol=1e-4)
    # A layer adds its heads, normalised, and then its feed-forward's output.
    layer = 4
    block = gemma.transformer.blocks[layer]
    with torch.inference_mode():
        x = trace.residual[layer] + block.attention_post_norm(trace.heads[layer].sum(0))
        change = block.feedforward.down(trace.feedforward[layer])
        x = x + block.feedforward_post_norm(change)
    torch.testing.assert_close(x, trace.residual[layer + 1], atol=1e-2, rtol=1e-4)
    added = trace.attention_output + trace.feedforward_output
    torch.testing.assert_close(trace.residual[:-1] + added, trace.residual[1:], atol=1e-2, rtol=1e-4)


def test_top_and_lens(gemma):
    trace = llmlab.trace(gemma, "我爱北京天安", record=DEFAULT_RECORD)
    first = trace.top(3)[0]
    assert (first.text, round(first.probability, 3)) == ("门", 0.972)
    probabilities = trace.logits[-1].softmax(-1)
    assert first.probability == pytest.approx(probabilities.max().item(), rel=1e-5)
    lens = trace.lens(k=2)
    assert len(lens) == 19
    assert lens[-1][0].text == "门"
    # The design of this model's figures: 门 leads after 13 layers, and rises.
    rising = [lens[layer][0] for layer in (13, 15, 16)]
    assert [row.text for row in rising] == ["门"] * 3
    assert [row.probability for row in rising] == pytest.approx([0.37, 0.49, 0.75], abs=0.005)
    back = Trace.from_json(trace.to_json(), model=gemma)
    assert back.top(3) == trace.top(3)
    with pytest.raises(ValueError, match="read without its model"):
        Trace.from_json(small_trace(record=("logits",)).to_json()).top(1)


def test_questions_a_trace_cannot_answer(gemma):
    trace = llmlab.trace(gemma, "好", record=("logits",))
    with pytest.raises(ValueError, match="holds logits, not residual; record it"):
        trace.lens()
    with pytest.raises(IndexError, match="position 9 is outside this trace of 2 tokens"):
        trace.top(position=9)
    with pytest.raises(ValueError, match="k=0 is outside"):
        trace.top(k=0)


def test_texts_that_cannot_be_read(gemma):
    with pytest.raises(ValueError, match="the text is empty"):
        llmlab.trace(gemma, "")
    with pytest.raises(ValueError, match="tokens and gemma-3-270m reads at most 32,768"):
        llmlab.trace(gemma, "好 " * 40_000)


@pytest.mark.parametrize("text", [5, None, ["好"], b"a"])
def test_a_text_that_is_no_string(gemma, text):
    with pytest.raises(ValueError, match="the text must be a string, not"):
        llmlab.trace(gemma, text)


def test_questions_of_another_type(gemma):
    trace = llmlab.trace(gemma, "好", record=("logits", "residual"))
    for ask in (lambda: trace.top(2.5), lambda: trace.top(None), lambda: trace.lens(k="3")):
        with pytest.raises(ValueError, match="is outside the whole numbers 1 … 262,144"):
            ask()
    with pytest.raises(IndexError, match="a position must be a whole number, not 0.5"):
        trace.top(position=0.5)
    with pytest.raises(ValueError, match="record must be names out of attention.*, not 5"):
        llmlab.trace(gemma, "好", record=5)


@pytest.mark.parametrize("name", ["cross_attention", "encoder_attention"])
def test_a_decoder_has_no_second_attention_to_record(gemma, name):
    for call in (llmlab.trace, llmlab.generate):
        with pytest.raises(ValueError, match=f"an architecture 'decoder' has no {name} to record"):
            call(gemma, "好", record=("attention", name))


# --- The default mode: its matrices stay in blocks of integers -----------------------------------


def test_the_default_mode_reads_out_every_position(gemma, gemma_default):
    exact, default = (llmlab.trace(model, "我爱北京天安") for model in (gemma, gemma_default))
    same, n_rows = 0, 0
    for position in range(len(exact.tokens)):
        expected, found = exact.lens(position, k=3), default.lens(position, k=3)
        assert len(found) == 19
        for layer, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
            values = torch.tensor([[row.logit, row.probability] for row in ours])
            assert values.isfinite().all(), (position, layer)
            # Where the first is ahead of the second, it is the same one, as probable.
            if theirs[0].probability - theirs[1].probability > 0.02:
                assert ours[0].id == theirs[0].id, (position, layer)
                assert ours[0].probability == pytest.approx(theirs[0].probability, abs=0.01)
            same += ours[0].id == theirs[0].id
            n_rows += 1
    assert same > 0.95 * n_rows


def test_a_longer_text_in_the_default_mode_is_finite(gemma_default):
    text = "人工智能正在改变我们的生活。The quick brown fox jumps over the lazy dog. " * 6
    trace = llmlab.trace(gemma_default, text, record=DECODER_RECORD)
    assert len(trace.tokens) > 100
    assert trace.residual.abs().max() > 65_504  # float16's largest number
    for name in trace.recorded:
        assert getattr(trace, name).isfinite().all(), name


# --- An encoder-decoder --------------------------------------------------------------------------


class TwoSides:
    """A source language of small letters from id 3, a target language of capitals from id 40."""

    bos_id, pad_id, eos_ids, vocab_size = None, 0, frozenset({2}), 97

    def encode(self, text, special=False, target=False):
        first, letter = (40, "A") if target else (3, "a")
        return [first + ord(char) - ord(letter) for char in text] + [2] * special

    def decode(self, ids):
        return "".join(f"t{id}" for id in ids)

    def token(self, id):
        return Token(id, f"t{id}", b"t%d" % id)


def test_an_encoder_decoder_starts_its_target_and_has_its_own_words():
    theirs, transformer = pair("marian")
    model = LanguageModel("marian", transformer, TwoSides())
    record = ("cross_attention", "encoder_attention", "attention", "logits")
    trace = llmlab.trace(model, "AB", source="abc", record=record)
    assert [token.id for token in trace.tokens] == [0, 40, 41]  # the start, and no end
    assert [token.id for token in trace.source] == [3, 4, 5, 2]
    with torch.inference_mode():
        expected = theirs(
            input_ids=torch.tensor([[3, 4, 5, 2]]),
            decoder_input_ids=torch.tensor([[0, 40, 41]]),
            output_attentions=True,
        )
    torch.testing.assert_close(trace.logits, expected.logits[0], atol=1e-4, rtol=1e-4)
    crossed = torch.cat(expected.cross_attentions)
    torch.testing.assert_close(trace.cross_attention, crossed, atol=1e-5, rtol=1e-4)
    encoded = torch.cat(expected.encoder_attentions)
    torch.testing.assert_close(trace.encoder_attention, encoded, atol=1e-5, rtol=1e-4)
    # Nothing written yet: the table from which generation takes its first token.
    first = llmlab.trace(model, "", source="abc", record=("logits",)).top(1)[0]
    assert first.id == llmlab.generate(model, "abc", 1, top_k=1).tokens[0].id
    with pytest.raises(ValueError, match="needs source"):
        llmlab.trace(model, "AB")


def test_a_decoder_takes_no_source(gemma):
    with pytest.raises(ValueError, match="takes no source"):
        llmlab.trace(gemma, "好", source="好")
