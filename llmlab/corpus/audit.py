"""What can go wrong in a world although each file reads well."""

from __future__ import annotations

import random
from itertools import islice

from .files import Problem
from .scenes import Scene
from .world import World

VISITED = 3000  # fillings of a frame that are looked at before chance takes over


def audit(world: World, samples: int = 4000) -> list[Problem]:
    """Slots that can be empty, conditions that can all fail, and translations that are not one."""
    problems = []
    for scene in world.scenes:
        found = [*empty_slots(scene), *silent_lines(scene), *same_variants(scene)]
        if any(slot.conditions.parted for slot in scene.frame.slots):
            found += missing_parts(scene, world)
        problems += [Problem(scene.frame.file, scene.frame.name, message) for message in found]
    sound = {problem.where for problem in problems}
    frames = [scene.frame for scene in world.scenes if scene.frame.name not in sound]
    if frames:
        problems += duplicate_translations(World(1, "all", world.lexicon, frames), samples)
    return problems


def missing_parts(scene: Scene, world: World) -> list[str]:
    """A message for each part of the world in which the frame has no filling."""
    messages = []
    for part in ("training", "held-out"):
        try:
            Scene(scene.frame, world.lexicon, part)
        except ValueError as error:
            messages.append(str(error))
    return messages


def empty_slots(scene: Scene) -> list[str]:
    """A message for each slot into which nothing fits with some words of the slots before it."""
    messages = []
    for choice in scene.choices:
        conditions = choice.slot.conditions
        others = set(choice.slot.refers) - set(conditions.differs) - set(conditions.parted)
        if not others and len(choice.domain) > len(conditions.differs):
            continue  # only differing is asked, of fewer words than there are
        for words in fillings(scene, choice.depends):
            if not choice.options(words).words:
                messages.append(scene.nothing_fits(choice, words))
                break
    return messages


def silent_lines(scene: Scene) -> list[str]:
    """A message for each line of which no variant holds with some words."""
    messages = []
    for line in scene.lines:
        if all(variant.when for variant in line.variants):
            for words in fillings(scene, line.depends):
                if not line.holding(words):
                    messages.append(scene.nothing_holds(line, words))
                    break
        for i, variant in enumerate(line.variants):
            everything = fillings(scene, line.depends) if variant.when else ()
            if variant.when and not any(i in line.holding(words) for words in everything):
                text = "".join(getattr(part, "text", "{…}") for part in variant.zh)
                messages.append(f"the condition of {text!r} never holds")
    return messages


def same_variants(scene: Scene) -> list[str]:
    """A message for two variants of a line that differ in one language only."""
    messages = []
    for number, line in enumerate(scene.lines, 1):
        for side, other in (("zh", "en"), ("en", "zh")):
            seen: dict = {}
            for variant in line.variants:
                if variant.when:
                    continue  # conditions may keep the two apart; samples will tell
                here, there = (
                    tuple(getattr(part, "text", part) for part in variant.template(language))
                    for language in (side, other)
                )
                if seen.setdefault(here, there) != there:
                    text = "".join(p if isinstance(p, str) else f"{{{p.slot}}}" for p in here)
                    messages.append(f"line {number}: {text!r} has two translations")
    return messages


def fillings(scene: Scene, wanted: tuple[int, ...]):
    """Words for the wanted slots and those they depend on: all, or VISITED drawn by chance."""
    needed = set(wanted)
    for choice in reversed(scene.choices):
        if choice.position in needed:
            needed.update(choice.depends)
    order = sorted(needed)
    words = [None] * len(scene.choices)
    size = 1
    for i in order:
        size *= max(1, len(scene.choices[i].domain))
    draw = random.Random(0).random

    def fill(k: int):
        if k == len(order):
            yield words
            return
        options = scene.choices[order[k]].options(words).words
        if size > VISITED:
            options = options and [options[int(draw() * len(options))]]
        for word in options:
            words[order[k]] = word
            yield from fill(k + 1)

    for _ in range(VISITED if size > VISITED else 1):
        yield from fill(0)


def duplicate_translations(world: World, samples: int) -> list[Problem]:
    """Where one text came out with two translations."""
    problems, seen = [], {"zh": {}, "en": {}}
    for pair in islice(world.pairs(), samples):
        for side, here, there in (("zh", pair.zh, pair.en), ("en", pair.en, pair.zh)):
            before, frame = seen[side].setdefault(here, (there, pair.frame))
            if before != there:
                text = f"{here!r} is both {there!r} and, in {frame}, {before!r}"
                problems.append(Problem("", pair.frame, text))
    return list({str(problem): problem for problem in problems}.values())


def sentence_translations(world: World, samples: int) -> list[tuple[str, str, str, str, str]]:
    """Lines that came out with two translations: (text, one, its frame, another, its frame).

    Sentences may need their neighbours to be translated (a pronoun, a tense), so that this is no
    mistake in itself; many of them make a translator's task harder.
    """
    found, seen = [], {"zh": {}, "en": {}}
    draw = random.Random(2).random
    for _ in range(samples):
        scene, words, variants, _ = world._draw(draw)
        for number, chosen in enumerate(variants):
            line = scene.lines[number]
            text = {
                language: line.sentences[language][chosen].realise(words).strip()
                for language in ("zh", "en")
            }
            for side, other in (("zh", "en"), ("en", "zh")):
                key = text[side]
                before, frame = seen[side].setdefault(key, (text[other], scene.frame.name))
                if before != text[other]:
                    found.append((key, text[other], scene.frame.name, before, frame))
    return list(dict.fromkeys(found))


