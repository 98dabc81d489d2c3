"""Leaving out documents that are there already: the same ones, and nearly the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from .documents import Document, Record, record

PRIME = (1 << 31) - 1  # products of two residues stay below 2^62


def drop_duplicates(documents: Sequence[Document]) -> tuple[list[Document], Record]:
    """Keep the first of documents whose texts differ in nothing but spaces and capitals."""
    kept, seen = [], set()
    for document in documents:
        plain = "".join(document.text.lower().split())
        key = hashlib.blake2b(plain.encode(), digest_size=16).digest()
        if key not in seen:
            seen.add(key)
            kept.append(document)
    return kept, record("exact duplicates", documents, kept)


def drop_near_duplicates(
    documents: Sequence[Document],
    threshold: float = 0.8,
    shingle: int = 4,
    bands: int = 16,
    rows: int = 4,
    seed: int = 0,
) -> tuple[list[Document], Record]:
    """Keep the first of documents whose shingles agree in more than a share of them.

    Candidates come from MinHash signatures (Broder, 1997) cut into bands: two documents with
    Jaccard similarity s meet in some band with probability 1 - (1 - s^rows)^bands (Leskovec,
    Rajaraman and Ullman, Mining of Massive Datasets, section 3.4). Whether a candidate is a near
    duplicate is then decided by its exact Jaccard similarity.

    Args:
        threshold: the similarity, from 0 to 1, from which on a document is left out.
        shingle: characters of a shingle.
        bands, rows: of the signature, bands * rows hash functions long.

    Raises:
        ValueError: a threshold outside 0 to 1, or a length that is no whole number from 1.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold!r}")
    for name, value in (("shingle", shingle), ("bands", bands), ("rows", rows)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1, not {value!r}")
    random = np.random.default_rng(seed)
    factors = random.integers(1, PRIME, bands * rows, dtype=np.int64)
    offsets = random.integers(0, PRIME, bands * rows, dtype=np.int64)
    buckets: list[dict[bytes, list[int]]] = [{} for _ in range(bands)]
    kept: list[Document] = []
    kept_shingles: list[frozenset[int]] = []
    compared = 0
    for document in documents:
        own = shingles(document.text, shingle)
        signature = minhash(own, factors, offsets)
        keys = [signature[band * rows : (band + 1) * rows].tobytes() for band in range(bands)]
        near = {i for bucket, key in zip(buckets, keys, strict=True) for i in bucket.get(key, ())}
        compared += len(near)
        if any(jaccard(own, kept_shingles[i]) >= threshold for i in near):
            continue
        for bucket, key in zip(buckets, keys, strict=True):
            bucket.setdefault(key, []).append(len(kept))
        kept.append(document)
        kept_shingles.append(own)
    return kept, record("near duplicates", documents, kept, {"candidates compared": compared})


def shingles(text: str, length: int) -> frozenset[int]:
    """The hashes, below PRIME, of all runs of `length` characters; of a shorter text, its own."""
    text = " ".join(text.lower().split())
    runs = {text[i : i + length] for i in range(max(1, len(text) - length + 1))}
    return frozenset(
        int.from_bytes(hashlib.blake2b(run.encode(), digest_size=4).digest(), "little") % PRIME
        for run in runs
    )


def minhash(hashes: frozenset[int], factors: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The signature: for each hash function the least value over all shingles, (functions,)."""
    values = np.fromiter(hashes, dtype=np.int64, count=len(hashes))
    return ((values[:, None] * factors + offsets) % PRIME).min(axis=0)


def jaccard(a: frozenset, b: frozenset) -> float:
    """The share of what two sets have in common, of all they have."""
    return len(a & b) / len(a | b) if a or b else 1.0
