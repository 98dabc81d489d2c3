"""Cleaning: taking out of documents what is not their text.

Each step is a function from documents to documents and a record; what it does to one text is a
function of its own, from text to text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from .documents import Document, Record, record

TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s+[\w-]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s>]*))?)*\s*/?>")
URL = re.compile(r"https?://|www\.\w")
SELLING = {
    "zh": re.compile("点击这里|领取|优惠|抢购|扫码|关注|免费|广告|转载请注明"),
    "en": re.compile(
        r"(?i)click here|voucher|limited offer|buy now|advertisement|subscribe|free gifts"
    ),
}
ENDS = re.compile(r"[。！？：；，、”』」）.!?:;,\"')\]}…`]$")
TURN = re.compile(r"[问答]：|[QA]: |[-*•]|\d+[.、)]|```|\s|[^。！？.!?]{1,12}[：:]")


def clean(documents: Sequence[Document]) -> tuple[list[Document], Record]:
    """All cleaning, in the order in which it must be done; empty documents are left out.

    The record's reasons count how many documents each function changed.
    """
    steps: list[tuple[str, Callable[[str, str], str]]] = [
        ("mojibake repaired", lambda text, _: repair_mojibake(text)),
        ("markup removed", lambda text, _: strip_markup(text)),
        ("characters normalised", lambda text, _: normalise(text)),
        ("advertisements removed", drop_advertisements),
        ("broken lines joined", join_lines),
    ]
    reasons = dict.fromkeys([name for name, _ in steps] + ["empty"], 0)
    cleaned, changed = [], 0
    for document in documents:
        text = document.text
        for name, step in steps:
            after = step(text, document.language)
            reasons[name] += after != text
            text = after
        if not text:
            reasons["empty"] += 1
            continue
        changed += text != document.text
        cleaned.append(document if text == document.text else replace(document, text=text))
    return cleaned, record("cleaning", documents, cleaned, reasons, changed)


def repair_mojibake(text: str) -> str:
    """Undo UTF-8 that was read as Latin-1: "ä½ å¥½" was "你好"; other text comes back as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def strip_markup(text: str) -> str:
    """Without HTML tags; entities become their characters. Text without tags is left alone."""
    if not TAG.search(text):
        return text
    return html.unescape(TAG.sub("", text)).strip()


def normalise(text: str) -> str:
    """Composed Unicode (NFC), plain spaces and line ends, no control characters.

    Those from U+0080 on stay: they tell of a wrong decoding that could not be undone.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.replace("\u00a0", " ").replace("\u3000", " ").replace("\ufeff", "")
    text = "".join(c for c in text if c in "\n\t" or c >= "\x80" or c.isprintable())
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def drop_advertisements(text: str, language: str) -> str:
    """Without the lines that carry an address, or two marks of selling."""
    if "\n" not in text and not URL.search(text) and not SELLING[language].search(text):
        return text
    kept = []
    for line in text.split("\n"):
        marks = len(set(SELLING[language].findall(line))) + 2 * bool(URL.search(line))
        if marks < 2:
            kept.append(line)
    return "\n".join(kept).strip()


def join_lines(text: str, language: str) -> str:
    """Line breaks within sentences are taken back; those of turns, lists and code stay."""
    if "\n" not in text:
        return text
    lines = text.split("\n")
    joined, code = [lines[0]], lines[0].startswith("```")
    for line in lines[1:]:
        fence = line.startswith("```")
        broken = joined[-1] and line and not ENDS.search(joined[-1]) and not TURN.match(line)
        if broken and not code and not fence:
            joined[-1] += (" " if language == "en" else "") + line
        else:
            joined.append(line)
        code ^= fence
    return "\n".join(joined)
