"""Frames: little scenes, their slots, and the lines that tell them in two languages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .files import CORPUS, Problem, check_text, read_files, unknown
from .templates import Template, Use, alignments, numbers, parse

REGISTERS = (
    "conversation", "diary", "advice", "story", "dialogue", "encyclopedia", "question",
    "technology", "work", "school", "letter", "proverb",
)  # fmt: skip
TOKEN = re.compile(r"!=|=|~|[+@-]?\w[\w.-]*")


@dataclass(frozen=True)
class Conditions:
    """What a word must satisfy, given the words of other slots.

    Attributes:
        needs, forbids: tags it must have, and must not have.
        shares: (slot, field): it has one of the tags that the field of that slot's word lists.
        equals, differs: slots whose word it must be, and must not be.
        parted: slots whose words, together with it, must be a combination of the world's part.
    """

    needs: frozenset[str] = frozenset()
    forbids: frozenset[str] = frozenset()
    shares: tuple[tuple[str, str], ...] = ()
    equals: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    parted: tuple[str, ...] = ()

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots it asks about."""
        return (*(slot for slot, _ in self.shares), *self.equals, *self.differs, *self.parted)


@dataclass(frozen=True)
class Slot:
    """A place for a word: one of a category, or the link of an earlier slot's word."""

    name: str
    category: str | None
    link: tuple[str, str] | None  # (slot, field)
    conditions: Conditions

    @property
    def refers(self) -> tuple[str, ...]:
        """The earlier slots that decide what fits here."""
        return ((self.link[0],) if self.link else ()) + self.conditions.slots


@dataclass(frozen=True)
class Variant:
    """One way to say a line, in both languages, if the conditions on the slots hold."""

    zh: Template
    en: Template
    when: tuple[tuple[str, Conditions], ...] = ()
    alignments: tuple[tuple[int, int], ...] = ()

    def template(self, language: str) -> Template:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Line:
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Frame:
    name: str
    register: str
    weight: float
    slots: tuple[Slot, ...]
    lines: tuple[Line, ...]
    file: str = ""


def load_frames(
    folder: Path = CORPUS / "frames", problems: list[Problem] | None = None
) -> list[Frame]:
    """Read every .yaml file of a folder.

    Args:
        problems: a list that gets what is wrong; without one, the first problem is raised.

    Raises:
        ValueError: something is wrong, and no list was given.
    """
    found: list[Problem] = []
    frames: list[Frame] = []
    names: set[str] = set()
    for file, content in read_files(folder, found):
        if not isinstance(content, list):
            found.append(Problem(f"{file}.yaml", "", "expected a list of frames"))
            continue
        for entry in content:
            frame, errors = read_frame(entry, f"{file}.yaml")
            found += errors
            if frame is not None and frame.name in names:
                found.append(Problem(frame.file, frame.name, "the name is taken by another frame"))
            elif frame is not None:
                names.add(frame.name)
                frames.append(frame)
    if problems is None and found:
        raise ValueError(str(found[0]))
    if problems is not None:
        problems += found
    return frames


def read_frame(entry: object, file: str = "") -> tuple[Frame | None, list[Problem]]:
    """A frame from its YAML entry, or None, and all that is wrong with it."""
    if not isinstance(entry, dict) or not isinstance(entry.get("frame"), str):
        return None, [Problem(file, "", f"a frame is a mapping with a name, not {str(entry)[:80]}")]
    name, errors = entry["frame"], []

    def attempt(read, *arguments):
        try:
            return read(*arguments)
        except (ValueError, TypeError, AttributeError) as error:
            errors.append(Problem(file, name, str(error)))

    for key, kind, said in (("slots", dict, "a mapping"), ("lines", list, "a list")):
        if not isinstance(entry.get(key) or kind(), kind):
            return None, [Problem(file, name, f"{key} must be {said}, not {str(entry[key])[:60]}")]
    known = {"frame", "register", "weight", "slots", "lines"}
    strange = [str(key) for key in entry if key not in known]
    errors += [Problem(file, name, unknown("key", key, known)) for key in strange]
    register, weight = entry.get("register"), entry.get("weight", 1)
    if register not in REGISTERS:
        errors.append(Problem(file, name, unknown("register", str(register), REGISTERS)))
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not weight > 0:
        errors.append(Problem(file, name, f"weight must be a number above zero, not {weight!r}"))
    slots: list[Slot] = []
    for slot, expression in (entry.get("slots") or {}).items():
        slots.append(attempt(read_slot, slot, expression, [s.name for s in slots if s]))
    names = set(entry.get("slots") or {})
    lines = []
    for line in entry.get("lines") or ():
        if not isinstance(line, list):
            message = f"a line is a list of variants, not {str(line)[:60]}"
            errors.append(Problem(file, name, message))
            continue
        lines.append(Line(tuple(attempt(read_variant, variant, names) for variant in line)))
    if not lines or not all(line.variants for line in lines):
        errors.append(Problem(file, name, "a frame needs lines, and each line a variant"))
    if errors:
        return None, errors
    return Frame(name, register, float(weight), tuple(slots), tuple(lines), file), []


def read_slot(name: str, expression: object, earlier: list[str]) -> Slot:
    """A slot such as `activity: activity +gentle @sky.suits != other`.

    Raises:
        ValueError: an expression that cannot be read, or a slot that does not stand before.
    """
    head, *tokens = _tokens(f"slot {name}", expression)
    category, link = head, None
    if head[0] in "+-@!=~":
        raise ValueError(f"slot {name}: {expression!r} must begin with a category")
    if "." in head:
        slot, field = head.split(".", 1)
        category, link = None, (slot, field)
    slot = Slot(name, category, link, _conditions(f"slot {name}", tokens))
    for other in slot.refers:
        if other not in earlier:
            raise ValueError(f"slot {name}: {unknown('earlier slot', other, earlier)}")
    return slot


def read_variant(entry: object, slots: set[str]) -> Variant:
    """A variant of a line.

    Raises:
        ValueError: a template or condition that cannot be read, or one that names no slot.
    """
    if not isinstance(entry, dict) or not {"zh", "en"} <= set(entry) <= {"zh", "en", "when"}:
        raise ValueError(f"a variant is {{zh: …, en: …, when: …}}, not {str(entry)[:80]}")
    zh, en = (parse(check_text(side, entry[side]), side) for side in ("zh", "en"))
    if bool(zh) != bool(en):
        said = entry["zh"] or entry["en"]
        raise ValueError(f"one language is empty and the other is not: {said}")
    if odd := numbers(zh) ^ numbers(en):
        raise ValueError(f"{entry['zh']}: the numbers {sorted(odd)} stand in one language only")
    when = read_when(entry["when"], slots) if "when" in entry else ()
    for part in (*zh, *en):
        if isinstance(part, Use) and part.slot not in slots:
            raise ValueError(f"{entry['zh']}: {unknown('slot', part.slot, slots)}")
    return Variant(zh, en, when, alignments(zh, en))


def read_when(text: object, slots: set[str]) -> tuple[tuple[str, Conditions], ...]:
    """Conditions such as `sky +good and person -child`.

    Raises:
        ValueError: conditions that cannot be read, or one that names no slot.
    """
    clauses = []
    for clause in re.split(r"\s+and\s+", check_text("when", text)):
        slot, *tokens = _tokens("when", clause)
        conditions = _conditions(f"when {clause!r}", tokens)
        for name in (slot, *conditions.slots):
            if name not in slots:
                raise ValueError(f"when {clause!r}: {unknown('slot', name, slots)}")
        if not tokens:
            raise ValueError(f"when {clause!r} asks for nothing; write for example {slot} +tag")
        clauses.append((slot, conditions))
    return tuple(clauses)


def _tokens(where: str, expression: object) -> list[str]:
    text = check_text(where, expression)
    tokens = TOKEN.findall(text)
    if not tokens or re.sub(r"\s", "", text) != "".join(tokens):
        raise ValueError(f"{where}: cannot read {text!r}; expected: category +tag -tag @slot.field")
    return tokens


def _conditions(where: str, tokens: list[str]) -> Conditions:
    found: dict[str, list] = {sign: [] for sign in ("+", "-", "@", "=", "!=", "~")}
    operator = ""
    for token in tokens:
        if token in ("=", "!=", "~"):
            operator = token
        elif token[0] in "+-":
            found[token[0]].append(token[1:])
        elif token[0] == "@":
            slot, _, field = token[1:].partition(".")
            found["@"].append((slot, field or "tags"))
        elif operator:
            found[operator].append(token)
        else:
            raise ValueError(f"{where}: {token!r} needs a sign before it: + - @ = != ~")
    return Conditions(
        frozenset(found["+"]), frozenset(found["-"]), tuple(found["@"]),
        tuple(found["="]), tuple(found["!="]), tuple(found["~"]),
    )  # fmt: skip
