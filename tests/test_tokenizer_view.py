"""TokenizerView in Python: its tokens beside the tokenizers' own, its merges, picture and words."""

import io
import json

import pytest

from llmlab.tokenizers import ByteLevelBPE
from llmlab.views.base import MIME, visible
from llmlab.views.tokenizer import TokenizerView
from tests.small_tokenizers import small_tokenizers

TEXT = "我爱北京天安门 the king 😀"
HOSTILE = "<img src=x onerror=alert(1)> </script> ${} \u202eabc \0 \ud800 <bos>"


@pytest.fixture(scope="module")
def tokenizers():
    return small_tokenizers()


@pytest.fixture(scope="module")
def view(tokenizers):
    return TokenizerView(TEXT, tokenizers)


def test_rows_are_the_tokenizers_own_tokens(view, tokenizers):
    assert [row["name"] for row in view.rows] == list(tokenizers)
    for row, tokenizer in zip(view.rows, tokenizers.values()):
        tokens = tokenizer.pieces(TEXT)
        assert [token["id"] for token in row["tokens"]] == [token.id for token in tokens]
        assert [token["text"] for token in row["tokens"]] == [visible(t.text) for t in tokens]
        assert [bytes.fromhex(t["bytes"]) for t in row["tokens"]] == [t.bytes for t in tokens]
        assert row["vocab_size"] == tokenizer.vocab_size


def test_steps_are_all_the_merges_that_change_the_text(view, tokenizers):
    tokenizer = tokenizers["byte level"]  # the first that has merges
    assert (view.merges_of, view.n_merges) == ("byte level", len(tokenizer.merges))
    states = [
        [token.id for token in tokenizer.pieces_after(TEXT, k)] for k in range(view.n_merges + 1)
    ]
    changing = [k for k in range(1, len(states)) if states[k] != states[k - 1]]
    assert len(changing) > 5
    assert [step["merge"] for step in view.steps] == [0, *changing]
    for step in view.steps:
        assert [token["id"] for token in step["tokens"]] == states[step["merge"]]
    for step in view.steps[1:]:
        left, right = tokenizer.merges[step["merge"] - 1]
        assert step["count"] == tokenizer.record.merges[step["merge"] - 1].count
        shown = (tokenizer.token(tokenizer.id_of(piece)).text for piece in (left, right))
        assert (step["left"], step["right"]) == tuple(map(visible, shown))
    assert view.step == len(changing)
    assert view.steps[-1]["tokens"] == view.rows[1]["tokens"]


def test_another_text(tokenizers):
    view = TokenizerView(TEXT, tokenizers, merges_of="byte fallback")
    view.text = "the city"
    assert [row["tokens"] for row in view.rows] == [
        row["tokens"] for row in TokenizerView("the city", tokenizers).rows
    ]
    assert view.step == len(view.steps) - 1 and view.status == ""
    before = view.rows
    view.text = "a" * 401
    assert view.status == "the text has 401 characters; give at most 400" and view.rows == before
    view.text = "the"
    assert view.status == "" and view.rows != before


def test_tokenizers_without_merges_and_models(tokenizers, gemma):
    view = TokenizerView("我爱北京天安门", {"Gemma": gemma, "Unigram": tokenizers["Unigram"]})
    assert (view.merges_of, view.steps, view.step) == ("", [], 0)
    assert [t["text"] for t in view.rows[0]["tokens"]] == ["我", "爱", "北京", "天", "安", "门"]


def test_without_a_record_there_are_no_counts(tokenizers):
    trained = tokenizers["byte level"]
    bare = ByteLevelBPE(trained.vocab, trained.merges, trained.pattern)
    view = TokenizerView("the king", {"bare": bare})
    assert len(view.steps) > 1 and all(step["count"] is None for step in view.steps)


def test_picture_and_words(view):
    from PIL import Image

    picture = view.picture()
    assert len(picture) < 60_000 and picture == view.picture()
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    words = view.alt()
    for row in view.rows:
        assert f"{row['name']}, {len(row['tokens'])} tokens: {row['tokens'][0]['text']}" in words
    bundle, metadata = view._repr_mimebundle_()
    assert bundle[MIME]["state"]["alt"] == metadata["image/png"]["alt"] == words
    assert "0x" not in repr(view)


def test_one_token_is_no_plural(tokenizers):
    assert TokenizerView("我", {"characters": tokenizers["character"]}).alt().endswith("1 token: 我.")


def test_hostile_text_travels_as_text(tokenizers):
    view = TokenizerView(HOSTILE, tokenizers)
    state = json.dumps(view.state(), ensure_ascii=False)
    state.encode("utf-8")  # a lone surrogate would not pass
    assert not any(char in state for char in "\0\u202e")
    assert view.picture().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "text, names, options, message",
    [
        ("", ["Unigram"], {}, "there is no text; give at least one character"),
        (None, ["Unigram"], {}, "there is no text"),
        ("a" * 401, ["Unigram"], {}, "the text has 401 characters; give at most 400"),
        ("a", [], {}, "tokenizers is empty; give at least one"),
        ("a", ["Unigram", "byte level"], {"merges_of": "Unigram"}, "choose from ..byte level.., or"),
    ],
)
def test_bad_input_is_told_in_one_sentence(tokenizers, text, names, options, message):
    with pytest.raises(ValueError, match=message):
        TokenizerView(text, {name: tokenizers[name] for name in names}, **options)


def test_a_step_that_is_not_there(view):
    with pytest.raises(ValueError, match="step is 99; the steps are numbered 0 to"):
        view.step = 99
