"""The letters that byte-level byte-pair encoding writes for bytes (Radford et al., 2019).

A vocabulary file is text, and most bytes above 127 are no text of their own; so each of the 256
bytes has a letter, and a piece of a character can be written down like any other piece.
"""

from .token import bytes_of


def _byte_letters() -> dict[int, str]:
    """Byte → its letter.

    Printable letters of Latin-1 stand for themselves, the others for letters from 256 on.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    return letters | {byte: chr(256 + i) for i, byte in enumerate(others)}


LETTER_OF = _byte_letters()
BYTE_OF = {letter: bytes([byte]) for byte, letter in LETTER_OF.items()}


def spell(text: str) -> str:
    """The letters of a text's bytes in UTF-8."""
    return bytes_of(text).decode("latin-1").translate(LETTER_OF)


def unspell(letters: str) -> bytes:
    """The bytes of these letters; a letter that stands for no byte stands for itself."""
    return b"".join(BYTE_OF.get(letter) or bytes_of(letter) for letter in letters)
