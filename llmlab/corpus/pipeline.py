"""The data pipeline as a whole: from dirty documents to training text and held-out text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from .cleaning import clean
from .deduplication import drop_duplicates, drop_near_duplicates
from .documents import Document, Record, run
from .quality import filter_quality
from .splitting import split
from .world import World


@dataclass(frozen=True)
class Prepared:
    """What the pipeline made: texts to learn from, texts to be measured on, and its records."""

    training: list[Document]
    held_out: list[Document]
    records: list[Record]


def documents(world: World, language: str, by: str = "register") -> Iterator[Document]:
    """A world's endless texts as documents; their source is the text's register or frame."""
    for text in world.texts(language):
        yield Document(text.text, language, getattr(text, by))


def prepare(
    raw: Sequence[Document], near: float = 0.9, share: float = 0.05, seed: int = 0
) -> Prepared:
    """Clean, filter, de-duplicate exactly and nearly, and split.

    Args:
        near: the Jaccard similarity from which on two documents are near duplicates.
        share: of the documents proposed as held out.

    Raises:
        ValueError: no documents, or a step that leaves none.
    """
    steps = [clean, filter_quality, drop_duplicates, partial(drop_near_duplicates, threshold=near)]
    kept, records = run(raw, steps)
    training, held_out, last = split(kept, share, seed=seed)
    return Prepared(training, held_out, [*records, last])
