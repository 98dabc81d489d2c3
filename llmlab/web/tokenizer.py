"""Tokenizers as the browser engine reads them."""

from __future__ import annotations

import re

from ..tokenizers import ByteFallbackBPE, Tokenizer
from ..tokenizers.byte_fallback import BEFORE_FIRST_WORD
from ..tokenizers.pretokenize import WHITE
from ..tokenizers.sentencepiece_bpe import SentencePieceBPE

SENTENCEPIECE, BYTE_FALLBACK = "sentencepiece", "byte-fallback"


def describe(tokenizer: Tokenizer) -> dict:
    """What the engine needs to cut and join texts as this tokenizer does, as plain values.

    Raises:
        ValueError: a kind of tokenizer that the engine does not have.
    """
    if isinstance(tokenizer, SentencePieceBPE):
        return {"kind": SENTENCEPIECE, **tokenizer.describe()}
    if not isinstance(tokenizer, ByteFallbackBPE):
        raise ValueError(
            f"the engine has no tokenizer of the kind {type(tokenizer).__name__}; it has those of "
            "Gemma and of the book's own models (ByteFallbackBPE)"
        )
    id_of = tokenizer.id_of
    return {
        "kind": BYTE_FALLBACK,
        "pieces": list(tokenizer.vocab),
        "merges": [[id_of(left), id_of(right)] for left, right in tokenizer.merges],
        "special": [id_of(name) for name in tokenizer.special],
        "byte_ids": [id_of(f"<0x{byte:02X}>") for byte in range(256)],
        "pattern": for_javascript(tokenizer.pattern),
        "space_before": for_javascript(BEFORE_FIRST_WORD) if tokenizer.space_first else None,
        "prefix": [tokenizer.bos_id] if tokenizer.add_bos else [],
        "suffix": sorted(tokenizer.eos_ids) if tokenizer.add_eos else [],
        "eos": sorted(tokenizer.eos_ids),
        "bos": tokenizer.bos_id,
    }


def for_javascript(pattern: str) -> str:
    """A pre-tokenizer's pattern for a JavaScript expression with the flag u.

    ``\\\\s`` is written out, for JavaScript counts other characters as white than Unicode does, and
    the beginning of the text is ``^``.
    """
    white = re.sub(r"\\x([0-9a-f]{2})", r"\\u00\1", WHITE)
    return pattern.replace(r"\A", "^").replace(r"\s", white)
