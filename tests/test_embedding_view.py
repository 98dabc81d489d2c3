"""EmbeddingView in Python: its numbers against Hugging Face's table, its picture and words."""

import io
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from llmlab.serialization import array_from_json
from llmlab.views.base import MIME
from llmlab.views.embedding import EmbeddingView

WORDS = ["学习", "训练", "教育", "苹果", "机器", "国王", "女王", "猫", "狗"]


@pytest.fixture(scope="module")
def view(gemma):  # noqa: F811
    return EmbeddingView(gemma, WORDS, neighbours=5)


@pytest.fixture(scope="module")
def table(reference_gemma):  # noqa: F811
    """Hugging Face's token embeddings, (vocab, d_model)."""
    return reference_gemma.get_input_embeddings().weight


def test_cosines_are_those_of_hugging_faces_table(view, table, gemma):  # noqa: F811
    ids = [gemma.tokenizer.encode(word) for word in WORDS]
    vectors = torch.stack([table[each].mean(dim=0) for each in ids])
    expected = F.cosine_similarity(vectors[:, None], vectors[None], dim=-1)
    torch.testing.assert_close(array_from_json(view.cosines), expected, atol=1e-4, rtol=0)


def test_cosines_are_the_published_ones(view):
    cosines = array_from_json(view.cosines)
    pairs = {("学习", "训练"): 0.555, ("学习", "教育"): 0.497, ("国王", "女王"): 0.541, ("猫", "狗"): 0.646}
    for (a, b), expected in pairs.items():
        assert float(cosines[WORDS.index(a), WORDS.index(b)]) == pytest.approx(expected, abs=0.01)


def test_neighbours_are_the_nearest_of_the_whole_table(view, table, gemma):  # noqa: F811
    for word in view.words[:2]:
        (own,) = gemma.tokenizer.encode(word["text"])
        cosines = F.cosine_similarity(table, table[own][None], dim=-1)
        cosines[own] = -2
        best = cosines.topk(5)
        assert [near["id"] for near in word["neighbours"]] == best.indices.tolist()
        shown = [near["cosine"] for near in word["neighbours"]]
        np.testing.assert_allclose(shown, best.values, atol=1e-4)


def test_the_map_is_the_principal_components(view, table, gemma):  # noqa: F811
    assert [point["text"] for point in view.points[: len(WORDS)]] == WORDS
    texts = [point["text"].replace("·", " ") for point in view.points]
    ids = [gemma.tokenizer.encode(text) for text in texts]
    vectors = torch.stack([table[each].mean(dim=0) for each in ids]).double().numpy()
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    share = values[::-1][:2] / values.sum()
    np.testing.assert_allclose(view.explained_variance, share, atol=1e-5)
    got = np.array([[point["x"], point["y"]] for point in view.points])
    expected = centred @ axes[:, ::-1][:, :2]
    np.testing.assert_allclose(np.abs(got), np.abs(expected), atol=1e-4)


def test_every_point_knows_whose_neighbour_it_is(view):
    for point in view.points[len(WORDS) :]:
        assert point["word"] is None and point["near"]
        for place in point["near"]:
            near = [other["text"] for other in view.words[place]["neighbours"]]
            assert point["text"] in near


def test_a_word_of_several_tokens_is_their_mean(gemma, table):  # noqa: F811
    view = EmbeddingView(gemma, ["天安门广场上", "猫"], neighbours=1)
    tokens = view.words[0]["tokens"]
    assert len(tokens) > 1 and "".join(tokens) == "天安门广场上"
    mean = table[gemma.tokenizer.encode("天安门广场上")].mean(dim=0)
    (cat,) = gemma.tokenizer.encode("猫")
    expected = F.cosine_similarity(mean, table[cat], dim=0)
    assert float(array_from_json(view.cosines)[0, 1]) == pytest.approx(float(expected), abs=1e-4)


def test_picture_and_words(view):
    from PIL import Image

    picture = view.picture()
    assert len(picture) < 40_000 and picture == view.picture()
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    words = view.alt()
    assert "“猫” and “狗” are most alike (0.646)" in words
    assert view.words[0]["neighbours"][0]["text"] in words
    bundle, metadata = view._repr_mimebundle_()
    assert bundle[MIME]["state"]["alt"] == metadata["image/png"]["alt"] == words
    assert len(json.dumps(view.state())) < 40_000
    assert "0x" not in repr(view)


def test_hostile_words_travel_as_text(gemma):  # noqa: F811
    words = ["<img src=x onerror=alert(1)>", "</script>", "${}", "\u202eabc", "\0", "\ud800"]
    view = EmbeddingView(gemma, words, neighbours=2)
    state = json.dumps(view.state(), ensure_ascii=False)
    state.encode("utf-8")  # a lone surrogate would not pass
    assert not any(char in state for char in "\0\u202e")
    assert view.picture().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "words, options, message",
    [
        (["猫"], {}, "1 words were given; give 2 to 16"),
        ([str(n) for n in range(17)], {}, "17 words were given"),
        (["猫", ""], {}, "at least one character"),
        (["猫", "狗", "猫"], {}, "'猫' stands there twice"),
        (["猫", "狗"], {"neighbours": 0}, "show at least 1"),
        (["猫", "狗"], {"word": 2}, "numbered 0 to 1"),
    ],
)
def test_bad_input_is_told_in_one_sentence(gemma, words, options, message):  # noqa: F811
    with pytest.raises(ValueError, match=message):
        EmbeddingView(gemma, words, **options)
