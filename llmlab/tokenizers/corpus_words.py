"""The words of a training text, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .record import Merge, Round, TrainingRecord

@dataclass(frozen=True)
class WordCounts:
    """How often each pre-token stands in a training text.

    Attributes:
        counts: pre-token → how often, in the order in which they were first seen.
        n_texts, n_characters: of the text.
    """

    counts: Counter[str]
    n_texts: int
    n_characters: int

    def record(
        self, algorithm: str, merges: Sequence[Merge] = (), rounds: Sequence[Round] = ()
    ) -> TrainingRecord:
        """The record of a training on this text."""
        return TrainingRecord(
            algorithm, self.n_texts, self.n_characters, len(self.counts),
            merges=tuple(merges), rounds=tuple(rounds),
        )  # fmt: skip

    def characters(self) -> Counter[str]:
        """How often each character stands in the text."""
        characters: Counter[str] = Counter()
        for word, count in self.counts.items():
            for character in word:
                characters[character] += count
        return characters


def count_words(
    texts: Iterable[str | Sequence[str]], words: Callable[[str | Sequence[str]], list[str]]
) -> WordCounts:
    """Count the pre-tokens of texts.

    Args:
        texts: each a string, or a list of the words that joined are the text.
        words: the pre-tokens of one text.

    Raises:
        ValueError: one string instead of several, something that is no text, or no text at all.
    """
    if isinstance(texts, (str, bytes)):
        raise ValueError(
            f"texts is one {type(texts).__name__}, expected several strings; give [text]"
        )
    counts: Counter[str] = Counter()
    n_texts = n_characters = 0
    for i, text in enumerate(texts):
        parts = (text,) if isinstance(text, str) else text
        if isinstance(text, bytes) or not all(isinstance(part, str) for part in parts):
            raise ValueError(
                f"text {i} is {type(text).__name__}, expected a string or a list of words; "
                "decode bytes as UTF-8 first"
            )
        counts.update(words(text))
        n_texts += 1
        n_characters += sum(map(len, parts))
    if not counts:
        raise ValueError(
            f"the training text is empty: {n_texts} texts with {n_characters} characters; "
            "give at least one text with a character in it"
        )
    return WordCounts(counts, n_texts, n_characters)


def alphabet(found: WordCounts, coverage: float) -> list[str]:
    """The most frequent characters that make up `coverage` of the text, in Unicode's order.

    Half a surrogate pair is never one of them: no file could hold it.

    Raises:
        ValueError: a coverage that is not over 0 and at most 1.
    """
    if not 0 < coverage <= 1:
        raise ValueError(f"character_coverage={coverage} is out of range: over 0, at most 1")
    characters = found.characters()
    needed, kept, covered = coverage * characters.total(), [], 0
    for character in sorted(characters, key=lambda c: (-characters[c], c)):
        if covered >= needed:
            break
        kept.append(character)
        covered += characters[character]
    return sorted(c for c in kept if not "\ud800" <= c <= "\udfff")


def check_room(vocab_size: int, n_needed: int, what: str) -> None:
    """Raise ValueError for a vocabulary that does not hold what it must."""
    if isinstance(vocab_size, bool) or not isinstance(vocab_size, int):
        raise ValueError(f"vocab_size={vocab_size!r} is no whole number")
    if vocab_size < n_needed:
        raise ValueError(
            f"vocab_size={vocab_size} is smaller than {what}, {n_needed}; choose {n_needed} or more"
        )
