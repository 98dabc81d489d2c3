"""Directions of meaning in the token embeddings: which words are near, and analogies."""

from __future__ import annotations

from dataclasses import dataclass

from ..embeddings import analogy, similarity, word_ids
from ..model import LanguageModel

NEAR_TO = "学习"
FROM_NEAR_TO_FAR = ("训练", "教育", "机器", "苹果")
ANALOGIES = (  # a − b + c → d
    ("king", "man", "woman", "queen"),
    ("国王", "男人", "女人", "女王"),
    ("prince", "boy", "girl", "princess"),
    ("王子", "男孩", "女孩", "公主"),
    ("father", "man", "woman", "mother"),
    ("父亲", "男人", "女人", "母亲"),
    ("uncle", "man", "woman", "aunt"),
    ("叔叔", "男人", "女人", "阿姨"),
    ("son", "boy", "girl", "daughter"),
    ("儿子", "男孩", "女孩", "女儿"),
)


@dataclass(frozen=True)
class Order:
    """Cosines of words with one word, which should fall in the order given.

    Attributes:
        n_tokens: of the word and the others; a word of several is their mean.
        holds: whether each cosine is larger than the next.
    """

    word: str
    others: tuple[str, ...]
    cosines: tuple[float, ...]
    n_tokens: tuple[int, ...]
    holds: bool


@dataclass(frozen=True)
class Analogy:
    """a − b + c, and where d stands among its neighbours.

    Attributes:
        rank: of the expected token, from 1; None where a word is not one token.
        first: the nearest three, as text.
    """

    a: str
    b: str
    c: str
    expected: str
    rank: int | None
    first: tuple[str, ...]


@dataclass(frozen=True)
class Meanings:
    order: Order
    analogies: tuple[Analogy, ...]


def measure_meanings(model: LanguageModel) -> Meanings:
    """The order of four cosines, and the ranks of the analogies' answers."""
    return Meanings(
        order_of(model, NEAR_TO, FROM_NEAR_TO_FAR),
        tuple(solve(model, *words) for words in ANALOGIES),
    )


def order_of(model: LanguageModel, word: str, others: tuple[str, ...]) -> Order:
    spelled = [in_a_text(model, each) for each in (word, *others)]
    cosines = similarity(model, spelled)[0, 1:].tolist()
    counts = tuple(len(word_ids(model, each)) for each in spelled)
    falls = all(a > b for a, b in zip(cosines, cosines[1:], strict=False))
    return Order(word, others, tuple(cosines), counts, falls)


def solve(model: LanguageModel, a: str, b: str, c: str, expected: str) -> Analogy:
    """The rank of ``expected`` among the neighbours of a − b + c, the three words left out."""
    words = [in_a_text(model, word) for word in (a, b, c, expected)]
    ids = [word_ids(model, word) for word in words]
    left_out = {id for each in ids[:3] for id in each}
    n_others = model.config.vocab_size - len(left_out)
    found = analogy(model, *words[:3], k=n_others)
    is_ranked = len(ids[3]) == 1 and ids[3][0] not in left_out
    ranks = {neighbour.id: rank for rank, neighbour in enumerate(found, 1)}
    first = tuple(neighbour.text for neighbour in found[:3])
    return Analogy(a, b, c, expected, ranks[ids[3][0]] if is_ranked else None, first)


def in_a_text(model: LanguageModel, word: str) -> str:
    """The word as it is written inside a text, with the space before it if that is its token.

    Some tokenizers read a word at a text's beginning as if a space stood there; others have one
    token for it there and another, which is the usual one, behind a space. The usual one is
    taken: the spelling with fewer tokens, and of two equally short ones that with the space.
    """
    spellings = (f" {word}", word) if word.isascii() else (word,)
    return min(spellings, key=lambda spelling: len(word_ids(model, spelling)))
