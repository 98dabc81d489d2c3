"""What the tokenizers that are trained here have in common.

Each has a vocabulary of pieces, the special tokens first. A special token is never found in a
text: whoever types "<eos>" gets the pieces of those five characters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from .protocol import Tokenizer
from .record import TrainingRecord
from .token import Token, bytes_of, text_of
from .tokenizer_json import around, read_files, special_names, write_files

SPECIAL = ("<pad>", "<eos>", "<bos>")
UNKNOWN = "<unk>"
MOST_REMEMBERED = 100_000  # pre-tokens, some 20 MB


class TrainedTokenizer(Tokenizer):
    """A vocabulary and the special tokens in it.

    Args:
        vocab: the pieces in the order of their ids, spelled as the file spells them.
        special: which of them are special tokens.
        add_bos, add_eos: whether ``encode(text, special=True)`` puts ``<bos>`` before a text and
            ``<eos>`` behind it.
        record: how the vocabulary came about.

    Raises:
        ValueError: a piece that stands twice, or a special token that is no piece.
    """

    algorithm: str

    def __init__(
        self,
        vocab: Sequence[str],
        special: Iterable[str] = SPECIAL,
        *,
        add_bos: bool = True,
        add_eos: bool = False,
        record: TrainingRecord | None = None,
    ) -> None:
        self.vocab = tuple(vocab)
        self.vocab_size = len(self.vocab)
        self.record = record
        self._ids = {piece: id for id, piece in enumerate(self.vocab)}
        if len(self._ids) < len(self.vocab):
            twice = next(p for id, p in enumerate(self.vocab) if self._ids[p] != id)
            raise ValueError(f"the piece {twice!r} stands in the vocabulary twice, expected once")
        self.special = tuple(special)
        if missing := [name for name in self.special if name not in self._ids]:
            raise ValueError(f"the special token {missing[0]!r} is not in the vocabulary; add it")
        self._special_ids = frozenset(self._ids[name] for name in self.special)
        self.bos_id, self.pad_id = self._special_id("<bos>"), self._special_id("<pad>")
        eos = self._special_id("<eos>")
        self.eos_ids = frozenset(() if eos is None else (eos,))
        self.add_bos = add_bos and self.bos_id is not None
        self.add_eos = add_eos and eos is not None
        self._prefix = [self.bos_id] if self.add_bos else []
        self._suffix = [eos] if self.add_eos else []
        self._remembered: dict[str, list[int]] = {}

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Ids of `text`; with `special`, what the model expects around it too."""
        ids = list(self._prefix) if special else []
        known = self._remembered
        for word in self.words(text):
            found = known.get(word)
            if found is None:
                found = self._encode_word(word)
                if len(known) < MOST_REMEMBERED:
                    known[word] = found
            ids += found
        return ids + self._suffix if special else ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, special tokens left out and undecodable bytes written "<0xE5>"."""
        tokens = (self.token(id) for id in ids)
        return text_of(b"".join(t.bytes for t in tokens if t.id not in self._special_ids))

    def token(self, id: int) -> Token:
        """The token of an id.

        Raises:
            IndexError: no such id.
        """
        id = int(id)
        if not 0 <= id < self.vocab_size:
            raise IndexError(f"token id {id} is not in the vocabulary, 0 to {self.vocab_size - 1}")
        if id >= len(self.vocab):  # a row of the embedding that no token uses
            return Token(id, f"<id {id}>", b"")
        piece = self.vocab[id]
        return Token(id, piece, bytes_of(piece)) if id in self._special_ids else self._token(id)

    def id_of(self, piece: str) -> int:
        """The id of a piece, as the vocabulary spells it.

        Raises:
            KeyError: no such piece.
        """
        return self._ids[piece]

    def words(self, text: str) -> list[str]:
        """The pre-tokens of a text: no piece reaches from one into another."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike) -> None:
        """Write a ``tokenizer.json``, which the `tokenizers` library reads too.

        Args:
            path: the file, if it ends in ".json"; else a folder, which also gets the names of
                the special tokens for `transformers` and the record of the training.
        """
        write_files(path, self._description(), self.special, self.record)

    @classmethod
    def load(cls, path: str | os.PathLike):
        """The tokenizer in a file or folder that `save` has written.

        Raises:
            FileNotFoundError: nothing lies there.
            ValueError: a file of another kind.
        """
        description, record = read_files(path)
        found = cls.recognize(description, record)
        if found is None:
            model = description["model"]
            kind = model.get("type") if isinstance(model, Mapping) else model
            raise ValueError(
                f"{os.fspath(path)} holds a {kind} tokenizer, expected one that {cls.__name__}."
                "save has written; read it with llmlab.tokenizers.huggingface.load_tokenizer"
            )
        return found

    @classmethod
    def recognize(cls, description: Mapping, record: TrainingRecord | None = None):
        """The tokenizer that a ``tokenizer.json`` describes; None where it is of another kind.

        Of another kind is also a file with a setting that this class would not have written.
        """
        try:
            others = {"special": special_names(description), **around(description)}
            found = cls._from_parts(description, record=record, **others)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError):
            return None
        return found if found._description() == description else None

    def _special_id(self, name: str) -> int | None:
        return self._ids[name] if name in self.special else None

    def _token(self, id: int) -> Token:
        """The token of an ordinary piece."""
        piece = self.vocab[id]
        return Token(id, piece, bytes_of(piece))

    def _encode_word(self, word: str) -> list[int]:
        raise NotImplementedError

    def _description(self) -> dict:
        """The content of ``tokenizer.json``."""
        raise NotImplementedError

    @classmethod
    def _from_parts(cls, description: Mapping, **others):
        """The tokenizer with these settings; `_description` then says whether they were all."""
        raise NotImplementedError

    def _around(self) -> dict:
        ids = {name: self._ids[name] for name in self.special}
        return {"ids": ids, "add_bos": self.add_bos, "add_eos": self.add_eos}


def check_special(special: Sequence[str]) -> tuple[str, ...]:
    """The names of special tokens.

    Raises:
        ValueError: a name that is empty, no text, or given twice.
    """
    if isinstance(special, str):
        raise ValueError(f"special={special!r} is one name, expected several: [{special!r}]")
    names = tuple(special)
    for name in names:
        if not isinstance(name, str) or len(name) < 2 or names.count(name) > 1:
            raise ValueError(
                f"special token {name!r}: expected names of two characters or more, each once, "
                "such as '<bos>'"
            )
    return names
