"""Where tokens stand in a text, in characters."""

from __future__ import annotations

from collections.abc import Sequence

from ..corpus.world import Span
from ..tokenizers import Tokenizer


def token_spans(tokenizer: Tokenizer, text: str) -> list[Span]:
    """Where each of a text's tokens stands in it, in characters, the special tokens left out.

    A space that the tokenizer puts before the text belongs to no character. A token that is part
    of a character's bytes spans that character.
    """
    pieces = [token.bytes for token in tokenizer.pieces(text)]
    extra = sum(map(len, pieces)) - len(text.encode())
    starts, at = [], 0  # of each character, in bytes
    for character in text:
        starts.append(at)
        at += len(character.encode())
    character_of = [i for i, character in enumerate(text) for _ in character.encode()]
    found, at = [], -extra
    for piece in pieces:
        begin, end = max(at, 0), max(at + len(piece), 0)
        at += len(piece)
        inside = character_of[begin:end]
        found.append((inside[0], inside[-1] + 1) if inside else (0, 0))
    return found


def covering(spans: Sequence[Span], start: int, end: int) -> list[int]:
    """Which of the tokens have a character of start … end."""
    return [i for i, (a, b) in enumerate(spans) if a < end and b > start]
