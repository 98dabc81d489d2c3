"""The small world: endless text from a seed, with exact probabilities."""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from .choices import PARTS
from .files import CORPUS, Problem, unknown
from .frames import Frame, load_frames
from .matching import Matcher
from .scenes import LANGUAGES, Scene, spans
from .words import Lexicon

Span = tuple[int, int]


@dataclass(frozen=True)
class Text:
    """A text of the world.

    Attributes:
        log_probability: of the derivation it was drawn by, in nats; where several derivations
            give the same text this is less than `World.log_probability`.
    """

    text: str
    language: str
    register: str
    frame: str
    log_probability: float


@dataclass(frozen=True)
class Pair:
    """The same text in Chinese and in English.

    Attributes:
        alignments: ((start, end) in zh, (start, end) in en), of what means the same.
        log_probability: of the derivation, in nats.
    """

    zh: str
    en: str
    alignments: tuple[tuple[Span, Span], ...]
    register: str
    frame: str
    log_probability: float


@dataclass(frozen=True)
class Entropy:
    """An estimate of a world's entropy.

    Attributes:
        nats: the mean of -log p(text), in nats a text.
        standard_error: of that mean.
        nats_per_character: the same over the mean length in characters.
        texts: how many it was measured on.
    """

    nats: float
    standard_error: float
    nats_per_character: float
    texts: int


class World:
    """A generator of Chinese and English text.

    A text is drawn so: a frame by its weight; a word for each slot, in order, by its weight among
    those that fit; for each line a variant, evenly among those whose condition holds. All
    randomness is `random.Random(seed).random()`, whose sequence Python guarantees, so that a seed
    gives the same texts on every machine. `texts("zh")` and `texts("en")` of one world are
    translations of each other.

    Args:
        seed: of the sequence of texts; it does not change their probabilities.
        part: where frames keep combinations of words apart (`~` in a slot), "training" has seven
            of eight combinations, "held-out" the others, "all" every one.
        lexicon, frames: another world than the package's own.

    Raises:
        TypeError: a seed that is no whole number.
        ValueError: an unknown part, or a mistake in the lexicon or the frames.
    """

    def __init__(
        self,
        seed: int = 0,
        part: str = "training",
        lexicon: Lexicon | None = None,
        frames: Sequence[Frame] | None = None,
    ):
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise TypeError(f"seed must be a whole number, not {seed!r}")
        if part not in PARTS:
            raise ValueError(unknown("part of the world", str(part), PARTS))
        self.seed, self.part = seed, part
        self.lexicon = Lexicon.load() if lexicon is None else lexicon
        frames = load_frames() if frames is None else frames
        if not frames:
            raise ValueError("a world needs at least one frame")
        self.scenes = []
        for frame in frames:
            try:
                self.scenes.append(Scene(frame, self.lexicon, part))
            except ValueError as error:
                raise ValueError(f"{frame.file}: {frame.name}: {error}") from None
        self._cumulative = list(accumulate(frame.weight for frame in frames))
        total = self._cumulative[-1]
        self._logs = [math.log(frame.weight / total) for frame in frames]

    @classmethod
    def load(
        cls, folder: Path = CORPUS, seed: int = 0, part: str = "training",
        problems: list[Problem] | None = None,
    ) -> World:  # fmt: skip
        """The world of a folder with `words` and `frames`.

        Args:
            problems: a list that gets what is wrong; the words and frames concerned are then left
                out. Without one, the first problem is raised.
        """
        lexicon = Lexicon.load(folder / "words", problems)
        frames = load_frames(folder / "frames", problems)
        if problems is not None:
            sound = []
            for frame in frames:
                try:
                    Scene(frame, lexicon, part)
                    sound.append(frame)
                except ValueError as error:
                    problems.append(Problem(frame.file, frame.name, str(error)))
            frames = sound
        return cls(seed, part, lexicon, frames)

    def texts(self, language: str) -> Iterator[Text]:
        """Endless texts, always the same from the start.

        Raises:
            ValueError: a language that is neither "zh" nor "en".
        """
        check_language(language)
        return self._texts(language)

    def _texts(self, language: str) -> Iterator[Text]:
        draw = random.Random(self.seed).random
        while True:
            scene, words, variants, log = self._draw(draw)
            frame = scene.frame
            text = scene.realise(words, variants, language)
            yield Text(text, language, frame.register, frame.name, log)

    def pairs(self) -> Iterator[Pair]:
        """Endless texts in both languages, with what in one stands for what in the other."""
        draw = random.Random(self.seed).random
        while True:
            scene, words, variants, log = self._draw(draw)
            yield make_pair(scene, words, variants, log)

    def log_probability(self, text: str, language: str) -> float:
        """The exact log-probability of a text in nats: the sum over all its derivations.

        A text that the world cannot say has -inf.
        """
        check_language(language)
        return _log(self._matchers[language].probability(text))

    def prefix_probability(self, prefix: str, language: str) -> float:
        """The exact probability that a text begins so.

        The true probability of what comes next is a quotient:
        P(piece | prefix) = prefix_probability(prefix + piece) / prefix_probability(prefix), and
        that of the end exp(log_probability(prefix)) / prefix_probability(prefix).
        """
        check_language(language)
        return self._matchers[language].prefix_probability(prefix)

    def next_characters(self, prefix: str, language: str) -> dict[str, float]:
        """The true distribution of the character after a prefix; "" stands for the text's end.

        The most probable character comes first. For a prefix that no text has, it is empty.
        """
        check_language(language)
        found = self._matchers[language].next_characters(prefix)
        total = math.fsum(found.values())
        ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return {character: probability / total for character, probability in ordered}

    def entropy(self, language: str, n: int = 1000) -> Entropy:
        """Estimate the entropy on the first n texts, from their exact log-probabilities."""
        if not isinstance(n, int) or n < 2:
            raise ValueError(f"n must be a whole number from 2, not {n!r}")
        values, characters = [], 0
        for text, _ in zip(self.texts(language), range(n), strict=False):
            values.append(-self.log_probability(text.text, language))
            characters += len(text.text)
        mean = math.fsum(values) / n
        variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
        return Entropy(mean, math.sqrt(variance / n), math.fsum(values) / characters, n)

    def _draw(self, draw) -> tuple:
        cumulative = self._cumulative
        at = bisect(cumulative, draw() * cumulative[-1], 0, len(cumulative) - 1)
        scene = self.scenes[at]
        words, variants, log = scene.draw(draw)
        return scene, words, variants, log + self._logs[at]

    @cached_property
    def _matchers(self) -> dict[str, Matcher]:
        return {language: Matcher(self.scenes, self._logs, language) for language in LANGUAGES}


def make_pair(scene: Scene, words: Sequence, variants: Sequence[int], log: float) -> Pair:
    """Both texts of a derivation, with their alignments."""
    number = {slot.name: i for i, slot in enumerate(scene.frame.slots)}
    texts = {"zh": "", "en": ""}
    aligned = []
    for line, chosen in zip(scene.lines, variants, strict=True):
        variant, found = line.variants[chosen], {}
        for language in LANGUAGES:
            sentence, before = line.sentences[language][chosen], texts[language]
            start = len(before) + (len(sentence.separator) if before else 0)
            texts[language] += sentence.realise(words)
            if not before and texts[language][:1] in (" ", "\n"):
                start = len(sentence.separator) - 1
                texts[language] = texts[language][1:]
            found[language] = spans(variant, language, words, number, start)
        aligned += [(found["zh"][i], found["en"][j]) for i, j in variant.alignments]
    frame = scene.frame
    return Pair(texts["zh"], texts["en"], tuple(aligned), frame.register, frame.name, log)


def check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise ValueError(unknown("language", str(language), LANGUAGES))


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf
