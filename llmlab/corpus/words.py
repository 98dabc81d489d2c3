"""The lexicon: words that are the same thing in Chinese and in English."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from .files import CORPUS, Problem, check_text, read_files
from .forms import chinese, english

GENDERS = ("m", "f", "n")


@dataclass(eq=False)
class Word:
    """One thing, and what it is called.

    Attributes:
        zh, en: its dictionary forms.
        category: the list it stands in; None for a word that is only a link of another.
        tags: what conditions ask for.
        gender: "m", "f" or "n"; it decides the pronouns.
        weight: how often it is chosen, relative to the others that fit.
        fields: its own inflected forms (str), linked words (Word) and tag lists (frozenset).
        surfaces: what it looks like in a text: `surfaces["en past"]`, computed at first use.
        number: a hash of its Chinese name, 64 bits, the same on every machine.
    """

    zh: str
    en: str
    category: str | None = None
    tags: frozenset[str] = frozenset()
    gender: str = "n"
    weight: float = 1.0
    uncountable: bool = False
    fields: dict[str, str | Word | frozenset[str]] = field(default_factory=dict, repr=False)
    surfaces: Surfaces = field(init=False, repr=False)
    number: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.surfaces = Surfaces(self)
        digest = hashlib.blake2b(self.zh.encode(), digest_size=8).digest()
        self.number = int.from_bytes(digest, "little")

    def follow(self, links: tuple[str, ...]) -> Word:
        """The word that a chain of links leads to.

        Raises:
            KeyError: it has no such link.
        """
        word = self
        for link in links:
            linked = word.fields.get(link)
            if not isinstance(linked, Word):
                raise KeyError(f"{word.zh}/{word.en} has no linked word {link!r}")
            word = linked
        return word

    def has_link(self, name: str) -> bool:
        return isinstance(self.fields.get(name), Word)

    def tag_list(self, name: str) -> frozenset[str]:
        """The tags that a field lists; none, if it has no such field."""
        tags = self.tags if name == "tags" else self.fields.get(name)
        return tags if isinstance(tags, frozenset) else frozenset()


class Surfaces(dict):
    """A word's surface by key: language, path and, for a capital first letter, "^".

    "zh", "en past", "en capital.possessive ^": the path is links and a form, all optional.
    """

    def __init__(self, word: Word):
        super().__init__()
        self.word = word

    def __missing__(self, key: str) -> str:
        language, *rest = key.split(" ")
        capital = rest[-1:] == ["^"]
        *links, form = (rest[0] if rest and rest[0] != "^" else "").split(".")
        if form and self.word.follow(tuple(links)).has_link(form):
            links, form = [*links, form], ""
        word = self.word.follow(tuple(links))
        surface = english(word, form) if language == "en" else chinese(word, form)
        if capital:
            surface = surface[:1].upper() + surface[1:]
        self[key] = surface
        return surface


@dataclass(frozen=True)
class Lexicon:
    """All words, by category."""

    categories: dict[str, tuple[Word, ...]]

    @classmethod
    def load(
        cls, folder: Path = CORPUS / "words", problems: list[Problem] | None = None
    ) -> Lexicon:
        """Read every .yaml file of a folder.

        Args:
            problems: a list that gets what is wrong; without one, the first problem is raised.

        Raises:
            ValueError: something is wrong, and no list was given.
        """
        found: list[Problem] = []
        categories: dict[str, list[Word]] = {}
        for name, content in read_files(folder, found):
            if not isinstance(content, dict):
                found.append(Problem(f"{name}.yaml", "", "expected categories with their words"))
                continue
            for category, entries in content.items():
                if category in categories:
                    found.append(Problem(f"{name}.yaml", category, "stands in another file too"))
                for entry in entries or ():
                    try:
                        categories.setdefault(category, []).append(read_word(entry, category))
                    except ValueError as error:
                        found.append(Problem(f"{name}.yaml", str(category), str(error)))
        lexicon = cls({name: tuple(words) for name, words in categories.items()})
        lexicon._resolve_links()
        found += lexicon.contradictions()
        if problems is None and found:
            raise ValueError(str(found[0]))
        if problems is not None:
            problems += found
        return lexicon

    def words(self) -> list[Word]:
        """Every word of every category."""
        return [word for words in self.categories.values() for word in words]

    def contradictions(self) -> list[Problem]:
        """Where a Chinese word has two English ones or the reverse, or stands twice in a list."""
        problems = []
        for side, other in (("zh", "en"), ("en", "zh")):
            seen: dict[str, tuple[str, str]] = {}
            for category, word in self._with_links():
                said = getattr(word, other)
                before, where = seen.setdefault(getattr(word, side), (said, category))
                if before != said:
                    text = f"{getattr(word, side)} is {said} here and {before} in {where}"
                    problems.append(Problem("words", category, text))
        for category, words in self.categories.items():
            names = [word.zh for word in words]
            twice = sorted({name for name in names if names.count(name) > 1})
            problems += [Problem("words", category, f"{name} stands here twice") for name in twice]
        return problems

    def _with_links(self) -> list[tuple[str, Word]]:
        listed = [(category, w) for category, words in self.categories.items() for w in words]
        links = [
            (f"{category} ({word.zh}.{name})", value)
            for category, word in listed
            for name, value in word.fields.items()
            if isinstance(value, Word)
        ]
        return listed + links

    def _resolve_links(self) -> None:
        """A link to a word that the lexicon knows becomes that word, with its tags and links."""
        known: dict[tuple[str, str], list[Word]] = {}
        for word in self.words():
            known.setdefault((word.zh, word.en), []).append(word)
        for word in self.words():
            for name, link in word.fields.items():
                if isinstance(link, Word) and not link.fields and not link.tags:
                    same = known.get((link.zh, link.en), [link])
                    near = (w for w in same if w.category == word.category)
                    word.fields[name] = next(near, same[0])


def read_word(entry: object, category: str | None = None) -> Word:
    """A word from its YAML entry.

    Raises:
        ValueError: the entry is no mapping, lacks zh or en, or has a value of a wrong kind.
    """
    if not isinstance(entry, dict) or not {"zh", "en"} <= set(entry):
        raise ValueError(f"a word is a mapping with zh and en, not {entry!r}")
    named = f"{entry['zh']}/{entry['en']}"
    rest = dict(entry)
    zh, en = (check_text(f"{side} of {named}", rest.pop(side)) for side in ("zh", "en"))
    if not zh.strip() or not en.strip() or (zh, en) != (zh.strip(), en.strip()):
        raise ValueError(f"{named}: zh and en must not be empty or begin or end with a space")
    gender, weight = rest.pop("gender", "n"), rest.pop("weight", 1)
    if gender not in GENDERS:
        raise ValueError(f"{named}: gender must be one of {', '.join(GENDERS)}, not {gender!r}")
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not weight > 0:
        raise ValueError(f"{named}: weight must be a number above zero, not {weight!r}")
    return Word(
        zh, en, category, _tags(named, "tags", rest.pop("tags", None) or []), gender,
        float(weight), bool(rest.pop("uncountable", False)),
        {check_text(f"{named}: a field's name", name): _field(named, name, value)
         for name, value in rest.items()},
    )  # fmt: skip


def _field(named: str, name: str, value: object) -> str | Word | frozenset[str]:
    if isinstance(value, dict):
        return read_word(value)
    if isinstance(value, list):
        return _tags(named, name, value)
    return check_text(f"{named}: {name}", value)


def _tags(named: str, name: str, value: object) -> frozenset[str]:
    if not isinstance(value, list):
        raise ValueError(f"{named}: {name} must be a list, such as [{value}], not {value!r}")
    return frozenset(check_text(f"{named}: a tag in {name}", tag) for tag in value)
