"""What every tokenizer has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from .token import Token


class Tokenizer(Protocol):
    """What every tokenizer has; ours are subclasses, another's need only the same methods.

    Attributes:
        vocab_size: ids run from 0 to vocab_size - 1.
        bos_id: the token that begins a text, if there is one.
        eos_ids: the tokens that end a text.
        pad_id: the token that fills a batch, if there is one.
    """

    vocab_size: int
    bos_id: int | None
    eos_ids: frozenset[int]
    pad_id: int | None

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Ids of `text`; with `special`, those the model expects around it too (``<bos>``)."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, special tokens left out and undecodable bytes written "<0xE5>"."""

    def pieces(self, text: str, special: bool = False) -> list[Token]:
        """The tokens of `text`."""
        return [self.token(id) for id in self.encode(text, special)]

    def token(self, id: int) -> Token:
        """The token of an id. Raises IndexError where there is no such id."""
