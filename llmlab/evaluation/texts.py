"""Texts of the small world that a model has not been trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import islice

from ..corpus.build import SEEDS
from ..corpus.build import pairs as training_pairs
from ..corpus.build import texts as training_texts
from ..corpus.world import Pair, Text, World
from ..tokenizers import Tokenizer
from ..training.token_file import TokenFile

SEED = 4  # beside corpus.build.SEEDS, whose streams are other ones


def fresh_texts(n: int, language: str, seed: int = SEED) -> list[Text]:
    """n texts of the stream that training texts come from, under another seed.

    They are as the world says them, so that a short or a likely one may have been in training
    too; see ``seen``.
    """
    world = World(seed=10 * seed + ("zh", "en").index(language))
    return list(islice(world.texts(language), n))


def fresh_pairs(n: int, seed: int = SEED) -> list[Pair]:
    """n different pairs of another seed than the training pairs'."""
    found: dict[tuple[str, str], Pair] = {}
    for pair in World(seed=100 + seed).pairs():
        found.setdefault((pair.zh, pair.en), pair)
        if len(found) == n:
            return list(found.values())
    raise AssertionError("a world's pairs never end")


def seen(candidates: Iterable, stream: Iterable) -> frozenset:
    """Which of the candidates come in a stream; what is kept in memory is the candidates alone."""
    left = set(candidates)
    found = set()
    for each in stream:
        if each in left:
            left.discard(each)
            found.add(each)
            if not left:
                break
    return frozenset(found)


def fingerprint(n: int = 1000) -> str:
    """SHA-256 of the training stream's first n texts of each language.

    Where it differs, a word or a frame of the world has changed in between, and neither entropies
    nor gaps may be compared.
    """
    stream = "\0".join(training_texts(SEEDS["train"], n))
    return hashlib.sha256(stream.encode()).hexdigest()


def is_of_this_world(file: TokenFile, tokenizer: Tokenizer, n: int = 300) -> bool:
    """Whether a training file begins with what the world, as it is now, writes into one."""
    if file.kind == "texts":
        expected = list(training_texts(SEEDS["train"], n))
    else:
        expected = [text for pair in training_pairs(SEEDS["train"] + 100, n) for text in pair]
    starts = [0, *(file.ends[: len(expected)] + 1)]
    found = (file.tokens[a:b].tolist() for a, b in zip(starts, starts[1:], strict=False))
    return [tokenizer.decode(ids) for ids in found] == expected[: len(starts) - 1]
