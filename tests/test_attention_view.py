"""AttentionView in Python: its state, its choices, its picture and its words."""

from __future__ import annotations

import base64
import dataclasses
import io
import warnings

import matplotlib.image
import numpy as np
import pytest
import torch
import traitlets

from llmlab.views import AttentionView, picture
from tests.small_models import HOSTILE, SENTENCE, small_trace, small_translation


def decoded(stored: dict) -> np.ndarray:
    """The numbers of an array object."""
    kind = np.dtype(stored["dtype"]).newbyteorder("<")
    return np.frombuffer(base64.b64decode(stored["data"]), kind).reshape(stored["shape"])


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_state_holds_the_traces_numbers(precision):
    trace = small_trace()
    state = AttentionView(trace, precision=precision).state()
    np.testing.assert_array_equal(
        decoded(state["weights"]), trace.attention.numpy().astype(precision)
    )
    np.testing.assert_array_equal(decoded(state["scores"]), trace.scores.numpy().astype(precision))
    assert [token["text"] for token in state["tokens"]] == list(SENTENCE)
    assert state["scale"] == pytest.approx(16**-0.5)
    assert state["has_bos"] is True


def test_state_describes_the_mask():
    local = small_trace(sliding_window=2, global_layers=(2,))
    assert AttentionView(local).windows == [2, 2, None]
    assert AttentionView(local).causal is True
    assert AttentionView(small_trace(architecture="encoder")).causal is False


@pytest.mark.parametrize(
    "changes",
    [{}, {"sliding_window": 2, "global_layers": (2,)}, {"architecture": "encoder"}],
    ids=["causal", "window", "encoder"],
)
def test_state_explains_the_weights(changes):
    """Scores, scale and mask of the state lead to its weights, by the definition of softmax."""
    state = AttentionView(small_trace(**changes)).state()
    scores = torch.tensor(decoded(state["scores"]))
    position = torch.arange(len(SENTENCE))
    distance = position[:, None] - position[None, :]
    for layer, window in enumerate(state["windows"]):
        hidden = torch.zeros_like(distance, dtype=torch.bool)
        if state["causal"]:
            hidden |= distance < 0
        if window is not None:
            hidden |= distance.abs() >= window
        exps = torch.exp(scores[layer].double() * state["scale"]).masked_fill(hidden, 0)
        expected = exps / exps.sum(dim=-1, keepdim=True)
        np.testing.assert_allclose(decoded(state["weights"])[layer], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "name", "n_query", "n_key", "causal"),
    [
        ("self", "attention", 7, 7, True),
        ("encoder", "encoder_attention", 5, 5, False),
        ("cross", "cross_attention", 7, 5, False),
    ],
)
def test_each_kind_shows_its_own_weights(kind, name, n_query, n_key, causal):
    trace = small_translation()
    state = AttentionView(trace, kind=kind).state()
    weights = decoded(state["weights"])
    np.testing.assert_array_equal(weights, getattr(trace, name).numpy())
    assert weights.shape[2:] == (n_query, n_key)
    assert len(state["tokens"]) == n_query
    assert state["source"] is None or len(state["source"]) == n_key
    assert (state["source"] is not None) == (kind == "cross")
    assert state["causal"] is causal
    assert (state["scores"] is not None) == (kind == "self")
    assert state["has_bos"] is (kind != "cross")  # that row writes the first word


def test_the_encoders_view_shows_the_source():
    view = AttentionView(small_translation(), kind="encoder", query=2)
    assert [token["text"] for token in view.tokens] == list(SENTENCE)
    assert view.alt().startswith("Encoder attention of small, layer 0, head 0 (from 0), over 5")
    assert "“喜欢” looks at" in view.alt()


def test_the_queries_of_cross_attention_are_the_targets():
    view = AttentionView(small_translation(), kind="cross", layer=1, head=1, query=-1)
    assert view.query == 6
    row = view._weights[1, 1, 6]
    assert f"“.” looks at “{SENTENCE[int(row.argmax())]}” with" in view.alt()
    assert "from 7 tokens to 5 of the source" in view.alt()
    assert view.picture().startswith(b"\x89PNG")
    with pytest.raises((ValueError, traitlets.TraitError), match="query is 7, and this trace has 7"):
        view.query = 7


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="kind='source' is not known; choose one of"):
        AttentionView(small_translation(), kind="source")


def test_a_trace_without_a_source_has_no_cross_attention():
    with pytest.raises(ValueError, match=r"no cross attention; record it.*cross_attention"):
        AttentionView(small_trace(), kind="cross")


def test_choice_counts_from_the_end_too():
    view = AttentionView(small_trace(), layer=-1, head=-2, query=-1)
    assert (view.layer, view.head, view.query) == (2, 0, 4)
    view.query = -5
    assert view.query == 0


@pytest.mark.parametrize(("axis", "size"), [("layer", 3), ("head", 2), ("query", 5)])
def test_choice_outside_the_trace_is_refused(axis, size):
    message = f"{axis} is {size}, and this trace has {size}.*from 0 to {size - 1}"
    with pytest.raises(ValueError, match=message):
        AttentionView(small_trace(), **{axis: size})
    view = AttentionView(small_trace())
    with pytest.raises((ValueError, traitlets.TraitError), match=message):
        setattr(view, axis, size)


def test_trace_without_attention_is_refused():
    with pytest.raises(ValueError, match="no attention.*record="):
        AttentionView(small_trace(record=("logits",)))


def test_trace_of_a_model_that_overflowed_is_refused():
    trace = small_trace()
    attention = trace.attention.clone()
    attention[1, 0, 2] = float("nan")
    trace = dataclasses.replace(trace, attention=attention)
    with pytest.raises(ValueError, match="layer 1 is not a number.*float32"):
        AttentionView(trace)


def test_trace_too_long_is_refused():
    with pytest.raises(ValueError, match="257 tokens.*at most 256"):
        AttentionView(small_trace(tuple("x" * 257)))


def test_trace_without_scores_is_shown_without_steps():
    assert AttentionView(small_trace(record=("attention",))).state()["scores"] is None


def test_alt_says_the_main_numbers():
    trace = small_trace()
    view = AttentionView(trace, layer=1, head=1, query=3)
    row = trace.attention[1, 1, 3]
    best = int(row.argmax())
    assert f"layer 1, head 1 (from 0), over 5 tokens: “吃” looks at “{SENTENCE[best]}”" in view.alt()
    assert f"with {row[best] * 100:.1f} %" in view.alt()
    on_bos = trace.attention[1, 1, 1:, 0].mean() * 100
    assert view.alt().endswith(f"{on_bos:.1f} % of the other tokens' attention is on “<bos>”.")
    view.hide_bos = True
    assert view.alt().endswith("on “<bos>”, which is hidden here.")


def test_alt_of_a_text_without_a_beginning_token():
    view = AttentionView(small_trace(SENTENCE[1:]))
    assert view.has_bos is False
    assert "other tokens" not in view.alt()


def test_picture_is_small_and_the_same_each_time():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for texts in (SENTENCE, HOSTILE):
            png = AttentionView(small_trace(texts)).picture()
            assert png == AttentionView(small_trace(texts)).picture()
            assert len(png) < 40_000
            assert b"Software" not in png
            assert b"tIME" not in png


def test_picture_shows_the_weights():
    """The map's cells have the colours of their weights."""
    trace = small_trace()
    image = matplotlib.image.imread(io.BytesIO(AttentionView(trace, layer=1, head=0).picture()))
    weights = trace.attention[1, 0].numpy()
    present = {tuple(pixel) for pixel in np.round(image[..., :3] * 255).astype(int).reshape(-1, 3)}
    for weight in weights[weights > 0.01]:
        expected = np.round(np.array(picture.RAMP(float(weight)))[:3] * 255).astype(int)
        nearest = min(np.abs(expected - pixel).max() for pixel in present)
        assert nearest <= 4  # of 255: a palette's step


def test_picture_without_a_chinese_font_numbers_the_tokens(monkeypatch):
    monkeypatch.setattr(picture, "chinese_font", lambda: None)
    picture._drawable.cache_clear()
    try:
        names, note = picture.labels(["<bos>", "我", "apple"])
        assert names == ["<bos>", "#1", "apple"]
        assert "No installed font" in note
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert AttentionView(small_trace()).picture().startswith(b"\x89PNG")
    finally:
        picture._drawable.cache_clear()


def test_labels_are_no_formulas_and_not_long():
    names, _ = picture.labels(["$x$", "a" * 40])
    assert names == [r"\$x\$", "a" * 13 + "…"]
