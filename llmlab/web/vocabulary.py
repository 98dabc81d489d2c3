"""Which tokens of a large vocabulary a reader's browser is sent.

The tokenizer itself is sent whole, so a text is cut exactly as in Python. What is left out are
rows of the token embedding: a quarter of a million of them weigh more than all the rest of the
model. A prompt that would need one of these is read in smaller pieces, and the page says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from ..tokenizers.pretokenize import HAN
from ..tokenizers.sentencepiece_bpe import BYTE, CONTROL, NORMAL, USER_DEFINED, SentencePieceBPE

CHINESE = re.compile(f"[{HAN}]+")
ENGLISH = re.compile("▁?[A-Za-z]+|[ -~▁\n\t]+")  # words, and runs of ASCII signs


def choose(tokenizer: SentencePieceBPE, size: int, texts: Iterable[str]) -> list[int]:
    """The ids to keep, rising.

    Kept in any case: special tokens and those of bytes, single Han characters, printable ASCII,
    and every token of the texts. The rest is filled with pieces of Chinese and of English, one of
    each in turn, in the order in which they were merged when the vocabulary was learned: that is
    the order of how often they stood in the text that it was learned from. With a piece go those
    that it was merged from.

    Raises:
        ValueError: a size that does not hold what is kept in any case.
    """
    kept: set[int] = set()
    for id in set(needed(tokenizer, texts)):
        kept.update(made_from(tokenizer, id))
    if len(kept) > size:
        raise ValueError(f"{len(kept):,} tokens are needed in any case, more than {size:,}")
    chinese = ids_like(CHINESE, tokenizer)
    english = ids_like(ENGLISH, tokenizer)
    for id in chain.from_iterable(zip(chinese, english)):
        if id not in kept:
            new = made_from(tokenizer, id) - kept
            if len(kept) + len(new) > size:
                break
            kept |= new
    return sorted(kept)


def needed(tokenizer: SentencePieceBPE, texts: Iterable[str]) -> Iterator[int]:
    """The ids that are kept whatever the size."""
    for id, kind in enumerate(tokenizer.kinds):
        piece = tokenizer.spelling(id)
        is_character = len(piece) == 1 and bool(CHINESE.match(piece) or piece.isascii())
        is_named = kind == CONTROL and not piece.startswith("<unused")
        if kind in (BYTE, USER_DEFINED) or is_named or is_character:
            yield id
    for text in texts:
        yield from tokenizer.encode(text, special=True)


def ids_like(pattern: re.Pattern[str], tokenizer: SentencePieceBPE) -> Iterator[int]:
    """The ids of ordinary pieces that match as a whole, rising."""
    for id, kind in enumerate(tokenizer.kinds):
        if kind == NORMAL and pattern.fullmatch(tokenizer.spelling(id)):
            yield id


def made_from(tokenizer: SentencePieceBPE, id: int) -> set[int]:
    """A piece and all that its own merges go through, down to characters."""
    found = {id}
    if tokenizer.kinds[id] == NORMAL:
        symbols = list(tokenizer.spelling(id))
        found.update(known for c in symbols if (known := tokenizer.find(c)) is not None)
        while (merge := _first_merge(tokenizer, symbols)) is not None:
            new, at = merge
            found.add(new)
            symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
    return found


def _first_merge(tokenizer: SentencePieceBPE, symbols: list[str]) -> tuple[int, int] | None:
    """The pair of neighbours whose merge was learned first: the id it makes, and where."""
    pairs = ((tokenizer.find(symbols[i] + symbols[i + 1]), i) for i in range(len(symbols) - 1))
    return min((pair for pair in pairs if pair[0] is not None), default=None)
