"""Models for the browser engine: a manifest, a tokenizer, and the weights in parts.

The manifest is ``model.json``. Each part is a gzip file of at most 8 MB of the stream of tensors,
with its length and its SHA-256 in the manifest, so that a browser can check what it fetched.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..checkpoints.gguf import GGUF
from ..checkpoints.load import GGUF_MODELS
from ..model import LanguageModel
from ..tokenizers.sentencepiece_bpe import SentencePieceBPE
from .share import kept_share
from .tensors import WebTensor, tensors_of, tensors_of_gguf
from .tokenizer import describe
from .vocabulary import choose

FORMAT = "llmlab.web/1"
MANIFEST, TOKENIZER, NOTICE = "model.json", "tokenizer.json.gz", "NOTICE.txt"
PART = 8 * 10**6  # bytes of a part before it is compressed: its file is smaller
CONTEXT = 512  # positions that the engine keeps room for, where a model has more
GEMMA_VOCABULARY = 21_500  # tokens kept: all files together stay under 80 MB
GEMMA_TERMS = (
    "Gemma is provided under and subject to the Gemma Terms of Use found at "
    "ai.google.dev/gemma/terms. The rows of its token embedding that the pages do not need are left "
    "out."
)


def export_web(
    model: LanguageModel,
    folder: str | Path,
    *,
    texts: Iterable[str] = (),
    vocabulary: int = GEMMA_VOCABULARY,
) -> Path:
    """Write a model as the browser engine reads it; a folder that is there is replaced.

    Args:
        model: from ``llmlab.load``; a Gemma from a GGUF file keeps that file's blocks.
        texts: whose tokens are kept whatever the size of the vocabulary.
        vocabulary: how many tokens a model of a large vocabulary keeps.

    Raises:
        ValueError: a model of a shape that the engine does not compute.
    """
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if isinstance(model.tokenizer, SentencePieceBPE):
        texts = list(texts)
        kept = choose(model.tokenizer, vocabulary, texts)
        share = kept_share(model, kept, texts)
        gguf = GGUF(GGUF_MODELS[model.name]() if model.name in GGUF_MODELS else model.name)
        tensors, terms = tensors_of_gguf(model, gguf, kept), GEMMA_TERMS
    else:
        kept, share, tensors, terms = None, None, tensors_of(model), None
    entries: list[dict] = []
    parts = [
        _write(folder, f"weights-{number:02}.bin.gz", _compressed(data))
        for number, data in enumerate(_pieces(tensors, entries))
    ]
    description = json.dumps(describe(model.tokenizer), ensure_ascii=False).encode()
    manifest = {
        "format": FORMAT,
        "name": model.name,
        "config": model.config.to_dict(),
        "context": min(model.config.context_length, CONTEXT),
        "kept": kept,
        "kept_share": share,
        "tensors": entries,
        "tokenizer": _write(folder, TOKENIZER, gzip.compress(description, mtime=0)),
        "parts": parts,
        "terms": terms,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    if terms:
        (folder / NOTICE).write_text(terms, encoding="utf-8")
    return folder


def _pieces(tensors: Iterable[WebTensor], entries: list[dict]) -> Iterator[bytes]:
    """The stream of all tensors in pieces of one length; their entries go into the list."""
    waiting = bytearray()
    for tensor in tensors:
        entries.append(tensor.entry)
        waiting += tensor.data
        while len(waiting) >= PART:
            yield bytes(waiting[:PART])
            del waiting[:PART]
    if waiting:
        yield bytes(waiting)


def _compressed(data: bytes) -> bytes:
    # Weights repeat nothing: only how often each byte stands can be made use of.
    packer = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_HUFFMAN_ONLY)
    return packer.compress(data) + packer.flush()


def _write(folder: Path, name: str, data: bytes) -> dict:
    (folder / name).write_bytes(data)
    return {"file": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def size_of(folder: Path) -> int:
    """Bytes of an exported model."""
    return sum(path.stat().st_size for path in Path(folder).iterdir())
