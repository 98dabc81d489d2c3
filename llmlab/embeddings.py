"""Token embeddings as vectors with directions: similarity, neighbours, analogies, a flat map.

A word's vector is the mean of its tokens' embeddings, taken from the table before any scaling.
Words are taken as they are written: "king" and " king" are different tokens with different
vectors, and a leading space is given by writing one. All sums are in float32 or better,
whatever the table is stored in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .checks import is_integer
from .model import LanguageModel
from .quantized import dense

ROWS_AT_ONCE = 1024  # of the table in float32, small enough for a cache; all are 671 MB


@dataclass(frozen=True)
class Neighbour:
    """A token and the cosine of the angle between its embedding and the vector asked about."""

    id: int
    text: str
    cosine: float


def word_vector(model: LanguageModel, word: str) -> Tensor:
    """The mean of the embeddings of a word's tokens, (d_model,), float32 on the CPU.

    Raises:
        ValueError: an empty word.
    """
    ids = torch.tensor(word_ids(model, word), device=model.device)
    return _table(model)[ids].float().mean(dim=0).cpu()


def word_ids(model: LanguageModel, word: str) -> list[int]:
    """A word's token ids, without the special tokens around it.

    Raises:
        ValueError: an empty word.
    """
    if not isinstance(word, str):
        raise ValueError(f"a word must be a string, not {word!r}")
    ids = model.tokenizer.encode(word)
    if not ids:
        raise ValueError("a word is empty; give at least one character")
    return ids


def word_vectors(model: LanguageModel, words: Sequence[str]) -> Tensor:
    """``word_vector`` of several words, (word, d_model).

    Raises:
        ValueError: no word, or an empty one.
    """
    if not isinstance(words, Iterable):
        raise ValueError(f"words must be strings, not {words!r}")
    words = [words] if isinstance(words, str) else list(words)
    if not words:
        raise ValueError("no words were given; give at least one")
    return torch.stack([word_vector(model, word) for word in words])


def similarity(model: LanguageModel, words: Sequence[str]) -> Tensor:
    """Cosines between the words' vectors, (word, word): 1 is one direction, 0 a right angle."""
    unit = _unit(word_vectors(model, words))
    return (unit @ unit.T).clamp(-1, 1)


def nearest(model: LanguageModel, word: str, k: int = 10) -> list[Neighbour]:
    """The k tokens of the whole vocabulary nearest to a word, its own tokens left out.

    Raises:
        ValueError: an empty word, or k outside 1 … vocabulary.
    """
    return _nearest(model, word_vector(model, word), k, without=word_ids(model, word))


def analogy(model: LanguageModel, a: str, b: str, c: str, k: int = 10) -> list[Neighbour]:
    """The k tokens nearest to ``a - b + c``: king - man + woman.

    English words mid-sentence begin with a space: " king", " man", " woman" lead to " queen".
    The three vectors are first brought to length one, and their own tokens are left out
    (Mikolov, Yih and Zweig, 2013; 3CosAdd of Levy and Goldberg, 2014).

    Raises:
        ValueError: an empty word, or k outside 1 … vocabulary.
    """
    unit = _unit(word_vectors(model, (a, b, c)))
    own = [id for word in (a, b, c) for id in word_ids(model, word)]
    return _nearest(model, unit[0] - unit[1] + unit[2], k, without=own)


def projection(model: LanguageModel, words: Sequence[str]) -> Tensor:
    """The words on a plane, (word, 2): the two directions in which they differ most.

    Principal components of the words' vectors. A component's sign has no meaning, so it is
    fixed: the word farthest out along it lies on the positive side.
    """
    vectors = word_vectors(model, words).double()
    centred = vectors - vectors.mean(dim=0)
    left, spread, _ = torch.linalg.svd(centred, full_matrices=False)
    plane = torch.zeros(len(vectors), 2, dtype=torch.float64)
    n = min(2, len(spread))
    plane[:, :n] = left[:, :n] * spread[:n]
    farthest = plane.abs().argmax(dim=0)
    plane *= torch.where(plane.gather(0, farthest[None])[0] < 0, -1.0, 1.0)
    return plane.float()


def _nearest(
    model: LanguageModel, vector: Tensor, k: int, without: Iterable[int]
) -> list[Neighbour]:
    own = torch.tensor(sorted(set(without)))
    vocab = len(_table(model))
    if not is_integer(k) or not 1 <= k <= vocab - len(own):
        raise ValueError(
            f"k={k!r} is outside the whole numbers 1 … {vocab - len(own):,}, "
            "the vocabulary's other tokens"
        )
    found = cosines(model, vector)
    found[own] = -2.0  # below every cosine
    best = found.sort(descending=True, stable=True)  # of equal cosines the lower id comes first
    rows = zip(best.indices[:k].tolist(), best.values[:k].tolist(), strict=True)
    return [Neighbour(id, model.tokenizer.token(id).text, cosine) for id, cosine in rows]


def cosines(model: LanguageModel, vector: Tensor) -> Tensor:
    """The cosine of every token's embedding with a vector, (vocab,), on the CPU."""
    direction = _unit(vector[None])[0].to(model.device)
    found = []
    for part in _table(model).split(ROWS_AT_ONCE):
        rows = dense(part).float()
        lengths = rows.norm(dim=-1).clamp_min(1e-12)
        found.append((rows @ direction / lengths).clamp(-1, 1).cpu())
    return torch.cat(found)


def _unit(vectors: Tensor) -> Tensor:
    """Vectors of length one; a vector of zeros, which has no direction, stays zero."""
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def _table(model: LanguageModel) -> Tensor:
    """The token embeddings, (vocab, d_model)."""
    return model.transformer.embedding.token.weight.detach()
