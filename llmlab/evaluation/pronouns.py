"""Whose pronoun is it? Questions whose answer follows from the sense alone.

Somebody hands something to somebody, "because he was hungry" or "because he was full"; the names
and the thing form a combination that the world keeps out of training.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..corpus.files import unknown
from ..corpus.frames import load_frames
from ..corpus.scenes import LANGUAGES
from ..corpus.words import Lexicon
from ..corpus.world import World
from ..model import LanguageModel
from .decoding import greedy

FRAMES = {  # a frame: whose reason it gives
    "pronouns.receiver": "receiver",
    "pronouns.receiver_said_otherwise": "receiver",
    "pronouns.giver": "giver",
    "pronouns.giver_said_otherwise": "giver",
}
QUESTION_MARKS = {"zh": "？", "en": "?"}
ANSWER_TOKENS = 16


@dataclass(frozen=True)
class Question:
    """A text up to its question mark, and the name that answers it.

    Attributes:
        kind: whose reason it gives, "giver" or "receiver".
        names: of the people in the prompt, in the order of their first mention.
    """

    prompt: str
    answer: str
    names: tuple[str, ...]
    language: str
    kind: str


@dataclass(frozen=True)
class Wrong:
    """A question that was answered wrongly, and the continuation."""

    question: Question
    continuation: str


@dataclass(frozen=True)
class Share:
    """How many of n are right."""

    language: str | None
    kind: str | None
    n: int
    right: int
    accuracy: float


@dataclass(frozen=True)
class Pronouns:
    """
    Attributes:
        groups: all questions, then by language, then by language and kind.
        nameless: how many continuations name none of the people in the prompt.
        wrong: the wrong answers, at most as many as were asked for.
    """

    groups: tuple[Share, ...]
    nameless: int
    wrong: tuple[Wrong, ...]


def handing_over(seed: int, part: str = "held-out") -> World:
    """The world with nothing but people who hand things over, and a question about why."""
    frames = [frame for frame in load_frames() if frame.name in FRAMES]
    return World(seed, part, Lexicon.load(), frames)


def questions(
    world: World, language: str, n: int, kinds: dict[str, str] = FRAMES
) -> list[Question]:
    """The first n different questions of a world that have a person's name for an answer.

    Args:
        kinds: the kind of each frame's questions; texts of other frames are passed over.

    Raises:
        ValueError: another language, or a world that asks no such question.
    """
    if language not in LANGUAGES:
        raise ValueError(unknown("language", str(language), LANGUAGES))
    names = name_pattern(world.lexicon, language)
    found: dict[str, Question] = {}
    for tried, text in enumerate(world.texts(language)):
        if len(found) == n:
            break
        if tried > 1000 + 100 * n:
            raise ValueError(
                f"among {tried:,} texts there are {len(found)} such questions, not {n}; give a "
                "world that asks them, such as handing_over(seed)"
            )
        prompt, mark, answer = text.text.rpartition(QUESTION_MARKS[language])
        named = names.search(answer)
        people = tuple(dict.fromkeys(names.findall(prompt)))
        if text.frame in kinds and mark and named and named[0] in people and len(people) > 1:
            kind = kinds[text.frame]
            question = Question(prompt + mark, named[0], people, language, kind)
            found.setdefault(question.prompt, question)
    return list(found.values())


def name_pattern(lexicon: Lexicon, language: str) -> re.Pattern[str]:
    """What finds the people's names, the longest where one begins as another does."""
    names = {getattr(word, language) for word in lexicon.categories["person"]}
    border = r"\b" if language == "en" else ""
    ordered = sorted(names, key=lambda name: (-len(name), name))
    return re.compile(f"{border}(?:{'|'.join(map(re.escape, ordered))}){border}")


def measure_pronouns(
    model: LanguageModel, asked: Sequence[Question], most_wrong: int = 20
) -> Pronouns:
    """Greedy answers: right where the first of the prompt's people that it names is the true one.

    Raises:
        ValueError: no question.
    """
    if not asked:
        raise ValueError("there is no question to ask; give at least one")
    answers = greedy(model, [question.prompt for question in asked], ANSWER_TOKENS)
    named = [first_name(*pair) for pair in zip(answers, asked, strict=True)]
    is_right = [name == question.answer for name, question in zip(named, asked, strict=True)]
    keys = {(None, None): None, **{(q.language, None): None for q in asked}}
    keys |= {(q.language, q.kind): None for q in asked}
    groups = []
    for language, kind in keys:
        rows = [
            is_so for q, is_so in zip(asked, is_right, strict=True)
            if language in (None, q.language) and kind in (None, q.kind)
        ]
        right = sum(rows)
        groups.append(Share(language, kind, len(rows), right, right / len(rows)))
    wrong = [
        Wrong(question, answer)
        for question, answer, is_so in zip(asked, answers, is_right, strict=True)
        if not is_so
    ]
    return Pronouns(tuple(groups), named.count(None), tuple(wrong[:most_wrong]))


def first_name(answer: str, question: Question) -> str | None:
    """The first of a prompt's people that an answer names; the longer of two at one place."""
    found = [(answer.find(name), -len(name), name) for name in question.names if name in answer]
    return min(found)[2] if found else None
