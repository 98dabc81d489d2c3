"""Splits that share no sentence, and mixtures of sources."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .documents import Document, Record, record, sentences


def split(
    documents: Sequence[Document], share: float = 0.05, common: int = 8, seed: int = 0
) -> tuple[list[Document], list[Document], Record]:
    """Training documents and held-out ones that have no sentence in common.

    A hash of its text proposes a share of the documents as held out. One that has a stock sentence
    (in more than `common` documents) goes back to training, for it would cost too many; training
    documents with a sentence of one that stays held out are left out of both.

    Returns:
        Training documents, held-out documents, and the record, which counts the held-out ones
        under its reasons.

    Raises:
        ValueError: a share outside 0 to 1, or nothing that could be held out.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share!r}")
    parts = [frozenset(sentences(document.text)) for document in documents]
    counts = Counter(sentence for part in parts for sentence in part)
    proposed = [_fraction(document.text, seed) < share for document in documents]
    held = [
        chosen and all(counts[sentence] <= common for sentence in part)
        for chosen, part in zip(proposed, parts, strict=True)
    ]
    taken = frozenset().union(*(part for chosen, part in zip(held, parts, strict=True) if chosen))
    training, held_out = [], []
    for document, chosen, part in zip(documents, held, parts, strict=True):
        if chosen:
            held_out.append(document)
        elif taken.isdisjoint(part):
            training.append(document)
    if not held_out or not training:
        raise ValueError(
            f"of {len(documents)} documents {len(held_out)} could be held out and {len(training)} "
            "kept for training; give more documents, or other values of share and common"
        )
    reasons = {
        "held out": len(held_out),
        "proposed, but with a stock sentence": sum(proposed) - len(held_out),
        "shares a sentence with held-out text": len(documents) - len(held_out) - len(training),
    }
    return training, held_out, record("split", documents, training, reasons)


def mix(
    sources: Mapping[str, Iterable[Document]], shares: Mapping[str, float], seed: int = 0
) -> Iterator[Document]:
    """Documents of several sources in given shares, until one source has no more.

    Args:
        sources: by name; they may be endless.
        shares: for each source how much of the mixture it is; they need not sum to one.

    Raises:
        ValueError: names that do not agree, or a share that is not above zero.
    """
    if set(sources) != set(shares) or not sources:
        raise ValueError(
            f"sources {sorted(sources)} and shares {sorted(shares)} must have the same names"
        )
    for name, share in shares.items():
        if not share > 0:
            raise ValueError(f"the share of {name} must be above zero, not {share!r}")
    return _mix({name: iter(source) for name, source in sources.items()}, dict(shares), seed)


def _mix(sources: dict[str, Iterator[Document]], shares: dict, seed: int) -> Iterator[Document]:
    draw, total = random.Random(seed).random, sum(shares.values())
    while True:
        at = draw() * total
        for name, share in shares.items():
            at -= share
            if at < 0:
                break
        document = next(sources[name], None)
        if document is None:
            return
        yield document


def mixed(documents: Sequence[Document]) -> Record:
    """The record of a mixture: how many documents each source gave."""
    return record("mixing", documents, documents, Counter(d.source for d in documents))


def _fraction(text: str, seed: int) -> float:
    """A number from 0 to 1 that depends on nothing but the text and the seed."""
    digest = hashlib.blake2b(text.encode(), digest_size=8, key=str(seed).encode()).digest()
    return int.from_bytes(digest, "little") / 2**64
