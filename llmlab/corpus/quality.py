"""Filtering by quality: rules a document must pass, each with its own count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from .documents import Document, Record, record

HAN = re.compile(r"[\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]")
RUN = re.compile(r"([^\w\s]|_)\1{5,}")
SIGNS = re.compile(r"[^\w\s。，、！？：；“”‘’（）《》…—.,!?:;\"'()-]")
END = re.compile(r"[。！？.!?…”\"')）`]$")
LISTED = re.compile(r"\d+[.、)）]|[-*•]")
SIGNATURE = 30  # characters that the last line of a letter has at most
MIXED = 0.3  # the share of the other language that a text about words or code may have


def too_short(document: Document) -> bool:
    """Fewer than four letters or characters."""
    return sum(character.isalnum() for character in document.text) < 4


def unfinished(document: Document) -> bool:
    """It does not end as a sentence, a list, a signed letter or code does."""
    if END.search(document.text):
        return False
    *before, last = document.text.split("\n")
    signed = bool(before) and bool(END.search(before[-1])) and len(last) <= SIGNATURE
    return not (signed or LISTED.match(last))


def garbled(document: Document) -> bool:
    """It holds characters that only wrong decoding leaves."""
    return "\ufffd" in document.text or bool(re.search(r"[\u0080-\u009f]", document.text))


def symbols(document: Document) -> bool:
    """A long run of one sign, or too many signs that are neither letters nor punctuation."""
    text = document.text
    return "```" not in text and (
        bool(RUN.search(text)) or len(SIGNS.findall(text)) > 0.1 * len(text)
    )


def repetitive(document: Document) -> bool:
    """One sentence makes up more than half of at least four."""
    parts = [part for part in re.split(r"(?<=[。！？.!?])\s*", document.text) if part]
    return len(parts) >= 4 and max(Counter(parts).values()) > len(parts) / 2


def other_language(document: Document) -> bool:
    """Its letters are mostly those of the other language; code does not count."""
    text = re.sub(r"```.*?```", "", document.text, flags=re.S)
    han, latin = len(HAN.findall(text)), len(LATIN.findall(text)) / 4  # four letters, one character
    own, foreign = (han, latin) if document.language == "zh" else (latin, han)
    return foreign > (own + foreign) * (1 - MIXED)


RULES: tuple[Callable[[Document], bool], ...] = (
    too_short, garbled, symbols, unfinished, repetitive, other_language,
)  # fmt: skip


def filter_quality(
    documents: Sequence[Document], rules: Sequence[Callable[[Document], bool]] = RULES
) -> tuple[list[Document], Record]:
    """Leave out the documents to which a rule says yes; the first such rule is the reason."""
    kept, reasons = [], {rule.__name__.replace("_", " "): 0 for rule in rules}
    for document in documents:
        rule = next((rule for rule in rules if rule(document)), None)
        if rule is None:
            kept.append(document)
        else:
            reasons[rule.__name__.replace("_", " ")] += 1
    return kept, record("quality", documents, kept, reasons)
