"""Text files as documents, and token files made of them where a configuration names text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ..tokenizers import Tokenizer
from .token_file import TokenFile, write_pairs, write_tokens


def token_file(path: str | Path, tokenizer: Tokenizer, folder: Path, name: str) -> TokenFile:
    """The token file at a path, or one made in ``folder`` from the text at it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an empty corpus, a text that is not UTF-8, a line that is not JSON, or a
            token file of another tokenizer.
    """
    path = Path(path)
    if path.suffix == ".bin":
        found = TokenFile.open(path)
        if found.vocab_size != tokenizer.vocab_size:
            raise ValueError(
                f"{path} was written with a vocabulary of {found.vocab_size:,} tokens and the "
                f"tokenizer has {tokenizer.vocab_size:,}; write it again with this tokenizer"
            )
        return found
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; expected a .bin, .txt or .jsonl")
    target = folder / f"{name}.bin"
    if path.suffix == ".jsonl":
        documents = json_lines(path)
        first = next(documents, None)
        write = write_pairs if isinstance(first, tuple) else write_tokens
        return write(target, _chained(first, documents, path), tokenizer)
    return write_tokens(target, paragraphs(path), tokenizer)


def paragraphs(path: Path) -> Iterator[str]:
    """The documents of a text file: what stands between blank lines."""
    lines: list[str] = []
    for line in _lines(path):
        if line.strip():
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def json_lines(path: Path) -> Iterator[str | tuple[str, str]]:
    """The documents, or (source, target) pairs, of a file with one JSON object a line."""
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            document = values["text"] if "text" in values else (values["source"], values["target"])
        except (ValueError, KeyError, TypeError):
            document = None
        parts = document if isinstance(document, tuple) else (document,)
        if not all(isinstance(part, str) for part in parts):
            raise ValueError(
                f'{path}, line {number}: expected {{"text": …}} or {{"source": …, "target": …}}'
            )
        yield document


def _chained(first, rest: Iterator, path: Path) -> Iterator:
    if first is None:
        return
    yield first
    for document in rest:
        if isinstance(document, tuple) != isinstance(first, tuple):
            raise ValueError(f"{path} mixes texts and pairs; give each a file of its own")
        yield document


def _lines(path: Path) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                yield line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 ({error.reason}); save it as UTF-8, or give another file"
        ) from None
