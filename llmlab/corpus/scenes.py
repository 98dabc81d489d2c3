"""A frame made ready: its choices and sentences, compiled for sampling and for matching."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Sequence

from .choices import Choice, choices_of, holds
from .frames import Frame, Line, Variant
from .templates import Literal, Use
from .words import Lexicon, Word

LANGUAGES = ("zh", "en")


class Sentence:
    """A variant in one language.

    Attributes:
        parts: for matching: text, or (slot position, surface key); the first part of a sentence
            that follows another begins with what separates them.
        opening: the parts, where the sentence is a text's first.
        uses: the (slot position, surface key) of its slots, in order.
        pattern: a %-format for their surfaces, with the separator.
    """

    def __init__(self, variant: Variant, language: str, number: dict[str, int]):
        parts: list[str | tuple[int, str]] = []
        for part in variant.template(language):
            if isinstance(part, Use):
                parts.append((number[part.slot], part.key(language)))
            elif parts and isinstance(parts[-1], str):
                parts[-1] += part.text
            else:
                parts.append(part.text)
        breaks = bool(parts) and isinstance(parts[0], str) and parts[0].startswith("\n")
        self.separator = " " if language == "en" and parts and not breaks else ""
        self.opening = tuple(_without_break(parts) if breaks else parts)
        if self.separator:
            parts = [" " + parts[0], *parts[1:]] if isinstance(parts[0], str) else [" ", *parts]
        self.parts = tuple(parts)
        self.uses = tuple(part for part in parts if not isinstance(part, str))
        self.pattern = "".join(p.replace("%", "%%") if isinstance(p, str) else "%s" for p in parts)

    def realise(self, words: Sequence[Word]) -> str:
        return self.pattern % tuple([words[i].surfaces[key] for i, key in self.uses])


class Telling:
    """A line of a frame: its variants, and which of them hold for given words."""

    def __init__(self, line: Line, number: dict[str, int]):
        self.variants = line.variants
        self.number = number
        self.sentences = {
            language: [Sentence(variant, language, number) for variant in line.variants]
            for language in LANGUAGES
        }
        asked = {
            number[name]
            for variant in line.variants
            for slot, conditions in variant.when
            for name in (slot, *conditions.slots)
        }
        self.depends = tuple(sorted(asked))
        self._all = tuple(range(len(line.variants)))
        self._cache: dict = {}

    def holding(self, words: Sequence[Word]) -> tuple[int, ...]:
        """The variants whose conditions hold (only the slots in `depends` matter)."""
        if not self.depends:
            return self._all
        key = tuple([words[i] for i in self.depends])
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = tuple(i for i in self._all if self._holds(i, words))
        return found

    def _holds(self, i: int, words: Sequence[Word]) -> bool:
        return all(
            holds(conditions, words[self.number[slot]], words, self.number)
            for slot, conditions in self.variants[i].when
        )


class Scene:
    """A frame with its choices and lines.

    Raises:
        ValueError: the frame asks the lexicon for what it does not have.
    """

    def __init__(self, frame: Frame, lexicon: Lexicon, part: str = "all"):
        self.frame = frame
        self.choices: list[Choice] = choices_of(frame, lexicon, part)
        number = {slot.name: i for i, slot in enumerate(frame.slots)}
        self.lines = [Telling(line, number) for line in frame.lines]
        self._check_forms(number)
        for choice in self.choices:
            if choice.later and not choice.depends and not choice.options(()).words:
                raise ValueError(
                    f"slot {choice.slot.name}: no word of it leads to a combination that is in the "
                    f"{part} part; give the slots that ~ compares more words"
                )

    def draw(self, random: Callable[[], float]) -> tuple[list[Word], list[int], float]:
        """Fill the slots and choose the variants.

        Returns:
            The words, the variant of each line, and the log-probability of both in nats.

        Raises:
            ValueError: nothing fits into a slot, or no variant of a line holds.
        """
        words: list[Word] = []
        log = 0.0
        for choice in self.choices:
            options = choice.options(words)
            if options.log is not None:
                words.append(options.words[int(random() * options.size)])
                log += options.log
            elif options.size:
                at = bisect(options.cumulative, random() * options.total, 0, options.size - 1)
                words.append(options.words[at])
                log += math.log(options.words[at].weight / options.total)
            else:
                raise ValueError(f"{self.frame.name}: {self.nothing_fits(choice, words)}")
        variants = []
        for line in self.lines:
            holding = line.holding(words)
            if len(holding) == 1:
                variants.append(holding[0])
            elif holding:
                variants.append(holding[int(random() * len(holding))])
                log -= math.log(len(holding))
            else:
                raise ValueError(f"{self.frame.name}: {self.nothing_holds(line, words)}")
        return words, variants, log

    def realise(self, words: Sequence[Word], variants: Sequence[int], language: str) -> str:
        """The text of a derivation."""
        text = "".join(
            [
                line.sentences[language][variant].realise(words)
                for line, variant in zip(self.lines, variants, strict=True)
            ]
        )
        return text[1:] if text[:1] in (" ", "\n") else text

    def nothing_fits(self, choice: Choice, words: Sequence[Word]) -> str:
        given = ", ".join(
            f"{self.frame.slots[i].name}={words[i].zh}" for i in choice.depends if words[i]
        )
        return f"nothing fits into slot {choice.slot.name}" + (f" with {given}" if given else "")

    def nothing_holds(self, line: Telling, words: Sequence[Word]) -> str:
        given = ", ".join(f"{self.frame.slots[i].name}={words[i].zh}" for i in line.depends)
        return f"no variant of line {self.lines.index(line) + 1} holds with {given}"

    def _check_forms(self, number: dict[str, int]) -> None:
        for line in self.lines:
            for language in LANGUAGES:
                for i, key in {use for s in line.sentences[language] for use in s.uses}:
                    for word in self.choices[i].domain:
                        try:
                            word.surfaces[key]
                        except KeyError as error:
                            name = self.frame.slots[i].name
                            raise ValueError(f"slot {name}: {error.args[0]}") from None


def spans(
    variant: Variant, language: str, words: Sequence[Word], number: dict[str, int], start: int
) -> list[tuple[int, int]]:
    """Where each part of a variant's template stands, as (start, end), if it begins at start."""
    found = []
    for part in variant.template(language):
        text = (
            part.text if isinstance(part, Literal)
            else words[number[part.slot]].surfaces[part.key(language)]
        )
        found.append((start, start + len(text)))
        start += len(text)
    return found


def _without_break(parts: list) -> list:
    return [parts[0][1:], *parts[1:]] if len(parts[0]) > 1 else parts[1:]
