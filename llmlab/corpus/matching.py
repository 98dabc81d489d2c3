"""Exact probabilities of texts and of beginnings of texts, over all their derivations.

A text is matched against the frames whose texts can begin as it does: sentence by sentence, part
by part, a slot being given the words whose surfaces stand there. What a match leaves open (slots
that were not named, and for a prefix all that comes after it) is summed over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .scenes import Scene
from .words import Word

OPENING = {"zh": 2, "en": 4}  # characters by which the frames are indexed


class Matcher:
    """The derivations of texts in one language.

    Args:
        logs: the log-probability of each scene.
    """

    def __init__(self, scenes: Sequence[Scene], logs: Sequence[float], language: str):
        self.language = language
        self.weights = [math.exp(log) for log in logs]
        self.matches = [SceneMatcher(scene, language) for scene in scenes]
        self.length = OPENING[language]
        self.index: dict[str, list[int]] = {}
        for i, match in enumerate(self.matches):
            for opening in match.openings(self.length):
                self.index.setdefault(opening, []).append(i)

    def probability(self, text: str) -> float:
        """The probability of a text; 0.0 for one that no derivation gives."""
        return math.fsum(
            self.weights[i] * self.matches[i].probability(text)
            for i in self.index.get(text[: self.length], ())
        )

    def prefix_probability(self, prefix: str) -> float:
        """The probability that a text begins so; 1.0 for ""."""
        if not prefix:
            return 1.0
        return math.fsum(
            self.weights[i] * self.matches[i].prefix_probability(prefix)
            for i in self._beginning(prefix)
        )

    def next_characters(self, prefix: str) -> dict[str, float]:
        """The probability that a text begins with the prefix and goes on so ("": that it ends)."""
        total: dict[str, float] = {}
        for i in self._beginning(prefix):
            for character, probability in self.matches[i].next_characters(prefix).items():
                total[character] = total.get(character, 0.0) + self.weights[i] * probability
        return {character: probability for character, probability in total.items() if probability}

    def _beginning(self, prefix: str) -> Sequence[int]:
        if len(prefix) >= self.length:
            return self.index.get(prefix[: self.length], ())
        return sorted({i for o, those in self.index.items() if o.startswith(prefix) for i in those})


class SceneMatcher:
    """The derivations of texts by one frame."""

    def __init__(self, scene: Scene, language: str):
        self.scene = scene
        self.sentences = [line.sentences[language] for line in scene.lines]
        self._first: dict[str, float] | None = None
        self._surfaces: dict[tuple[int, str], tuple[list[int], dict[str, list[Word]]]] = {}

    def probability(self, text: str) -> float:
        return math.fsum(self.walk(text, whole=True).values())

    def prefix_probability(self, prefix: str) -> float:
        return math.fsum(self.walk(prefix, whole=False).values())

    def next_characters(self, prefix: str) -> dict[str, float]:
        if prefix:
            return self.walk(prefix, whole=False)
        if self._first is None:  # it looks at every word of the first slots
            self._first = self.walk("", whole=False)
        return self._first

    def walk(self, text: str, whole: bool) -> dict[str, float]:
        """The probability of the texts that begin so, by the character that comes next.

        "" stands for the end; with `whole`, only texts that end there count.
        """
        end, sentences, scene = len(text), self.sentences, self.scene
        words: list[Word | None] = [None] * len(scene.choices)
        chosen: list[tuple[int, int]] = []
        total: dict[str, float] = {}
        masses: dict[tuple, dict[str, float]] = {}

        def found(next_: str, slot: int = -1, key: str = "", rest: int = 0) -> None:
            # Variants without conditions share their masses: they differ in a factor only.
            factor, conditional = 1.0, []
            for number, variant in chosen:
                if scene.lines[number].depends:
                    conditional.append((number, variant))
                else:
                    factor /= len(sentences[number])
            known = (tuple(words), tuple(conditional), next_, slot, key, rest)
            if known not in masses:
                following = {}
                if slot >= 0:
                    left = text[end - rest :]
                    following = {
                        word: surface[rest]
                        for surface, those in self.surfaces(slot, key)[1].items()
                        if len(surface) > rest and surface.startswith(left)
                        for word in those
                    }
                masses[known] = self.masses(words, conditional, next_, slot, following)
            for character, mass in masses[known].items():
                total[character] = total.get(character, 0.0) + factor * mass

        def line(number: int, at: int) -> None:
            if number == len(sentences):
                if at == end:
                    found("")
                return
            for i, sentence in enumerate(sentences[number]):
                chosen.append((number, i))
                part(sentence.parts if at else sentence.opening, 0, number, at)
                chosen.pop()

        def part(parts: tuple, i: int, number: int, at: int) -> None:
            while i < len(parts):
                slot, key = (-1, "") if isinstance(parts[i], str) else parts[i]
                if slot >= 0 and words[slot] is None:
                    break
                surface = parts[i] if slot < 0 else words[slot].surfaces[key]
                if not text.startswith(surface, at):
                    if not whole and surface.startswith(text[at:]):
                        found(surface[end - at])
                    return
                at += len(surface)
                i += 1
            if i == len(parts):
                line(number + 1, at)
                return
            lengths, surfaces = self.surfaces(slot, key)
            for length in lengths:
                if at + length > end:
                    if not whole:
                        found("", slot, key, end - at)
                    break
                for word in surfaces.get(text[at : at + length], ()):
                    words[slot] = word
                    part(parts, i + 1, number, at + length)
                words[slot] = None

        line(0, 0)
        return total

    def masses(
        self,
        given: list[Word | None],
        chosen: list[tuple[int, int]],
        next_: str,
        slot: int = -1,
        following: dict[Word, str] | None = None,
    ) -> dict[str, float]:
        """The probability of all derivations with some words and variants, by what comes next.

        Args:
            given: for each slot a word, or None for any.
            chosen: (line, variant).
            next_: what comes next, unless it depends on the word of a slot.
            slot, following: that slot, the words it may have, and what each brings.
        """
        scene = self.scene
        needed = {i for i, word in enumerate(given) if word is not None}
        if following:
            needed.add(slot)
        elif slot >= 0:
            return {}
        for number, _ in chosen:
            needed.update(scene.lines[number].depends)
        for choice in reversed(scene.choices):
            if choice.position in needed:
                needed.update(choice.depends)
        order = sorted(needed)
        # Each line is asked as soon as the slots that decide it have their words.
        ready: dict[int, list] = {}
        for number, variant in chosen:
            line = scene.lines[number]
            ready.setdefault(line.depends[-1], []).append((line, variant))
        words: list[Word | None] = [None] * len(scene.choices)
        # Forward over the slots; fillings that agree in all that is still asked are added up.
        states: dict[tuple, float] = {(): 1.0}
        kept: list[int] = []
        for k, here in enumerate(order):
            asked: set[int] = set()
            for later in order[k + 1 :]:
                asked.update(scene.choices[later].depends)
                asked.update(i for line, _ in ready.get(later, ()) for i in line.depends)
            keep = [i for i in [*kept, here] if i in asked or i == slot]
            after: dict[tuple, float] = {}
            for state, before in states.items():
                for i, word in zip(kept, state, strict=True):
                    words[i] = word
                probabilities = scene.choices[here].options(words).probabilities
                if here == slot:
                    candidates = following
                else:
                    candidates = probabilities if given[here] is None else (given[here],)
                for word in candidates:
                    if word not in probabilities:
                        continue
                    words[here] = word
                    probability = before * probabilities[word]
                    for line, variant in ready.get(here, ()):
                        holding = line.holding(words)
                        if variant not in holding:
                            break
                        probability /= len(holding)
                    else:
                        key = tuple([words[i] for i in keep])
                        after[key] = after.get(key, 0.0) + probability
            states, kept = after, keep
        total: dict[str, float] = {}
        for state, probability in states.items():
            character = following[state[0]] if following else next_
            total[character] = total.get(character, 0.0) + probability
        return total

    def surfaces(self, slot: int, key: str) -> tuple[list[int], dict[str, list[Word]]]:
        """The lengths of a slot's surfaces, ascending, and the words that have each surface."""
        known = self._surfaces.get((slot, key))
        if known is None:
            words: dict[str, list[Word]] = {}
            for word in self.scene.choices[slot].domain:
                words.setdefault(word.surfaces[key], []).append(word)
            known = self._surfaces[slot, key] = (sorted({len(surface) for surface in words}), words)
        return known

    def openings(self, length: int) -> set[str]:
        """What texts of the frame can begin with: `length` characters, or a shorter whole text.

        The words of different slots are taken as independent, so that it may have too many.
        """
        found: set[str] = set()

        def line(number: int, before: str) -> None:
            if number == len(self.sentences):
                found.add(before)
                return
            for sentence in self.sentences[number]:
                part(sentence.parts if before else sentence.opening, 0, number, before)

        def part(parts: tuple, i: int, number: int, before: str) -> None:
            if len(before) >= length:
                found.add(before[:length])
            elif i == len(parts):
                line(number + 1, before)
            elif isinstance(parts[i], str):
                part(parts, i + 1, number, before + parts[i])
            else:
                for surface in {s[: length - len(before)] for s in self.surfaces(*parts[i])[1]}:
                    part(parts, i + 1, number, before + surface)

        line(0, "")
        return found
