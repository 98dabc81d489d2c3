"""What happened while a tokenizer was trained, so that it can be watched again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

RECORD_FORMAT = "llmlab.tokenizer-record/1"


@dataclass(frozen=True)
class Merge:
    """Two pieces that became one.

    Attributes:
        left, right: the two, as the vocabulary spells them.
        id: the piece they make.
        count: how often they stood side by side when they were chosen.
        score: what they were chosen by, where that is not the count (WordPiece).
    """

    left: str
    right: str
    id: int
    count: int
    score: float | None = None


@dataclass(frozen=True)
class Round:
    """One round of Unigram's training: expectation, maximisation, pruning.

    Attributes:
        n_pieces: in the vocabulary during the round.
        n_kept: after it.
        log_likelihood: of the text under the round's probabilities, in nats a character.
        tokens_per_character: expected, under the same.
    """

    n_pieces: int
    n_kept: int
    log_likelihood: float
    tokens_per_character: float


@dataclass(frozen=True)
class TrainingRecord:
    """How a vocabulary came about.

    Attributes:
        algorithm: "character", "byte-pair", "wordpiece" or "unigram".
        n_texts, n_characters: of the training text.
        n_words: how many different pre-tokens it has.
        merges: in the order in which they were made.
        rounds: in the order in which they were run.
    """

    algorithm: str
    n_texts: int
    n_characters: int
    n_words: int
    merges: tuple[Merge, ...] = ()
    rounds: tuple[Round, ...] = ()

    def to_json(self) -> dict:
        """As plain JSON; merges and rounds are rows in the order of their fields."""
        whole = {field.name: getattr(self, field.name) for field in fields(self)}
        rows = {
            "merges": [list(asdict(merge).values()) for merge in self.merges],
            "rounds": [list(asdict(round).values()) for round in self.rounds],
        }
        return {"format": RECORD_FORMAT} | whole | rows

    @classmethod
    def from_json(cls, data: Mapping) -> TrainingRecord:
        """The record of such an object.

        Raises:
            ValueError: an object of another kind.
        """
        if not isinstance(data, Mapping) or data.get("format") != RECORD_FORMAT:
            given = data.get("format") if isinstance(data, Mapping) else type(data).__name__
            raise ValueError(f"the record's format is {given!r}, expected {RECORD_FORMAT!r}")
        try:
            values = {name: data[name] for name in (field.name for field in fields(cls))}
            values["merges"] = tuple(Merge(*row) for row in data["merges"])
            values["rounds"] = tuple(Round(*row) for row in data["rounds"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"the training record lacks or misspells a field: {error}") from None
        return cls(**values)
