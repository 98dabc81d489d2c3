"""Token files: a corpus as one long array of ids, mapped into memory and never read whole.

``train.bin`` holds the ids, two bytes each (four where the vocabulary has more than 65,536),
``train.json`` beside it says what they are. Every document ends with ``<eos>``; where the
tokenizer has no token that begins a text, the file begins with ``<eos>`` too, so that each
document has one before it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..tokenizers import Tokenizer
from .files import write_file, write_json


@dataclass(frozen=True)
class TokenFile:
    """A packed corpus.

    Attributes:
        kind: "texts", or "pairs" (source <eos> target <eos>, again and again).
        n_characters: of all texts; of the targets, where there are pairs.
        n_predicted: the tokens that these characters became, <eos> included.
        source_ends_in_eos: whether the encoder reads the <eos> after a source.
    """

    path: Path
    kind: str
    dtype: str
    n_tokens: int
    n_documents: int
    n_characters: int
    n_predicted: int
    vocab_size: int
    eos_id: int
    bos_id: int | None
    pad_id: int
    source_ends_in_eos: bool = False

    @classmethod
    def open(cls, path: str | Path) -> TokenFile:
        """
        Raises:
            FileNotFoundError: the .bin or its .json is not there.
            ValueError: they do not belong together, or one is cut short.
        """
        path = Path(path)
        about = path.with_suffix(".json")
        for file in (path, about):
            if not file.is_file():
                raise FileNotFoundError(
                    f"there is no file {file}; a token file is a .bin with a .json beside it"
                )
        try:
            found = cls(path=path, **json.loads(about.read_text(encoding="utf-8")))
            n_bytes = found.n_tokens * np.dtype(found.dtype).itemsize
        except (ValueError, TypeError) as error:
            raise ValueError(f"{about} does not describe a token file ({error})") from None
        if path.stat().st_size != n_bytes:
            raise ValueError(
                f"{path} has {path.stat().st_size:,} bytes and {about.name} says {n_bytes:,}; it "
                "is cut short, or belongs to another; write it again"
            )
        return found

    @cached_property
    def tokens(self) -> np.ndarray:
        """(n_tokens,), read from the disk where it is looked at."""
        return np.memmap(self.path, dtype=self.dtype, mode="r", shape=(self.n_tokens,))

    @cached_property
    def ends(self) -> np.ndarray:
        """Where each <eos> stands: (document,), or (2 · pair,); in order."""
        return np.flatnonzero(self.tokens == self.eos_id)

    @property
    def tokens_per_character(self) -> float:
        return self.n_predicted / max(1, self.n_characters)


def write_tokens(path: str | Path, texts: Iterable[str], tokenizer: Tokenizer) -> TokenFile:
    """Pack texts, in order, into a new token file.

    Raises:
        ValueError: no text at all, or a tokenizer without a token that ends a text.
    """
    return _write(path, ((None, text) for text in texts), tokenizer, "texts")


def write_pairs(
    path: str | Path, pairs: Iterable[tuple[str, str]], tokenizer: Tokenizer
) -> TokenFile:
    """Pack (source, target) texts, in order, for an encoder-decoder. Raises as ``write_tokens``."""
    return _write(path, pairs, tokenizer, "pairs")


def _write(path, pairs: Iterable, tokenizer: Tokenizer, kind: str) -> TokenFile:
    path = Path(path)
    if not tokenizer.eos_ids:
        raise ValueError("this tokenizer has no token that ends a text; documents need one")
    eos = min(tokenizer.eos_ids)
    bos = None if tokenizer.bos_id == eos else tokenizer.bos_id
    dtype = "uint16" if tokenizer.vocab_size <= 1 << 16 else "uint32"
    counts = {"n_tokens": 0, "n_documents": 0, "n_characters": 0, "n_predicted": 0}
    source_ends_in_eos = False

    def write(file) -> None:
        nonlocal source_ends_in_eos

        def put(ids: list[int]) -> None:
            file.write(np.asarray(ids, dtype=dtype).tobytes())
            counts["n_tokens"] += len(ids)

        if kind == "texts" and bos is None:
            put([eos])
        for source, text in pairs:
            if source is not None:
                ids = tokenizer.encode(source, special=True)
                source_ends_in_eos = bool(ids) and ids[-1] in tokenizer.eos_ids
                put(_without_eos(ids, tokenizer.eos_ids) + [eos])
            if source is None and bos is not None:
                ids = tokenizer.encode(text, special=True)
            else:
                ids = _encode_target(tokenizer, text, source is not None)
            ids = _without_eos(ids, tokenizer.eos_ids) + [eos]
            put(ids)
            counts["n_documents"] += 1
            counts["n_characters"] += len(text)
            counts["n_predicted"] += len(ids) - (source is None and bos is not None)

        if not counts["n_documents"]:
            raise ValueError(f"there is no text for {path}: the corpus is empty")

    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, write)
    pad = tokenizer.pad_id
    about = TokenFile(
        path, kind, dtype, **counts, vocab_size=tokenizer.vocab_size, eos_id=eos, bos_id=bos,
        pad_id=eos if pad is None else pad, source_ends_in_eos=source_ends_in_eos,
    )  # fmt: skip
    write_json(path.with_suffix(".json"), {k: v for k, v in asdict(about).items() if k != "path"})
    return about


def _without_eos(ids: list[int], eos_ids: frozenset[int]) -> list[int]:
    """A document's ids; an <eos> inside it would part it in two."""
    return [id for id in ids if id not in eos_ids]


def _encode_target(tokenizer: Tokenizer, text: str, is_target: bool) -> list[int]:
    has_target = is_target and "target" in inspect.signature(tokenizer.encode).parameters
    return tokenizer.encode(text, **({"target": True} if has_target else {}))
