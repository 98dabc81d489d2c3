"""Marian's tokenizer: a SentencePiece model for each side, and one vocabulary for both.

Source: Junczys-Dowmunt et al. (2018) and the OPUS-MT checkpoints (Tiedemann and Thottingal,
2020).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from . import Tokenizer
from .token import Token, bytes_of, text_of

LANGUAGE = re.compile(r"(>>.+?<<)\s*(.*)", re.DOTALL)  # ">>cmn_Hans<< How are you?"
SPECIAL = ("<pad>", "<unk>", "</s>")


class MarianTokenizer(Tokenizer):
    """``source.spm``, ``target.spm`` and ``vocab.json``.

    Raises:
        ModuleNotFoundError: the `sentencepiece` library is not installed.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        try:
            from sentencepiece import SentencePieceProcessor
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                f"the tokenizer in {folder} needs a library: run `pip install sentencepiece`"
            ) from None
        folder = Path(folder)
        self._source = SentencePieceProcessor(model_file=str(folder / "source.spm"))
        self._target = SentencePieceProcessor(model_file=str(folder / "target.spm"))
        self._ids: dict[str, int] = json.loads((folder / "vocab.json").read_text("utf-8"))
        self._names = {id: name for name, id in self._ids.items()}
        self._unknown = self._ids["<unk>"]
        self.vocab_size = max(self._names) + 1
        self.bos_id = None
        self.pad_id = self._ids.get("<pad>")
        self.eos_ids = frozenset((self._ids["</s>"],))

    def encode(self, text: str, special: bool = False, target: bool = False) -> list[int]:
        """Ids of a source text (with `target`: of a target text); with `special`, ``</s>`` too."""
        names = []
        if language := LANGUAGE.match(text):
            names.append(language[1])
            text = language[2]
        side = self._target if target else self._source
        # SentencePiece takes UTF-8 only; a lone surrogate is unknown to it either way.
        text = bytes_of(text).decode("utf-8", errors="replace")
        names += side.encode(text, out_type=str)
        ids = [self._ids.get(name, self._unknown) for name in names]
        return ids + list(self.eos_ids) if special else ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, special tokens left out."""
        tokens = (self.token(id) for id in ids)
        text = text_of(b"".join(t.bytes for t in tokens if self._names.get(t.id) not in SPECIAL))
        return text.removeprefix(" ")

    def token(self, id: int) -> Token:
        """The token of an id.

        Raises:
            IndexError: no such id.
        """
        id = int(id)
        if id not in self._names:
            raise IndexError(f"token id {id} is not in the vocabulary, 0 to {self.vocab_size - 1}")
        text = self._names[id].replace("▁", " ")
        return Token(id, text, text.encode())
