"""Templates: sentences with places for words, as literal parts and uses of slots."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .forms import PRONOUN_FORMS

TOKEN = re.compile(
    r"(?P<brace>\{\{|\}\}|\[\[|\]\])"
    r"|\{(?P<slot>\w+)(?:\.(?P<path>[\w.]+))?\}"
    r"|\[(?P<literal>[^\[\]{}]+?):(?P<number>\d+)\]"
    r"|(?P<wrong>[{}\[\]])"
    r"|(?P<text>[^{}\[\]]+)"
)
# Where an English sentence begins: at the start, after a full stop, after a speaker's mark.
BEGINNING = re.compile(r"(?:^|[.!?…][\"')]*[ \n]|(?:^|\n)[QA]: )\n?[\"'(]*$")
CODE = "```"


@dataclass(frozen=True)
class Literal:
    """Text that stands as it is; with a number, a content word that has a partner."""

    text: str
    number: int | None = None


@dataclass(frozen=True)
class Use:
    """A slot's word in one of its forms.

    Attributes:
        slot: the slot's name.
        path: links and a form, joined by dots; "" is the dictionary form.
        capital: whether its first letter is made a capital.
    """

    slot: str
    path: str = ""
    capital: bool = False

    def key(self, language: str) -> str:
        """What `Word.surfaces` finds the surface by."""
        return " ".join(part for part in (language, self.path, "^" * self.capital) if part)

    @property
    def is_pronoun(self) -> bool:
        return self.path.rpartition(".")[2] in PRONOUN_FORMS

    @property
    def links(self) -> str:
        return self.path.rpartition(".")[0]


Template = tuple  # of Literal and Use


def parse(template: str, language: str) -> Template:
    """The parts of a template; an English one gets its sentences' capital letters.

    Raises:
        ValueError: a brace or bracket that opens or closes nothing.
    """
    parts: list[Literal | Use] = []
    for match in TOKEN.finditer(template):
        if match["wrong"]:
            raise ValueError(
                f"{template!r}: {match['wrong']!r} at character {match.start()} belongs to no "
                "{slot}, {slot.form} or [word:number]; double it to write it literally"
            )
        if match["slot"]:
            parts.append(Use(match["slot"], match["path"] or ""))
        elif match["literal"]:
            parts.append(Literal(match["literal"], int(match["number"])))
        else:
            parts.append(Literal(match["brace"][0] if match["brace"] else match["text"]))
    return tuple(capitalised(parts) if language == "en" else parts)


def capitalised(parts: list[Literal | Use]) -> list[Literal | Use]:
    """The parts, with a capital letter where a sentence begins; code is left as it is."""
    before, result = "", []
    for part in parts:
        if isinstance(part, Use):
            result.append(replace(part, capital=_begins(before)))
            before += "x"
            continue
        text = ""
        for character in part.text:
            begins = character.islower() and _begins(before)
            text += character.upper() if begins else character
            before += character
        result.append(Literal(text, part.number))
    return result


def _begins(before: str) -> bool:
    return before.count(CODE) % 2 == 0 and bool(BEGINNING.search(before))


def alignments(zh: Template, en: Template) -> tuple[tuple[int, int], ...]:
    """Which part of the Chinese template stands for which part of the English one.

    Numbered literals with the same number belong together, and the k-th use of a slot with its
    k-th use: names with names and pronouns with pronouns, then what is left.
    """
    pairs = [
        (i, j)
        for i, a in enumerate(zh)
        for j, b in enumerate(en)
        if isinstance(a, Literal) and isinstance(b, Literal)
        if a.number is not None and a.number == b.number
    ]
    left, right = _uses(zh), _uses(en)
    for same in (lambda u: (u.slot, u.links, u.is_pronoun), lambda u: u.slot):
        for i in list(left):
            j = next((j for j in right if same(en[j]) == same(zh[i])), None)
            if j is not None:
                pairs.append((i, j))
                left.remove(i)
                right.remove(j)
    return tuple(sorted(pairs))


def numbers(template: Template) -> set[int]:
    return {p.number for p in template if isinstance(p, Literal) and p.number is not None}


def _uses(template: Template) -> list[int]:
    return [i for i, part in enumerate(template) if isinstance(part, Use)]
