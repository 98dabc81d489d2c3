"""ContextView in Python: its numbers against torch's, its picture and words, bad input."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest
import torch
import torch.nn.functional as F
import traitlets

import llmlab
from llmlab.serialization import array_from_json
from llmlab.views import ContextView
from llmlab.views.base import MIME
from tests.small_models import HOSTILE

FRUIT, FIRM = "我喜欢吃苹果", "苹果公司推出新品"
TWICE, ONCE = "苹果和苹果不一样，我喜欢", "我喜欢吃苹果"


def read(model, text):
    return llmlab.trace(model, text, ("residual",))


@pytest.fixture(scope="module")
def traces(gemma):
    return read(gemma, FRUIT), read(gemma, FIRM)


@pytest.fixture(scope="module")
def view(traces):
    return ContextView(*traces, layer=13)


@torch.no_grad()
def normed(model, stream):
    """The final norm written out with torch alone."""
    norm = model.transformer.final_norm
    return stream * torch.rsqrt(stream.square().mean(-1, keepdim=True) + norm.eps) * norm.weight


def test_cosines_are_those_of_the_normed_streams(view, traces, gemma):
    fruit, firm = (normed(gemma, trace.residual) for trace in traces)
    expected = F.cosine_similarity(fruit[:, 4], firm[:, 1], dim=-1)
    found = array_from_json(view.cosines)
    torch.testing.assert_close(found, expected[None], atol=1e-5, rtol=0)
    assert found[0, 0] == pytest.approx(1, abs=1e-6)  # one row of the table
    assert found[0, 13] < 0.8


def test_others_are_all_other_tokens_but_bos(view, traces, gemma):
    fruit, firm = (normed(gemma, trace.residual) for trace in traces)
    # 苹果 of the first with 公司 推出 新品, and of the second with 我 喜欢 吃.
    pairs = [F.cosine_similarity(fruit[:, 4], firm[:, place], dim=-1) for place in (2, 3, 4)]
    pairs += [F.cosine_similarity(firm[:, 1], fruit[:, place], dim=-1) for place in (1, 2, 3)]
    expected = torch.stack(pairs).mean(dim=0)
    torch.testing.assert_close(array_from_json(view.others)[0], expected, atol=1e-5, rtol=0)


def test_the_head_reads_what_the_lens_reads(view, traces):
    shares = array_from_json(view.probabilities)
    assert shares.shape == (1, 2, 19, 5)
    for sentence, (trace, place) in enumerate(zip(traces, (4, 1))):
        for layer, rows in enumerate(trace.lens(place, k=5)):
            found = shares[0, sentence, layer]
            assert found.tolist() == pytest.approx([row.probability for row in rows], abs=1e-4)
            assert view.words[int(array_from_json(view.top)[0, sentence, layer, 0])] == (
                llmlab.views.visible(rows[0].text)
            )
    assert "iPhone" in view.leader(1, 13) and "iPhone" not in view.leader(0, 13)


def test_a_token_that_stands_twice_is_looked_at_where_it_stands_last(gemma):
    trace = read(gemma, TWICE)
    view = ContextView(trace, read(gemma, ONCE), word="苹果")
    place = view.shared.index("苹果")
    texts = [token.text for token in trace.tokens]
    assert texts.count("苹果") == 2
    last = len(texts) - 1 - texts[::-1].index("苹果")
    assert array_from_json(view.at)[place].tolist() == [last, 4]
    assert view.shown == place


def test_without_a_word_the_longest_is_shown(gemma):
    view = ContextView(read(gemma, TWICE), read(gemma, ONCE))
    assert view.shared == ["苹果", "我", "喜欢"] and view.shared[view.shown] == "喜欢"


def test_picture_and_words(view):
    from PIL import Image

    picture = view.picture()
    assert len(picture) < 60_000 and picture == view.picture()
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    words = view.alt()
    cosine = array_from_json(view.cosines)[0]
    assert f"lowest after 16 layers with {cosine[16]:.3f}" in words
    assert f"{cosine[18]:.3f} after the last layer" in words
    assert f"“{view.leader(1, 13)}” in the second" in words
    bundle, metadata = view._repr_mimebundle_()
    assert bundle[MIME]["state"]["alt"] == metadata["image/png"]["alt"] == words
    assert len(json.dumps(view.state())) < 20_000
    assert "0x" not in repr(view)


def test_hostile_text_travels_as_text(gemma):
    view = ContextView(read(gemma, f"我{HOSTILE[1]}"), read(gemma, "我好"))
    state = json.dumps(view.state(), ensure_ascii=False)
    state.encode("utf-8")
    assert not any(char in state for char in "\0\u202e")
    assert view.picture().startswith(b"\x89PNG")


def test_a_choice_that_does_not_exist_is_refused(view):
    for name, message in (("layer", "are 0 to 18"), ("shown", "numbered 0 to 0")):
        with pytest.raises((ValueError, traitlets.TraitError), match=message):
            setattr(view, name, 19)


@pytest.mark.parametrize(
    "texts, options, message",
    [
        ((FRUIT, "猫"), {}, "share no token of gemma"),
        (("猫", "猫"), {}, "the same token and nothing else"),
        ((FRUIT, FIRM), {"word": "公司"}, "'公司' is not a token of both sentences; these are: 苹果"),
        ((FRUIT, FIRM), {"layer": 19}, "are 0 to 18"),
        ((FRUIT, FIRM), {"k": 0}, "k=0 is outside"),
        (("猫" * 40, "猫狗"), {}, "at most 32 are shown"),
    ],
)
def test_bad_input_is_told_in_one_sentence(gemma, texts, options, message):
    with pytest.raises(ValueError, match=message):
        ContextView(*(read(gemma, text) for text in texts), **options)


def test_traces_that_do_not_belong_together(traces, gemma, mini):
    with pytest.raises(ValueError, match="of two models"):
        ContextView(traces[0], read(mini, FIRM))
    with pytest.raises(ValueError, match="without its model"):
        ContextView(traces[0], dataclasses.replace(traces[1], model=None))
    with pytest.raises(ValueError, match="not residual; record it"):
        ContextView(traces[0], llmlab.trace(gemma, FIRM, ("logits",)))


def test_a_translator_is_refused():
    model = llmlab.load("mini-translate", device="cpu")
    trace = llmlab.trace(model, "", ("residual",), source=FRUIT)
    with pytest.raises(ValueError, match="reads a source as well"):
        ContextView(trace, trace)
