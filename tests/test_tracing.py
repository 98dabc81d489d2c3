"""Traces: what is recorded, what it costs, and the way through JSON and back."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
import torch

import llmlab
from llmlab.recording import RECORDABLE
from llmlab.serialization import array_from_json, array_to_json
from llmlab.tracing import DEFAULT_RECORD, Trace
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
