"""The files that the book's own models are trained on, made from the small world.

    llmlab corpus training/data

writes a tokenizer and, with it, four token files: texts of both languages in turn and pairs of
both directions in turn, each to train on and to evaluate on. With ``--tokenizer llmlab/models/mini``
no tokenizer is trained: that model's is kept, so that it can go on learning. The texts are the
world's endless stream as it comes, neither cleaned nor de-duplicated, because only of that stream is
the exact probability known. The same arguments give the same bytes.
"""

from __future__ import annotations

import logging
import string
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from ..tokenizers import ByteFallbackBPE
from ..tokenizers.trained import TrainedTokenizer
from ..training.token_file import write_pairs, write_tokens
from .world import World

TOKENIZER_TEXTS = 60_000  # of each language
MIN_COUNT = 10  # of a merge, in those texts
SEEDS = {"train": 1, "validation": 2, "tokenizer": 3}


def build(
    folder: str | Path,
    n_texts: int = 600_000,
    n_held_out: int = 4_000,
    vocab_size: int = 6144,
    tokenizer: TrainedTokenizer | None = None,
) -> None:
    """Write the tokenizer and {texts,pairs}-{train,validation}.bin and what describes them.

    Args:
        n_texts: of each language, to train on; as many pairs of each direction.
        n_held_out: the same, to evaluate on.
        vocab_size: of the tokenizer that is trained.
        tokenizer: the one to use; None trains one on the world's own text.

    Raises:
        ModuleNotFoundError: jieba is not installed; the tokenizer's training needs it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if tokenizer is None:
        tokenizer = train_tokenizer(vocab_size)
    tokenizer.save(folder)
    for part, size in (("train", n_texts), ("validation", n_held_out)):
        seed = SEEDS[part]
        write_tokens(folder / f"texts-{part}.bin", texts(seed, size), tokenizer)
        write_pairs(folder / f"pairs-{part}.bin", pairs(seed + 100, size), tokenizer)


def texts(seed: int, n: int) -> Iterator[str]:
    """n texts of each language in turn; the two are not translations of each other."""
    streams = (World(seed=10 * seed + i).texts(language) for i, language in enumerate(("zh", "en")))
    return (text.text for both in islice(zip(*streams, strict=True), n) for text in both)


def pairs(seed: int, n: int) -> Iterator[tuple[str, str]]:
    """n pairs, each from Chinese to English and from English to Chinese."""
    found = islice(World(seed=seed).pairs(), n)
    return chain.from_iterable(((p.zh, p.en), (p.en, p.zh)) for p in found)


def train_tokenizer(vocab_size: int) -> ByteFallbackBPE:
    """Byte-pair encoding of both languages, whose merges stay inside words.

    Chinese is written without spaces, so jieba finds its words here. It is needed for this only:
    the tokenizer reads any text as it stands.
    """
    import jieba

    jieba.setLogLevel(logging.ERROR)
    seed = 10 * SEEDS["tokenizer"]
    chinese = islice(World(seed=seed).texts("zh"), TOKENIZER_TEXTS)
    english = islice(World(seed=seed + 1).texts("en"), TOKENIZER_TEXTS)
    words: Iterable[list[str] | str] = chain(
        (jieba.lcut(text.text, HMM=False) for text in chinese), (text.text for text in english)
    )
    return ByteFallbackBPE.train(
        words, vocab_size, max_han=2, space_first=True, min_count=MIN_COUNT,
        initial_alphabet=string.printable,
    )  # fmt: skip

