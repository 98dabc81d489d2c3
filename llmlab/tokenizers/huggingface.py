"""Tokenizers as Hugging Face folders hold them, through the `tokenizers` library.

The library merges and splits; what a token stands for, byte by byte, is worked out here,
because it has no way to say it of a token that is a piece of a character.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from . import Tokenizer
from .byte_letters import LETTER_OF, unspell
from .marian import MarianTokenizer
from .token import Token, bytes_of, escape, text_of
from .trained_files import trained_tokenizer

SURROGATE = re.compile("([\ud800-\udfff])")


def load_tokenizer(folder: str | os.PathLike, vocab_size: int | None = None) -> Tokenizer:
    """The tokenizer in a Hugging Face folder; one that was trained here needs no library.

    Args:
        folder: holds ``tokenizer.json``, or the older files of GPT-2, BERT or Marian.
        vocab_size: of the model, where its embedding has more rows than there are tokens.

    Raises:
        ModuleNotFoundError: a library that must be installed first.
        ValueError: no tokenizer in the folder, or one that cannot be read.
    """
    if (Path(folder) / "source.spm").exists():
        return MarianTokenizer(folder)
    ours = trained_tokenizer(folder)
    if ours is None:
        return HuggingFaceTokenizer(folder, vocab_size)
    ours.vocab_size = max(ours.vocab_size, vocab_size or 0)
    return ours


class HuggingFaceTokenizer(Tokenizer):
    """A ``tokenizer.json``, or the older files of GPT-2 and BERT.

    Args:
        folder: the folder the files lie in.
        vocab_size: of the model, where its embedding has more rows than there are tokens.

    Raises:
        ModuleNotFoundError: the `tokenizers` library is not installed.
        ValueError: a folder without a tokenizer, or with one that cannot be read.
    """

    def __init__(self, folder: str | os.PathLike, vocab_size: int | None = None) -> None:
        folder = Path(folder)
        self._tokenizer = _read_tokenizer(folder)
        description = json.loads(self._tokenizer.to_str())
        self._spelling = _spelling(description)
        self._strips_space = _strips_space(description)
        self._special = {
            token["id"] for token in description["added_tokens"] if token["special"]
        }
        self._added = {token["id"] for token in description["added_tokens"]}
        n_tokens = self._tokenizer.get_vocab_size(with_added_tokens=True)
        self.vocab_size = max(n_tokens, vocab_size or 0)
        settings = _settings(folder)
        self.bos_id = self._id_of(settings.get("bos_token"))
        self.pad_id = self._id_of(settings.get("pad_token"))
        self.eos_ids = _eos_ids(folder, self._id_of(settings.get("eos_token")))
        self._prefix, self._suffix = self._around()

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Ids of `text`; with `special`, what the model expects around it too."""
        ids = list(self._prefix) if special else []
        for i, part in enumerate(SURROGATE.split(text)):
            if i % 2:  # a lone surrogate, which the library does not take
                ids += self._byte_ids(bytes_of(part))
            elif part:
                ids += self._tokenizer.encode(part, add_special_tokens=False).ids
        return ids + self._suffix if special else ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, special tokens left out and undecodable bytes written "<0xE5>"."""
        kept = [int(id) for id in ids if int(id) not in self._special]
        if self._spelling == "wordpiece":  # where spaces stood is for its decoder to say
            return self._tokenizer.decode(kept)
        data = b"".join(self.token(id).bytes for id in kept)
        return text_of(data.removeprefix(b" ") if self._strips_space else data)

    def token(self, id: int) -> Token:
        """The token of an id.

        Raises:
            IndexError: no such id.
        """
        id = int(id)
        if not 0 <= id < self.vocab_size:
            raise IndexError(f"token id {id} is not in the vocabulary, 0 to {self.vocab_size - 1}")
        piece = self._tokenizer.id_to_token(id)
        if piece is None:  # a row of the embedding that no token uses
            return Token(id, f"<id {id}>", b"")
        if id in self._added:
            return Token(id, piece, piece.encode())
        if self._spelling == "bytes":
            data = unspell(piece)
            return Token(id, text_of(data), data)
        if self._spelling == "wordpiece":
            return Token(id, piece, piece.removeprefix("##").encode())
        if byte := re.fullmatch("<0x([0-9A-F]{2})>", piece):
            data = bytes([int(byte[1], 16)])
            return Token(id, escape(data), data)
        text = piece.replace("▁", " ")
        return Token(id, text, text.encode())

    def _around(self) -> tuple[list[int], list[int]]:
        """The ids that the model expects before and after a text."""
        plain = self._tokenizer.encode("a", add_special_tokens=False).ids
        whole = self._tokenizer.encode("a", add_special_tokens=True).ids
        for start in range(len(whole) - len(plain) + 1):
            if whole[start : start + len(plain)] == plain:
                return whole[:start], whole[start + len(plain) :]
        return [], []

    def _byte_ids(self, data: bytes) -> list[int]:
        spell = LETTER_OF.__getitem__ if self._spelling == "bytes" else "<0x{:02X}>".format
        ids = [self._tokenizer.token_to_id(spell(byte)) for byte in data]
        if None in ids:  # no bytes in this vocabulary: the character is unknown to it
            return self._tokenizer.encode("\ufffd", add_special_tokens=False).ids
        return ids

    def _id_of(self, token: str | dict | None) -> int | None:
        name = token["content"] if isinstance(token, dict) else token
        return None if name is None else self._tokenizer.token_to_id(name)


def _read_tokenizer(folder: Path):
    try:
        from tokenizers import ByteLevelBPETokenizer, BertWordPieceTokenizer, Tokenizer
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"the tokenizer in {folder} needs a library: run `pip install tokenizers`"
        ) from None
    file, vocab, merges = (folder / n for n in ("tokenizer.json", "vocab.json", "merges.txt"))
    words = folder / "vocab.txt"
    try:
        if file.exists():
            tokenizer = Tokenizer.from_file(str(file))
            tokenizer.no_truncation()  # how much fits is for the model to say
            tokenizer.no_padding()
            return tokenizer
        if vocab.exists() and merges.exists():
            return Tokenizer.from_str(ByteLevelBPETokenizer(str(vocab), str(merges)).to_str())
        if words.exists():
            lower = _settings(folder).get("do_lower_case", True)
            return Tokenizer.from_str(BertWordPieceTokenizer(str(words), lowercase=lower).to_str())
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"the tokenizer in {folder} cannot be read: {error}") from error
    raise ValueError(
        f"{folder} has no tokenizer: expected tokenizer.json, vocab.json with merges.txt, "
        "vocab.txt, or source.spm with target.spm"
    )


def _decoders(description: dict) -> list[dict]:
    decoder = description.get("decoder") or {}
    return decoder.get("decoders", [decoder])


def _spelling(description: dict) -> str:
    kinds = {decoder.get("type") for decoder in _decoders(description)}
    if "ByteLevel" in kinds:
        return "bytes"
    return "wordpiece" if description["model"]["type"] == "WordPiece" else "sentencepiece"


def _strips_space(description: dict) -> bool:
    """Whether the tokenizer puts a space before a text, which decoding takes away again."""
    return any(
        decoder.get("type") == "Strip"
        or decoder.get("type") == "Metaspace" and decoder.get("prepend_scheme") != "never"
        for decoder in _decoders(description)
    )


def _settings(folder: Path) -> dict:
    return _json(folder / "special_tokens_map.json") | _json(folder / "tokenizer_config.json")


def _eos_ids(folder: Path, eos_id: int | None) -> frozenset[int]:
    """The tokens that end a text, from generation_config.json where it says more."""
    for name in ("generation_config.json", "config.json"):
        ids = _json(folder / name).get("eos_token_id")
        if ids is not None:
            return frozenset(ids if isinstance(ids, list) else [ids])
    return frozenset(() if eos_id is None else (eos_id,))


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
