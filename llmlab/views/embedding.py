"""Words as vectors: how alike they are, what lies near them, and a map of their main directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from .base import View, array, visible

if TYPE_CHECKING:
    from ..model import LanguageModel

MOST_WORDS = 16  # a matrix of more is no longer read


class EmbeddingView(View):
    """Token embeddings of some words: cosine matrix, nearest tokens, and a map of two axes.

    Args:
        model: the model whose token embeddings are shown.
        words: 2 to 16 words; one of several tokens is the mean of their vectors.
        neighbours: how many nearest tokens of the whole vocabulary to show for each word.
        word: the place of the word shown first, from 0.

    Raises:
        ValueError: fewer or more words than that, a word twice, an empty word, or no neighbour.
    """

    _name: ClassVar[str] = "embedding"

    model_name = traitlets.Unicode().tag(sync=True)
    dimensions = traitlets.Int(help="d_model").tag(sync=True)
    words = traitlets.List(help="{text, tokens, neighbours: {id, text, cosine}}").tag(sync=True)
    cosines = traitlets.Dict(help="array object, (word, word)").tag(sync=True)
    points = traitlets.List(help="{text, x, y, word, near}: the map").tag(sync=True)
    explained_variance = traitlets.List(help="share of the variance, axis by axis").tag(sync=True)
    word = traitlets.Int(0, help="the word shown, from 0").tag(sync=True)

    def __init__(
        self, model: LanguageModel, words: Sequence[str], neighbours: int = 8, word: int = 0
    ) -> None:
        from ..embeddings import nearest, similarity

        words = list(words)
        _check(words, neighbours)
        self._cosines = similarity(model, words)  # (word, word)
        near = [nearest(model, text, neighbours) for text in words]
        points, variance = _map(model, words, near)
        super().__init__(
            model_name=model.name,
            dimensions=model.config.d_model,
            words=[
                {
                    "text": visible(text),
                    "tokens": [visible(token.text) for token in model.tokenizer.pieces(text)],
                    "neighbours": [
                        {"id": other.id, "text": visible(other.text), "cosine": float(other.cosine)}
                        for other in others
                    ],
                }
                for text, others in zip(words, near)
            ],
            cosines=array(self._cosines, "float32"),
            points=points,
            explained_variance=variance,
            word=word,
        )

    @traitlets.validate("word")
    def _valid_word(self, proposal: dict[str, Any]) -> int:
        if not 0 <= proposal["value"] < len(self.words):
            raise ValueError(
                f"word is {proposal['value']}; the words are numbered 0 to {len(self.words) - 1}"
            )
        return proposal["value"]

    def picture(self) -> bytes:
        from .embedding_picture import embedding_picture  # matplotlib loads when it is needed

        return embedding_picture(self._cosines, [word["text"] for word in self.words])

    def alt(self) -> str:
        texts = [word["text"] for word in self.words]
        pairs = sorted(
            (-float(self._cosines[i, j]), i, j) for i in range(len(texts)) for j in range(i)
        )
        (most, i, j), (least, k, m) = pairs[0], pairs[-1]
        chosen = self.words[self.word]
        near = ", ".join(
            f"“{other['text']}” {other['cosine']:.3f}" for other in chosen["neighbours"][:3]
        )
        return (
            f"Cosine similarities of {self.model_name}'s embeddings of {len(texts)} words: "
            f"“{texts[j]}” and “{texts[i]}” are most alike ({-most:.3f}), "
            f"“{texts[m]}” and “{texts[k]}” least ({-least:.3f}); "
            f"the tokens nearest to “{chosen['text']}” are {near}."
        )

    def __repr__(self) -> str:
        return f"<EmbeddingView of {self.model_name}: {len(self.words)} words>"


def _check(words: list[str], neighbours: int) -> None:
    if not 2 <= len(words) <= MOST_WORDS:
        raise ValueError(f"{len(words)} words were given; give 2 to {MOST_WORDS}")
    if not all(isinstance(text, str) and text for text in words):
        raise ValueError(f"words must be strings of at least one character, not {words!r}")
    repeated = sorted({text for text in words if words.count(text) > 1})
    if repeated:
        names = ", ".join(map(repr, repeated))
        raise ValueError(f"{names} stands there twice; give each word once")
    if neighbours < 1:
        raise ValueError(f"neighbours is {neighbours}; show at least 1")


def _map(model: LanguageModel, words: list[str], near) -> tuple[list[dict[str, Any]], list[float]]:
    """The points of the map, the words first, and the share of variance of its two axes.

    A neighbour is drawn where its text is that one token again; what the tokenizer would split,
    such as a lone byte, is in the table alone.
    """
    from ..embeddings import projection, word_vectors

    places: dict[str, list[int]] = {text: [] for text in words}
    for i, others in enumerate(near):
        for other in others:
            if other.text in places or model.tokenizer.encode(other.text) == [other.id]:
                places.setdefault(other.text, []).append(i)
    coordinates = projection(model, list(places))  # (point, 2)
    vectors = word_vectors(model, list(places))  # (point, d_model)
    total = (vectors - vectors.mean(dim=0)).square().sum()
    variance = (coordinates.square().sum(dim=0) / total).tolist()  # (2,)
    points = [
        {
            "text": visible(text),
            "x": round(x, 5),
            "y": round(y, 5),
            "word": i if i < len(words) else None,
            "near": of,
        }
        for i, ((text, of), (x, y)) in enumerate(zip(places.items(), coordinates.tolist()))
    ]
    return points, variance
