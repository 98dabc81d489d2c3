"""Token embeddings against NumPy on the `gguf` package's reading of the same table."""

import math

import numpy as np
import pytest
import torch

import llmlab
from llmlab import embeddings
from llmlab.model import LanguageModel
from llmlab.tokenizers.token import Token

WORDS = ["学习", "训练", "教育", "苹果", "机器"]
# Measured with an independent implementation, in float32 from the same file.
COSINES = {"训练": 0.555, "教育": 0.497, "苹果": 0.373, "机器": 0.345}


class LetterTokenizer:
    """One token a letter, a = 0."""

    def encode(self, text, special=False):
        return [ord(letter) - ord("a") for letter in text]

    def token(self, id):
        return Token(id, chr(id + ord("a")), bytes([id + ord("a")]))


def toy(table):
    """A model whose embedding table is given."""
    config = llmlab.TransformerConfig(
        vocab_size=len(table),
        context_length=8,
        n_layers=1,
        d_model=table.shape[1],
        n_heads=1,
        d_ff=4,
    )
    transformer = llmlab.Transformer(config)
    transformer.embedding.token.weight = torch.nn.Parameter(
        torch.tensor(table, dtype=torch.float32)
    )
    return LanguageModel("toy", transformer, LetterTokenizer())


@pytest.fixture(scope="module")
def letters():
    return toy(np.random.default_rng(0).normal(size=(26, 6)))


def numpy_cosine(a, b):
    return a @ b / math.sqrt((a @ a) * (b @ b))


def test_cosines_by_hand():
    model = toy(np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 1.0]]))
    expected = [[1, 0, 0.5**0.5], [0, 1, 0.5**0.5], [0.5**0.5, 0.5**0.5, 1]]
    torch.testing.assert_close(
        llmlab.similarity(model, "abc"), torch.tensor([[1.0]])
    )  # one word: 1
    torch.testing.assert_close(llmlab.similarity(model, ["a", "b", "c"]), torch.tensor(expected))


def test_a_word_of_several_tokens_is_their_mean(letters):
    table = letters.transformer.embedding.token.weight.detach().numpy()
    got = llmlab.similarity(letters, ["ab", "cde"])[0, 1].item()
    assert got == pytest.approx(numpy_cosine(table[:2].mean(0), table[2:5].mean(0)), abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_nearest_against_numpy(letters, dtype, monkeypatch):
    monkeypatch.setattr(embeddings, "ROWS_AT_ONCE", 7)  # the table does not divide into slices
    letters = toy(letters.transformer.embedding.token.weight.detach().numpy())
    letters.transformer.to(dtype)
    table = letters.transformer.embedding.token.weight.detach().double().numpy()
    vector = table[[3, 4]].mean(0)
    order = sorted(
        (i for i in range(26) if i not in (3, 4)), key=lambda i: -numpy_cosine(vector, table[i])
    )
    found = llmlab.nearest(letters, "de", k=24)
    assert [neighbour.id for neighbour in found] == order
    for neighbour in found:
        assert neighbour.cosine == pytest.approx(
            numpy_cosine(vector, table[neighbour.id]), abs=1e-6
        )
        assert neighbour.text == chr(neighbour.id + ord("a"))


def test_analogy_on_a_parallelogram():
    # a, b, c, d at the corners: d = a - b + c in direction, e points elsewhere.
    unit = np.array([[0.8, 0.6, 0], [0, 1, 0], [0, 0.6, 0.8], [0.8, 0.2, 0.8], [-1, 0, 0]])
    found = llmlab.analogy(toy(unit), "a", "b", "c", k=2)
    assert [neighbour.text for neighbour in found] == ["d", "e"]
    assert found[0].cosine == pytest.approx(1, abs=1e-6)


def test_projection_keeps_the_distances_of_points_on_a_plane():
    corners = np.array([[0, 0], [4, 0], [4, 1], [0, 2.0]])
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0][:2]
    plane = llmlab.projection(toy(corners @ turn + 3), ["a", "b", "c", "d"]).numpy()
    for i in range(4):
        for j in range(4):
            assert np.linalg.norm(plane[i] - plane[j]) == pytest.approx(
                np.linalg.norm(corners[i] - corners[j]), abs=1e-5
            )
    assert plane.var(axis=0)[0] > plane.var(axis=0)[1]
    assert (plane[np.abs(plane).argmax(axis=0), [0, 1]] > 0).all()


def test_projection_of_one_word_is_the_origin(letters):
    assert llmlab.projection(letters, ["a"]).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    "call",
    [
        lambda model: llmlab.similarity(model, []),
        lambda model: llmlab.similarity(model, ["a", ""]),
        lambda model: llmlab.nearest(model, ""),
        lambda model: llmlab.nearest(model, "a", k=0),
        lambda model: llmlab.nearest(model, "a", k=26),
        lambda model: llmlab.nearest(model, "a", k=2.5),
        lambda model: llmlab.nearest(model, "a", k=None),
        lambda model: llmlab.analogy(model, "a", "b", "c", k="3"),
        lambda model: llmlab.nearest(model, 5),
        lambda model: llmlab.similarity(model, 5),
        lambda model: llmlab.analogy(model, "a", "", "c"),
    ],
)
def test_bad_input(letters, call):
    with pytest.raises(ValueError):
        call(letters)


# --- Gemma ---------------------------------------------------------------------------------------


def test_gemma_cosines(gemma):  # noqa: F811
    row = llmlab.similarity(gemma, WORDS)[0].tolist()
    assert dict(zip(WORDS[1:], row[1:])) == pytest.approx(COSINES, abs=0.002)
    assert llmlab.similarity(gemma, ["国王", "女王"])[0, 1].item() == pytest.approx(
        0.541, abs=0.002
    )
    assert llmlab.similarity(gemma, ["猫", "狗"])[0, 1].item() == pytest.approx(0.646, abs=0.002)


def test_gemma_neighbours_against_numpy(gemma, reference_gemma):  # noqa: F811
    table = reference_gemma.model.embed_tokens.weight.numpy()
    (id,) = gemma.tokenizer.encode("学习")
    cosines = (
        table
        @ table[id]
        / (np.sqrt(np.einsum("ij,ij->i", table, table)) * np.linalg.norm(table[id]))
    )
    order = np.argsort(-cosines)[1:11]
    found = llmlab.nearest(gemma, "学习", k=10)
    assert [neighbour.id for neighbour in found] == order.tolist()
    np.testing.assert_allclose([neighbour.cosine for neighbour in found], cosines[order], atol=1e-5)


def test_gemma_in_the_default_mode_has_the_same_cosines(gemma, gemma_default):  # noqa: F811
    torch.testing.assert_close(
        llmlab.similarity(gemma_default, WORDS), llmlab.similarity(gemma, WORDS), atol=2e-3, rtol=0
    )
