"""Greedy translations of pairs that a model has not been trained on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..corpus.world import Pair
from ..model import LanguageModel
from .decoding import greedy

MOST_TOKENS = 128


@dataclass(frozen=True)
class WrongTranslation:
    """A translation that is not the expected one."""

    source: str
    expected: str
    found: str


@dataclass(frozen=True)
class Translation:
    """
    Attributes:
        direction: "zh-en" or "en-zh".
        exact: the share of translations that equal the expected one, character by character.
        chrf: 0 … 100, over the whole corpus (Popović, 2015: characters up to 6, β = 2).
        chrf_signature: sacrebleu's description of it, for comparison with others'.
        n_unseen, exact_unseen: the same of the pairs that did not occur in training; None where
            that was not asked.
        wrong: the first wrong ones.
    """

    direction: str
    n: int
    exact: float
    chrf: float
    chrf_signature: str
    n_unseen: int | None
    exact_unseen: float | None
    wrong: tuple[WrongTranslation, ...]


def measure_translation(
    model: LanguageModel,
    pairs: Sequence[Pair],
    source: str,
    trained_on: Collection[tuple[str, str]] | None = None,
    most_wrong: int = 20,
) -> Translation:
    """Translate every pair's source greedily and hold it against the pair's other text.

    Args:
        source: the language to translate from, "zh" or "en".
        trained_on: (zh, en) pairs that occurred in training.

    Raises:
        ValueError: no pair, another language, or a model without an encoder.
        ModuleNotFoundError: sacrebleu is not installed.
    """
    if model.config.architecture != "encoder-decoder":
        raise ValueError(f"{model.name} does not translate; give an encoder-decoder")
    if source not in ("zh", "en"):
        raise ValueError(f"source={source!r} is no language here; expected 'zh' or 'en'")
    if not pairs:
        raise ValueError("there is no pair to translate; give at least one")
    target = "en" if source == "zh" else "zh"
    sources = [getattr(pair, source) for pair in pairs]
    expected = [getattr(pair, target) for pair in pairs]
    found = greedy(model, sources, MOST_TOKENS)
    is_right = [a == b for a, b in zip(found, expected, strict=True)]
    n_unseen = exact_unseen = None
    if trained_on is not None:
        unseen = [
            right for pair, right in zip(pairs, is_right, strict=True)
            if (pair.zh, pair.en) not in trained_on
        ]
        n_unseen = len(unseen)
        exact_unseen = sum(unseen) / n_unseen if unseen else None
    score, signature = chrf(found, expected)
    wrong = [
        WrongTranslation(*row)
        for *row, right in zip(sources, expected, found, is_right, strict=True)
        if not right
    ]
    return Translation(
        f"{source}-{target}", len(pairs), sum(is_right) / len(pairs), score, signature,
        n_unseen, exact_unseen, tuple(wrong[:most_wrong]),
    )  # fmt: skip


def chrf(found: Sequence[str], expected: Sequence[str]) -> tuple[float, str]:
    """chrF of a corpus, 0 … 100, and how it was computed.

    Raises:
        ModuleNotFoundError: sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics import CHRF
    except ModuleNotFoundError:
        raise ModuleNotFoundError("to compute chrF, run `pip install sacrebleu`") from None
    metric = CHRF()
    score = metric.corpus_score(list(found), [list(expected)]).score
    return score, str(metric.get_signature())
