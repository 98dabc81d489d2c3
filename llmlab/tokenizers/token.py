"""A token: one entry of a tokenizer's vocabulary, as the rest of the library shows it."""

import codecs
from dataclasses import dataclass


@dataclass(frozen=True)
class Token:
    """One entry of a vocabulary.

    Attributes:
        id: its row in the embedding table.
        text: what to show. A piece that is not whole UTF-8 is shown as its bytes, "<0xE5>"
            (several: "<0xE5><0xAD>"): a replacement character would hide which piece it is.
        bytes: what it stands for in a text; for special tokens, their name in UTF-8.
    """

    id: int
    text: str
    bytes: bytes


def text_of(data: bytes) -> str:
    """Decode UTF-8, writing each byte that is no part of a character as "<0xE5>".

    Lone surrogates, which Python strings may hold and UTF-8 forbids, come back as they were.
    """
    return data.decode("utf-8", errors="llmlab.bytes")


def bytes_of(text: str) -> bytes:
    """Encode as UTF-8; a lone surrogate becomes the three bytes it would have had."""
    return text.encode("utf-8", errors="surrogatepass")


def escape(data: bytes) -> str:
    """Every byte written out: "<0xE5><0xAD>"."""
    return "".join(f"<0x{byte:02X}>" for byte in data)


def _escape_undecodable(error: UnicodeDecodeError) -> tuple[str, int]:
    three = error.object[error.start : error.start + 3]
    try:
        return three.decode("utf-8", errors="surrogatepass"), error.start + 3
    except UnicodeDecodeError:
        return escape(error.object[error.start : error.end]), error.end


codecs.register_error("llmlab.bytes", _escape_undecodable)
