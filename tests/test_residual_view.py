"""ResidualView and the contributions behind it in Python: every number against torch's."""

from __future__ import annotations

import dataclasses
import json
import warnings

import pytest
import torch
import torch.nn.functional as F
import traitlets

import llmlab
from llmlab.attribution import RECORD, logit_contributions
from llmlab.model import LanguageModel
from llmlab.serialization import array_from_json
from llmlab.tokenizers.token import Token
from llmlab.tracing import Trace
from llmlab.views import ResidualView, visible
from tests.families import pair
from tests.small_models import HOSTILE, SENTENCE, small_trace


class Words:
    """A tokenizer whose token 7, say, is <img 7>, but for those that a test names."""

    def __init__(self, texts):
        self.texts = texts

    def token(self, id):
        text = self.texts[id] if id < len(self.texts) else f"<img {id}>"
        return Token(id, text, text.encode("utf-8", "surrogatepass"))

    def encode(self, text, special=False):
        return [self.texts.index(char) if char in self.texts else 99 for char in [text]]


def traced(texts=SENTENCE, record=RECORD, **changes) -> Trace:
    """A trace of a small random model, with that model."""
    from llmlab.transformer import Transformer

    trace = small_trace(texts, record, **changes)
    torch.manual_seed(0)
    transformer = Transformer(trace.config).eval()
    for parameter in transformer.parameters():  # the weights that small_trace ran with
        parameter.data *= 4
    return dataclasses.replace(trace, model=LanguageModel("small", transformer, Words(texts)))


@pytest.fixture(scope="module")
def gate(gemma):
    """Gemma's trace of 我爱北京天安."""
    return llmlab.trace(gemma, "我爱北京天安", record=(*RECORD, "logits"))


@pytest.fixture(scope="module")
def view(gate):
    return ResidualView(gate)


def ids_of(view):
    """The id of each token that the view names."""
    return array_from_json(view.word_ids).long()


def followed(view) -> list[list[int]]:
    """The ids of the tokens that can be followed, position by position."""
    ids = ids_of(view)[array_from_json(view.targets).long()]
    return [each.tolist() for each in ids.split(view.target_counts)]


def readout(model, x):
    """Final norm and head, written out with torch alone: the logits, (…, vocab)."""
    norm = model.transformer.final_norm
    x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + norm.eps) * norm.weight
    return F.linear(x, model.transformer.embedding.token.weight)


@torch.no_grad()
def test_every_cell_is_torchs_readout(view, gate, gemma):
    probabilities = array_from_json(view.probabilities)
    assert probabilities.shape == (19, 6, 5)
    for layer in (0, 5, 13, 18):
        expected = readout(gemma, gate.residual[layer]).softmax(-1).topk(5)
        torch.testing.assert_close(probabilities[layer], expected.values, atol=1e-4, rtol=1e-3)
        leading = ids_of(view)[array_from_json(view.top)[layer, :, 0].long()].tolist()
        assert leading == expected.indices[:, 0].tolist()


def test_the_gates_own_numbers(view):
    """门 leads from 13 layers on: 0.37, then 0.49 at 15 and 0.75 at 16."""
    names = [view.words[int(place)] for place in array_from_json(view.top)[:, -1, 0]]
    assert names.index("门") == 13
    pair, word = view._followed()
    assert view.words[word] == "门"
    through = array_from_json(view.target_probabilities)[pair]
    assert through[[13, 15, 16]].tolist() == pytest.approx([0.37, 0.49, 0.75], abs=0.005)


@torch.no_grad()
def test_followed_tokens_have_torchs_probabilities(view, gate, gemma):
    through = array_from_json(view.target_probabilities)
    start = 0
    for position, ids in enumerate(followed(view)):
        expected = readout(gemma, gate.residual[:, position]).softmax(-1)[:, ids].T
        found = through[start : start + len(ids)]
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
        assert ids[0] == gate.logits[position].argmax()
        start += len(ids)
    assert start == len(through)


def test_contributions_sum_to_the_logit(view, gate):
    """The embedding's part and all layers' make the logit that the model gave."""
    added = array_from_json(view.contributions)
    logits = [gate.logits[position, ids] for position, ids in enumerate(followed(view))]
    torch.testing.assert_close(added.sum(-1), torch.cat(logits), atol=1e-3, rtol=0)
    torch.testing.assert_close(array_from_json(view.target_logits), torch.cat(logits))


@torch.no_grad()
def test_contributions_are_products_with_the_heads_row(gate, gemma):
    (gate_id,) = gemma.tokenizer.encode("门")
    norm = gemma.transformer.final_norm
    scale = 1 / (gate.residual[-1, -1].square().mean() + norm.eps).sqrt()
    direction = scale * norm.weight * gemma.transformer.embedding.token.weight[gate_id]
    (found,) = logit_contributions(gate, [gate_id])
    expected = [gate.residual[0, -1] @ direction]
    for layer in range(18):
        expected += [gate.attention_output[layer, -1] @ direction]
        expected += [gate.feedforward_output[layer, -1] @ direction]
    torch.testing.assert_close(found[:-1], torch.stack(expected), atol=1e-4, rtol=1e-4)
    assert found[-1] == 0  # Gemma has no bias in its norm or its head


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma3"])
@torch.no_grad()
def test_contributions_of_other_families_sum_to_their_logits(family):
    _, transformer = pair(family)
    ids = torch.arange(3, 12)[None]
    output = transformer(ids, record=(*RECORD, "logits"))
    recorded = {name: value[0].float() for name, value in output.recording.items()}
    tokens = tuple(Token(id, str(id), b"") for id in ids[0].tolist())
    model = LanguageModel(family, transformer, Words(()))
    trace = Trace(family, transformer.config, tokens, **recorded, model=model)
    some = [0, 5, 17]
    for position in (0, 4, -1):
        found = logit_contributions(trace, some, position).sum(-1)
        torch.testing.assert_close(found, trace.logits[position, some], atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("changes", [{}, {"norm": "rmsnorm", "head_bias": True}])
def test_contributions_with_biases(changes):
    trace = traced(**changes)
    with torch.no_grad():
        logits = trace.model.transformer.readout(trace.residual[-1])
    found = logit_contributions(trace, [1, 9], 2)
    assert found.shape == (2, 8)
    torch.testing.assert_close(found.sum(-1), logits[2, [1, 9]], atol=1e-4, rtol=1e-4)


def test_a_norm_after_each_sum_leaves_no_such_parts():
    trace = traced(norm_placement="post")
    with pytest.raises(ValueError, match="no sum of what its layers add"):
        logit_contributions(trace, [1])
    shown = ResidualView(trace)
    assert (shown.contributions, shown.missing) == (None, "sum")


def test_the_default_mode_has_contributions_too(gemma_default):
    trace = llmlab.trace(gemma_default, "我爱北京天安", record=RECORD)
    shown = ResidualView(trace)
    added = array_from_json(shown.contributions).sum(-1)
    torch.testing.assert_close(added, array_from_json(shown.target_logits), atol=0.01, rtol=1e-3)


def test_a_trace_without_parts_is_shown_without_them(gemma):
    shown = ResidualView(llmlab.trace(gemma, "好", record=("residual",)))
    assert (shown.contributions, shown.missing) == (None, "recorded")
    assert "is added to its logit" not in shown.alt()


def test_traces_that_cannot_be_read_out_are_refused(gate):
    with pytest.raises(ValueError, match="not residual; record it"):
        ResidualView(small_trace())
    with pytest.raises(ValueError, match="read without its model"):
        ResidualView(small_trace(record=RECORD))
    stream = gate.residual.clone()
    stream[3, 1, 7] = float("nan")
    with pytest.raises(ValueError, match="after 3 layers is not a number.*float32"):
        ResidualView(dataclasses.replace(gate, residual=stream))
    with pytest.raises(ValueError, match="33 positions, and at most 32"):
        ResidualView(traced(tuple("x" * 33)))


def test_choice_counts_from_the_end_too(gate):
    shown = ResidualView(gate, layer=-6, position=-2)
    assert (shown.layer, shown.position) == (13, 4)
    shown.layer = -1
    assert shown.layer == 18
    with pytest.raises((ValueError, traitlets.TraitError), match="layer is 19; .* 0 to 18"):
        shown.layer = 19
    with pytest.raises(ValueError, match="position is 6; .* 0 to 5"):
        ResidualView(gate, position=6)


def test_a_token_can_be_followed_everywhere(gate, gemma):
    (id,) = gemma.tokenizer.encode("水")
    for target in ("水", id):
        shown = ResidualView(gate, target=target)
        assert shown.target == id
        assert all(id in ids for ids in followed(shown))
        assert "“水” never leads and has" in shown.alt()
    for target, message in (("我爱", "2 tokens"), (-1, "ids are 0 to 262,143"), (2.5, "0 tokens")):
        with pytest.raises(ValueError, match=message):
            ResidualView(gate, target=target)
    with pytest.raises(ValueError, match="k=0 is outside"):
        ResidualView(gate, k=0)


def test_alt_says_the_main_numbers(view, gate):
    alt = view.alt()
    assert alt.startswith("Logit lens of gemma-3-270m over 6 tokens and 18 layers: at “安” “门”")
    assert "leads first after 13 layers with 37.0 % and has 97.2 % after the last" in alt
    parts = array_from_json(view.contributions)[view._followed()[0]]
    assert f"its logit, 13.78, by feed-forward of layer 13 {parts[26]:+.2f} and" in alt


def test_state_is_small_and_the_same_each_time(view, gate):
    state = json.dumps(view.state())
    assert len(state) < 60_000
    assert state == json.dumps(ResidualView(gate).state())
    assert repr(view) == "<ResidualView of gemma-3-270m: 6 tokens>"


def test_picture_is_small_and_the_same_each_time(view):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert view.picture() == view.picture()
        assert len(view.picture()) < 60_000
        hostile = ResidualView(traced(HOSTILE))
        assert hostile.picture().startswith(b"\x89PNG")
    assert [token["text"] for token in hostile.tokens] == [visible(text) for text in HOSTILE]


def test_the_way_through_json_and_back(gate, gemma):
    back = Trace.from_json(gate.to_json(), model=gemma)
    assert ResidualView(back).state() == ResidualView(gate).state()
