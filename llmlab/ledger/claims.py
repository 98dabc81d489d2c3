"""Reading the ledger's file, with every mistake in it named in a sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

import yaml

from .shown import Value, filled, placeholders

FILE = Path("chapters/claims.yaml")
VERDICTS = ("holds", "holds in kind", "corrected", "not tested")
# The fifteen chapters and the long example; a row names those that its subject belongs to.
CHAPTERS = {
    "01_simple_network": "1 A simple network",
    "02_training": "2 Training",
    "03_generating_language": "3 Generating language",
    "04_what_makes_llms_work": "4 What makes LLMs work",
    "05_embeddings": "5 Embeddings",
    "06_subword_tokenizers": "6 Subword tokenizers",
    "07_self_attention": "7 Self-attention",
    "08_softmax": "8 Softmax",
    "09_residual_connections": "9 Residual connections",
    "10_layer_normalisation": "10 Layer normalisation",
    "11_dropout": "11 Dropout",
    "12_multi_head_attention": "12 Multi-head attention",
    "13_positional_embeddings": "13 Positional embeddings",
    "14_gpt_architecture": "14 The GPT architecture",
    "15_transformer_architecture": "15 The Transformer architecture",
    "one_question": "One question",
}


@dataclass(frozen=True)
class Document:
    """A source document: its letter, its title, and what the title means in English."""

    letter: str
    title: str
    english: str


@dataclass(frozen=True)
class Claim:
    """One row.

    Attributes:
        id: names the row, on the page as its anchor.
        document: the letter of the document that says so.
        claim: what it says.
        chapters: stems of the chapters whose subject it is.
        how: what was run; where nothing was, what would have to be.
        verdict: one of VERDICTS.
        finding: what was found, with placeholders for the measured values; where nothing was
            measured, the reason.
        measure: the function that measures, as "module.function" below llmlab.ledger.measures;
            "" where nothing was measured.
        measured: the values that the finding shows, rounded as it shows them.
    """

    id: str
    document: str
    claim: str
    chapters: tuple[str, ...]
    how: str
    verdict: str
    finding: str
    measure: str = ""
    measured: dict[str, Value] | None = None

    @property
    def found(self) -> str:
        """The finding with its values written out."""
        return filled(self.finding, self.measured or {})


@dataclass(frozen=True)
class Ledger:
    """All documents and all claims, in the order of the file."""

    documents: tuple[Document, ...]
    claims: tuple[Claim, ...]

    def of(self, letter: str) -> tuple[Claim, ...]:
        """The claims of one document.

        Raises:
            ValueError: no document has this letter.
        """
        if letter not in {document.letter for document in self.documents}:
            letters = ", ".join(document.letter for document in self.documents)
            raise ValueError(f"there is no document {letter!r}; the ledger has {letters}")
        return tuple(claim for claim in self.claims if claim.document == letter)


def counts(claims: tuple[Claim, ...]) -> dict[str, int]:
    """How many claims have each verdict, in the order of VERDICTS, none left out."""
    found = Counter(claim.verdict for claim in claims)
    return {verdict: found[verdict] for verdict in VERDICTS}


def read(path: Path = FILE, *, complete: bool = True) -> Ledger:
    """The ledger that a file holds.

    Args:
        complete: whether every measured value must be there, as for the page; to measure them
            for the first time it need not.

    Raises:
        ValueError: what is wrong with the file, in a sentence that names the row.
        OSError: a file that cannot be read.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict) or set(data) != {"documents", "claims"}:
        raise ValueError(f"{path} must hold `documents` and `claims`, and nothing else")
    documents = tuple(_built(Document, row, "a document") for row in data["documents"])
    claims = tuple(_built(Claim, row, _place(row, i)) for i, row in enumerate(data["claims"], 1))
    letters = [document.letter for document in documents]
    ids = Counter(claim.id for claim in claims)
    for claim in claims:
        if ids[claim.id] > 1:
            raise ValueError(f"{claim.id} is the id of {ids[claim.id]} claims; each needs its own")
        _check(claim, letters, complete)
    return Ledger(documents, claims)


def _place(row: object, number: int) -> str:
    return str(row["id"]) if isinstance(row, dict) and "id" in row else f"claim {number}"


def _built(kind: type, row: object, place: str):
    if not isinstance(row, dict):
        raise ValueError(f"{place} must be names and values, not {row!r}")
    known = {field.name: field for field in fields(kind)}
    if unknown := set(row) - set(known):
        raise ValueError(f"{place} has {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    needed = [name for name, field in known.items() if field.default is MISSING]
    if missing := [name for name in needed if not row.get(name)]:
        raise ValueError(f"{place} lacks {', '.join(missing)}")
    row = {**row, "chapters": tuple(row["chapters"])} if "chapters" in row else row
    return kind(**row)


def _check(claim: Claim, letters: list[str], complete: bool) -> None:
    """Raises ValueError for a row that contradicts itself."""
    if claim.document not in letters:
        raise ValueError(f"{claim.id}: there is no document {claim.document!r} among {letters}")
    if claim.verdict not in VERDICTS:
        raise ValueError(f"{claim.id}: the verdict {claim.verdict!r} is none of {VERDICTS}")
    if unknown := [stem for stem in claim.chapters if stem not in CHAPTERS]:
        raise ValueError(f"{claim.id}: {unknown[0]!r} is no chapter; known are {list(CHAPTERS)}")
    if (claim.verdict == "not tested") != (not claim.measure):
        raise ValueError(
            f"{claim.id}: a claim has a measure, or the verdict 'not tested' and its reason"
        )
    try:
        names = placeholders(claim.finding)
    except ValueError as error:
        raise ValueError(f"{claim.id}: {error}") from error
    if claim.measure and not names:
        raise ValueError(f"{claim.id}: the finding shows no measured value")
    if complete and set(names) != set(claim.measured or {}):
        raise ValueError(
            f"{claim.id}: the finding shows {sorted(names)}, and measured are "
            f"{sorted(claim.measured or {})}; run `llmlab ledger --write`"
        )
