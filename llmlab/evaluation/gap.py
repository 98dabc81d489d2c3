"""How far a model's loss lies above the best possible one, which the small world knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ..corpus.world import Text
from ..model import LanguageModel
from .scoring import log_probabilities

WORST = 3


@dataclass(frozen=True)
class Gap:
    """A model beside the world that made the texts, over one group of them.

    Attributes:
        language, register: of the group; None where it has both languages, or all registers.
        unseen: only texts that did not occur in training.
        world_nats, model_nats: mean −log p of a text and its end; their standard errors.
        gap_nats: the mean difference, an estimate of the Kullback–Leibler divergence of the model
            from the world; its standard error is that of the differences, text by text.
        gap: the difference in shares of world_nats; its standard error by the delta method.
        world_bits, model_bits: bits per character, <eos> counted among the bits only.
        worst: the texts with the largest difference, in nats, largest first.
    """

    language: str | None
    register: str | None
    unseen: bool
    n_texts: int
    world_nats: float
    world_error: float
    model_nats: float
    model_error: float
    gap_nats: float
    gap_nats_error: float
    gap: float
    gap_error: float
    world_bits: float
    model_bits: float
    worst: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Gaps:
    """Every group's ``Gap``: by language, then by language and register."""

    groups: tuple[Gap, ...]

    def of(self, language: str, register: str | None = None, unseen: bool = False) -> Gap:
        """
        Raises:
            KeyError: no text was of that group.
        """
        for group in self.groups:
            if (group.language, group.register, group.unseen) == (language, register, unseen):
                return group
        raise KeyError(f"no texts of {(language, register, unseen)}")


def measure_gaps(
    model: LanguageModel,
    log_probability: Callable[[str, str], float],
    texts: Sequence[Text],
    trained_on: Collection[str] | None = None,
) -> Gaps:
    """The gap of a model, by language and register.

    Args:
        log_probability: the exact log p of (text, language) in the stream that the model learnt
            from. ``World.log_probability`` is that of one language; a stream of two that are
            equally likely has ln 2 less, for neither model nor world is told which one comes.
        texts: drawn from that world, so that the mean over them estimates the expectation.
        trained_on: texts that occurred in training; None leaves out the groups without them.

    Raises:
        ValueError: fewer than two texts of a language, or one that the world cannot say.
    """
    world = np.array([-log_probability(text.text, text.language) for text in texts])
    if not np.isfinite(world).all():
        which = texts[int(np.argmin(np.isfinite(world)))]
        raise ValueError(f"the world cannot say {which.text!r}; give texts that it has drawn")
    own = -np.array(log_probabilities(model, [text.text for text in texts]))
    groups = []
    for unseen in (False, True) if trained_on is not None else (False,):
        kept = [i for i, t in enumerate(texts) if not (unseen and t.text in trained_on)]
        for language in dict.fromkeys(text.language for text in texts):
            of_language = [i for i in kept if texts[i].language == language]
            registers = sorted({texts[i].register for i in of_language})
            for register in (None, *registers):
                rows = [i for i in of_language if register in (None, texts[i].register)]
                if len(rows) > 1:
                    members = [texts[i] for i in rows]
                    groups.append(
                        _gap(language, register, unseen, members, world[rows], own[rows])
                    )
    if not groups:
        raise ValueError(f"{len(texts)} texts are too few for a standard error; give 2 or more")
    return Gaps(tuple(groups))


def _gap(
    language: str, register: str | None, unseen: bool,
    texts: Sequence[Text], world: np.ndarray, own: np.ndarray,
) -> Gap:  # fmt: skip
    n_characters = sum(len(text.text) for text in texts)
    difference = own - world
    ratio = difference.mean() / world.mean()
    each = {text.text: float(more) for text, more in zip(texts, difference, strict=True)}
    worst = sorted(each.items(), key=lambda item: -item[1])[:WORST]
    return Gap(
        language, register, unseen, len(texts),
        float(world.mean()), _standard_error(world),
        float(own.mean()), _standard_error(own),
        float(difference.mean()), _standard_error(difference),
        float(ratio), _standard_error(difference - ratio * world) / float(world.mean()),
        float(world.sum()) / n_characters / math.log(2),
        float(own.sum()) / n_characters / math.log(2),
        tuple(worst),
    )  # fmt: skip


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))
