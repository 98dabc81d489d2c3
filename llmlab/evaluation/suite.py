"""All measurements that fit a model, one after another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..corpus.build import SEEDS
from ..corpus.build import pairs as training_pairs
from ..corpus.build import texts as training_texts
from ..corpus.scenes import LANGUAGES
from ..corpus.world import World
from ..model import LanguageModel
from .alignment import measure_alignment
from .calibration import measure_calibration
from .exact import compare_with_exact
from .gap import measure_gaps
from .meanings import measure_meanings
from .prompts import measure_prompts
from .pronouns import handing_over, measure_pronouns, questions
from .texts import SEED, fresh_pairs, fresh_texts, seen
from .translation import measure_translation


@dataclass(frozen=True)
class Sizes:
    """How much is measured, of each language or direction.

    Attributes:
        texts: for the gap.
        calibration: texts whose tokens are counted.
        exact: texts of which one place each is compared with the world's exact probabilities.
        questions: about pronouns.
        pairs: to translate. aligned: of these, whose cross-attention is looked at.
        trained_on: texts (or pairs) of the training stream to look the fresh ones up in; 0: none.
    """

    texts: int = 2000
    calibration: int = 600
    exact: int = 400
    questions: int = 400
    pairs: int = 1000
    aligned: int = 500
    trained_on: int = 600_000


QUICK = Sizes(300, 150, 80, 100, 100, 60, 0)


def evaluate(
    model: LanguageModel, sizes: Sizes = Sizes(), seed: int = SEED
) -> Iterator[tuple[str, object]]:
    """The name and the result of each measurement, as soon as it is there.

    Every result is a frozen dataclass (or a tuple of them) that ``dataclasses.asdict`` turns
    into plain values.

    Args:
        seed: of the texts; corpus.build.SEEDS are taken by training.

    Raises:
        ValueError: an encoder, or the seed of a training stream.
    """
    if seed in SEEDS.values():
        raise ValueError(f"seed {seed} is that of a training stream; choose one not in {SEEDS}")
    architecture = model.config.architecture
    if architecture == "decoder":
        yield from _of_a_decoder(model, sizes, seed)
    elif architecture == "encoder-decoder":
        yield from _of_a_translator(model, sizes, seed)
    else:
        raise ValueError(
            f"{model.name} is an {architecture}; an evaluation needs a model that writes text"
        )


def _of_a_decoder(model: LanguageModel, sizes: Sizes, seed: int):
    yield "prompts", measure_prompts(model)
    yield "meanings", measure_meanings(model)
    held_out = handing_over(seed)
    asked = [q for language in LANGUAGES for q in questions(held_out, language, sizes.questions)]
    yield "pronouns", measure_pronouns(model, asked)
    world = World(seed=seed)
    texts = {language: fresh_texts(sizes.texts, language, seed) for language in LANGUAGES}
    for language in LANGUAGES:
        some = [text.text for text in texts[language][: sizes.calibration]]
        yield f"calibration {language}", measure_calibration(model, some)
        first = texts[language][: sizes.exact]
        yield f"exact {language}", compare_with_exact(model, world, first, seed)
    both = texts["zh"] + texts["en"]
    trained_on = None
    if sizes.trained_on:
        stream = training_texts(SEEDS["train"], sizes.trained_on)
        trained_on = seen((text.text for text in both), stream)

    def log_probability(text: str, language: str) -> float:
        # The model learnt from a stream in which either language is as likely to come next.
        return world.log_probability(text, language) - math.log(len(LANGUAGES))

    yield "gap", measure_gaps(model, log_probability, both, trained_on)


def _of_a_translator(model: LanguageModel, sizes: Sizes, seed: int):
    pairs = fresh_pairs(sizes.pairs, seed)
    trained_on = None
    if sizes.trained_on:
        stream = training_pairs(SEEDS["train"] + 100, sizes.trained_on)
        both_ways = {(p.zh, p.en) for p in pairs}
        trained_on = seen(both_ways, stream)
    for source in LANGUAGES:
        target = "en" if source == "zh" else "zh"
        found = measure_translation(model, pairs, source, trained_on)
        yield f"translation {source}-{target}", found
        aligned = measure_alignment(model, pairs[: sizes.aligned], source)
        yield f"alignment {source}-{target}", aligned
