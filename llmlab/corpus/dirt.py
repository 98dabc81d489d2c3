"""Text as the web delivers it: the small world's text, damaged on purpose and on record.

A clean world leaves a pipeline nothing to do. `dirty` adds what real crawls hold, each kind with a
rate of its own, and writes into `Document.damage` what it did, so that cleaning can be measured.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .documents import Document

RATES = {
    "markup": 0.10,  # tags and entities of HTML
    "broken lines": 0.08,  # line breaks within sentences
    "advertisement": 0.06,  # a line that sells something
    "mojibake": 0.03,  # UTF-8 read as Latin-1
    "junk": 0.03,  # runs of symbols, or a text cut off in the middle
    "near duplicate": 0.05,  # the document again, with a small change
    "duplicate": 0.08,  # the document again
}
ADVERTISEMENTS = {
    "zh": (
        "点击这里领取优惠券：www.example.com/{n}", "【广告】限时优惠，立即抢购，仅需{n}元！！！",
        "扫码关注，免费领取{n}份资料！", "本文来自 http://example.com/{n} 转载请注明出处",
    ),
    "en": (
        "Click here for a free voucher: www.example.com/{n}",
        "ADVERTISEMENT: limited offer, buy now, only ${n}!!!",
        "Subscribe now and get {n} free gifts!",
        "Source: http://example.com/{n} All rights reserved.",
    ),
}  # fmt: skip
TAGS = ("p", "div", "span", "b", "li")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


def dirty(
    documents: Iterable[Document], seed: int = 0, rates: dict[str, float] | None = None
) -> Iterator[Document]:
    """The documents, some of them damaged and some of them repeated.

    Args:
        seed: of `random.Random`; the same seed does the same damage.
        rates: the probability of each kind (see RATES), in place of the usual ones; kinds that
            are left out do not happen.

    Raises:
        ValueError: an unknown kind, or a rate that is not between 0 and 1.
    """
    rates = dict(RATES if rates is None else rates)
    for kind, rate in rates.items():
        if kind not in RATES:
            raise ValueError(f"there is no damage {kind!r}; known are: {', '.join(RATES)}")
        if not 0 <= rate <= 1:
            raise ValueError(f"the rate of {kind} must be between 0 and 1, not {rate!r}")
    return _dirty(documents, random.Random(seed).random, rates)


def _dirty(documents, draw, rates) -> Iterator[Document]:
    alter = {
        "markup": _markup, "broken lines": _broken_lines, "advertisement": _advertisement,
        "mojibake": _mojibake, "junk": _junk,
    }  # fmt: skip
    for document in documents:
        text, damage = document.text, []
        for kind, change in alter.items():
            if draw() < rates.get(kind, 0):
                changed = change(text, document.language, draw)
                damage += [kind] * (changed != text)
                text = changed
        yield replace(document, text=text, damage=tuple(damage))
        for kind, change in (("duplicate", None), ("near duplicate", _small_change)):
            if draw() < rates.get(kind, 0):
                again = change(text, document.language, draw) if change else text
                yield replace(document, text=again, damage=(*damage, kind))


def _markup(text: str, language: str, draw) -> str:
    tag = TAGS[int(draw() * len(TAGS))]
    text = "".join(ENTITIES.get(character, character) for character in text)
    text = text.replace(" ", "&nbsp;", 1).replace("\n", "<br/>\n")
    return f'<{tag} class="c{int(draw() * 100)}">{text}</{tag}>'


def _broken_lines(text: str, language: str, draw) -> str:
    """A line break within a sentence: for a space in English, between characters in Chinese."""
    if language == "en":
        places = [i for i in range(1, len(text) - 1) if text[i] == " " and text[i - 1].isalpha()]
        places = [i for i in places if text[i + 1].islower()]
        if not places:
            return text
        at = places[int(draw() * len(places))]
        return text[:at] + "\n" + text[at + 1 :]
    places = [i for i in range(2, len(text) - 2) if _han(text[i - 1]) and _han(text[i])]
    if not places:
        return text
    at = places[int(draw() * len(places))]
    return text[:at] + "\n" + text[at:]


def _advertisement(text: str, language: str, draw) -> str:
    lines = ADVERTISEMENTS[language]
    line = lines[int(draw() * len(lines))].format(n=int(1 + draw() * 999))
    return f"{line}\n{text}" if draw() < 0.5 else f"{text}\n{line}"


def _mojibake(text: str, language: str, draw) -> str:
    return text.encode("utf-8").decode("latin-1")


def _junk(text: str, language: str, draw) -> str:
    if draw() < 0.5:
        symbols = "#*=~|_"
        return text + " " + symbols[int(draw() * len(symbols))] * int(20 + draw() * 60)
    return text[: max(1, int(len(text) * (0.2 + 0.6 * draw())))].rstrip("。.！!？?")


def _small_change(text: str, language: str, draw) -> str:
    """What a second copy of a page often has: a changed end, or one character more or less."""
    if draw() < 0.5:
        return text.rstrip("。.！!") + ("！" if language == "zh" else "!")
    at = int(draw() * len(text))
    return text[:at] + text[at + 1 :] if len(text) > 1 else text


def _han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"
