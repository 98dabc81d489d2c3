"""Cutting a text into pre-tokens, across whose borders no piece is ever formed.

A pattern is written as the `tokenizers` library and a browser read it, with Unicode's categories
``\\p{L}`` (letters), ``\\p{M}`` (marks) and ``\\p{N}`` (numbers), here always inside brackets.
Python's `re` has no such categories, so they are written out as ranges when a pattern is first
used, from Python's own table: a letter that Unicode got after that table was made counts as a sign.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache

# Radford et al. (2019): contractions, words, numbers and runs of signs, each with the space
# before it; spaces that stand before a word one by one belong to it, the others stay together.
GPT2 = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}]+| ?[\p{N}]+| ?[^\s\p{L}\p{N}]+|[\s]+(?![^\s])|[\s]+"
)

# Unicode's unified ideographs, with 々 and 〇.
HAN = "々〇㐀-䶿一-鿿豈-\ufaff\U00020000-\U0003fffd"
LETTER = rf"(?:(?![{HAN}])[\p{{L}}\p{{M}}])"  # of any other script

# Runs of Han, words with the space before them, every digit by itself, runs of signs, line ends,
# spaces. Signs and digits never share a piece with letters, nor do Han and other scripts.
SCRIPTS = (
    rf"[{HAN}]+| ?{LETTER}+|[\p{{N}}]| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+"
    r"|[\r\n]+|(?:(?![\r\n])[\s])+(?![^\s])|[\s]"
)

# Every character by itself.
CHARACTERS = r"[\s]|[^\s]"

WHITE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Unicode's White_Space


def split(pattern: str, text: str) -> list[str]:
    """The pre-tokens of a text, which joined are the text again.

    What stands between two matches of `pattern` is a pre-token too.
    """
    parts = compiled(pattern).findall(text)
    if sum(map(len, parts)) == len(text):
        return parts
    parts, at = [], 0
    for match in compiled(pattern).finditer(text):
        parts += [text[at : match.start()], match[0]]
        at = match.end()
    return [part for part in (*parts, text[at:]) if part]


@lru_cache(maxsize=32)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern with ``\\p{L}``, ``\\p{M}``, ``\\p{N}`` and ``\\s``, for Python's `re`.

    Raises:
        ValueError: no regular expression, or one with capturing groups.
    """
    for category in "LMN":
        if rf"\p{{{category}}}" in pattern:
            pattern = pattern.replace(rf"\p{{{category}}}", _ranges(category))
    try:
        expression = re.compile(pattern.replace(r"\s", WHITE))
    except re.error as error:
        raise ValueError(f"the pre-tokenizer's pattern cannot be read: {error}") from None
    if expression.groups:
        raise ValueError("the pre-tokenizer's pattern has capturing groups; write (?:…) for (…)")
    return expression


@lru_cache(maxsize=3)
def _ranges(category: str) -> str:
    """The characters of a category ("L": letters), as they stand inside brackets."""
    ranges: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code))[0] == category:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in ranges)
