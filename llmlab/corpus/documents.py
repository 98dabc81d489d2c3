"""What a data pipeline works on, and the count that each of its steps leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

SENTENCE = re.compile(r".*?(?:[。！？]+[”’」）]*|[.!?…]+[\"')]*(?=\s|$)|\n|$)", re.S)


@dataclass(frozen=True)
class Document:
    """A text and where it comes from.

    Attributes:
        text: its characters.
        language: "zh" or "en".
        source: what it was drawn from, such as a register; mixing goes by it.
        damage: what was done to it on purpose (see `dirt`), to hold a cleaner's work against.
    """

    text: str
    language: str
    source: str = ""
    damage: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """What a step did.

    Attributes:
        step: its name.
        before, after: documents.
        characters_before, characters_after: their characters, all together.
        changed: documents that were kept and altered; 0 where a step only leaves some out.
        reasons: how many documents each reason concerned.
    """

    step: str
    before: int
    after: int
    characters_before: int
    characters_after: int
    changed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


Step = Callable[[Sequence[Document]], tuple[list[Document], Record]]


def run(
    documents: Sequence[Document], steps: Sequence[Step]
) -> tuple[list[Document], list[Record]]:
    """Do one step after the other.

    Raises:
        ValueError: no documents, or a step that leaves none.
    """
    if not documents:
        raise ValueError("the corpus is empty; give at least one document")
    records = []
    for step in steps:
        documents, record = step(documents)
        records.append(record)
        if not documents:
            raise ValueError(f"the step {record.step!r} left none of {record.before} documents")
    return list(documents), records


def record(
    step: str,
    before: Sequence[Document],
    after: Sequence[Document],
    reasons: dict[str, int] | None = None,
    changed: int = 0,
) -> Record:
    """The record of a step that made `after` from `before`."""
    return Record(
        step, len(before), len(after), sum(len(document.text) for document in before),
        sum(len(document.text) for document in after), changed, dict(reasons or {}),
    )  # fmt: skip


def sentences(text: str) -> list[str]:
    """The sentences of a text, without the spaces around them; a line's end ends one too."""
    return [part for part in (match.strip() for match in SENTENCE.findall(text)) if part]
