"""What fits into a slot, and with which probability."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from .files import unknown
from .frames import Conditions, Frame, Slot
from .words import Lexicon, Word

PARTS = ("training", "held-out", "all")
HELD_OUT = 8  # one combination in eight
CACHED = 20_000  # choices a slot remembers before it forgets them all


class Options:
    """Words, each with its probability."""

    def __init__(self, words: Sequence[Word]):
        weights = [word.weight for word in words]
        self.words = words
        self.size = len(words)
        self.total = math.fsum(weights)
        even = len(set(weights)) <= 1
        self.cumulative = None if even else list(accumulate(weights))
        self.log = -math.log(self.size) if even and words else None

    @cached_property
    def probabilities(self) -> dict[Word, float]:
        return {word: word.weight / self.total for word in self.words}


class Choice:
    """How one slot of a frame is filled.

    A word fits if it satisfies the slot's conditions and the slots after it that ask for a
    combination of the world's part (`~`) can still be filled.

    Attributes:
        domain: every word that can ever stand here.
        depends: the positions of the earlier slots that decide what fits.
    """

    def __init__(
        self, position: int, slot: Slot, domain: tuple[Word, ...], names: list[str], part: str
    ):
        self.position, self.slot, self.domain, self.part = position, slot, domain, part
        self.number = {name: i for i, name in enumerate(names)}
        self.depends = tuple(sorted({self.number[name] for name in slot.refers}))
        self.later: tuple[Choice, ...] = ()
        self._cache: dict = {}

    def options(self, words: Sequence[Word | None]) -> Options:
        """What fits, given the words of the earlier slots (only those in `depends` matter)."""
        depends = self.depends
        key = words[depends[0]] if len(depends) == 1 else tuple([words[i] for i in depends])
        options = self._cache.get(key)
        if options is None:
            if len(self._cache) >= CACHED:
                self._cache.clear()
            fitting = list(self.fitting(words))
            if self.later:
                filled = list(words) + [None] * (len(self.number) - len(words))
                fitting = [word for word in fitting if self._leads_on(filled, word)]
            options = self._cache[key] = Options(fitting)
        return options

    def fitting(self, words: Sequence[Word | None]) -> Iterator[Word]:
        """The words that satisfy the slot's own conditions."""
        candidates: Iterable[Word] = self.domain
        if self.slot.link:
            name, field = self.slot.link
            linked = words[self.number[name]].fields.get(field)
            candidates = [word for word in self.domain if word is linked]
        conditions, number = self.slot.conditions, self.number
        if conditions.shares or conditions.equals or conditions.differs:
            candidates = (w for w in candidates if holds(conditions, w, words, number))
        if conditions.parted and self.part != "all":
            others = sum(words[number[slot]].number for slot in conditions.parted)
            wanted = self.part == "held-out"
            candidates = (w for w in candidates if is_held_out(w.number + others) == wanted)
        return iter(candidates)

    def _leads_on(self, words: list[Word | None], word: Word) -> bool:
        words[self.position] = word
        return _can_fill(words, self.later)


def _can_fill(words: list[Word | None], choices: Sequence[Choice]) -> bool:
    if not choices:
        return True
    for word in choices[0].fitting(words):
        words[choices[0].position] = word
        if _can_fill(words, choices[1:]):
            return True
    return False


def holds(
    conditions: Conditions, word: Word, words: Sequence[Word | None], number: dict[str, int]
) -> bool:
    """Whether a word satisfies conditions, given the words of the slots (by `number`).

    Combinations kept for a part of the world (`~`) are not looked at.
    """
    if not conditions.needs <= word.tags or conditions.forbids & word.tags:
        return False
    for slot, field in conditions.shares:
        if word.tags.isdisjoint(words[number[slot]].tag_list(field)):
            return False
    for slot in conditions.equals:
        if words[number[slot]].zh != word.zh:
            return False
    for slot in conditions.differs:
        if words[number[slot]].zh == word.zh:
            return False
    return True


def is_held_out(total: int) -> bool:
    """Whether a combination of words, in any order, is in the held-out eighth.

    Args:
        total: the sum of the words' numbers, which are hashes of them. It is mixed once more
            (the finaliser of SplitMix64; Steele, Lea and Flood, 2014), so that the combinations
            of one word do not follow from those of another.
    """
    mixed = (total ^ (total >> 30)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 31)) % HELD_OUT == 0


def choices_of(frame: Frame, lexicon: Lexicon, part: str) -> list[Choice]:
    """The choices of a frame's slots, in order.

    Raises:
        ValueError: a category, a tag or a link that the lexicon does not have.
    """
    names = [slot.name for slot in frame.slots]
    choices: list[Choice] = []
    for position, slot in enumerate(frame.slots):
        domain = _domain(slot, choices, names, lexicon)
        choices.append(Choice(position, slot, domain, names, part))
    parted = [choice for choice in choices if choice.slot.conditions.parted]
    if part == "all" or not parted:
        return choices
    watched = {choice.position for choice in parted}  # with all that they refer to
    for choice in reversed(choices):
        if choice.position in watched:
            watched.update(choice.depends)
    last = parted[-1].position
    for choice in choices:
        if choice.position in watched and choice.position < last:
            choice.later = tuple(
                c for c in choices if c.position in watched and choice.position < c.position <= last
            )
    own = {choice.position: choice.depends for choice in choices}
    for choice in choices:
        asked = {i for later in choice.later for i in own[later.position] if i < choice.position}
        choice.depends = tuple(sorted({*choice.depends, *asked}))
    return choices


def _domain(
    slot: Slot, choices: list[Choice], names: list[str], lexicon: Lexicon
) -> tuple[Word, ...]:
    if slot.link:
        name, field = slot.link
        source = choices[names.index(name)].domain
        without = [word for word in source if not word.has_link(field)]
        if without:
            raise ValueError(
                f"slot {slot.name}: {without[0].zh}/{without[0].en} has no linked word {field!r}"
            )
        candidates = tuple(dict.fromkeys(word.fields[field] for word in source))
    elif slot.category in lexicon.categories:
        candidates = lexicon.categories[slot.category]
    else:
        message = unknown("category", slot.category or "", lexicon.categories)
        raise ValueError(f"slot {slot.name}: {message}")
    conditions = slot.conditions
    tags = {tag for word in candidates for tag in word.tags}
    for tag in conditions.needs - tags:
        raise ValueError(f"slot {slot.name}: {unknown('tag', tag, tags)}")
    return tuple(
        word for word in candidates
        if conditions.needs <= word.tags and not conditions.forbids & word.tags
    )
