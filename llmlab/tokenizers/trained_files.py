"""Reading a tokenizer that was trained here, whichever kind it is."""

from __future__ import annotations

import os
from pathlib import Path

from .byte_fallback import ByteFallbackBPE
from .byte_level import ByteLevelBPE
from .character import Character
from .tokenizer_json import FILE, read_files
from .trained import TrainedTokenizer
from .unigram import Unigram
from .wordpiece import WordPiece

KINDS = (ByteFallbackBPE, ByteLevelBPE, Character, Unigram, WordPiece)


def load_trained(path: str | os.PathLike) -> TrainedTokenizer:
    """The tokenizer in a file or folder that one of the trained tokenizers has written.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: a file of another kind.
    """
    description, record = read_files(path)
    for kind in KINDS:
        if (found := kind.recognize(description, record)) is not None:
            return found
    model = description["model"]
    given = model.get("type") if isinstance(model, dict) else model
    raise ValueError(
        f"{os.fspath(path)} holds a {given} tokenizer that was not trained here; read its folder "
        "with llmlab.tokenizers.huggingface.load_tokenizer"
    )


def trained_tokenizer(folder: str | os.PathLike) -> TrainedTokenizer | None:
    """The tokenizer in a folder, or None where it was not trained here."""
    if not (Path(folder) / FILE).exists():
        return None
    try:
        return load_trained(folder)
    except ValueError:
        return None
