"""Stored blocks of numbers back to float32.

llama.cpp's formats cut each row into blocks and keep, for a block, small integers and one or
two scales. A weight is scale · integer, less a minimum in Q4_K. Source: ggml-quants.c of
https://github.com/ggml-org/ggml; the sums are done in its order, so that every bit agrees.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

BLOCKS = {  # type: (weights in a block, bytes of a block)
    "F32": (1, 4),
    "F16": (1, 2),
    "BF16": (1, 2),
    "Q8_0": (32, 34),
    "Q5_0": (32, 22),
    "Q4_K": (256, 144),
    "Q6_K": (256, 210),
}


def dequantize(stored: ndarray, type: str) -> ndarray:
    """Rows of stored bytes, (row, bytes) uint8 → (row, weight) float32.

    Raises:
        ValueError: a type that is not in BLOCKS, or rows that are not whole blocks.
    """
    if type in UNPACKERS:
        quants, scales, minimums = unpack(stored, type)
        weights = quants * scales[..., None]
        if minimums is not None:
            weights -= minimums[..., None]
        return weights.reshape(len(stored), -1)
    _whole_blocks(stored, type)
    return _PLAIN[type](np.ascontiguousarray(stored))


def unpack(stored: ndarray, type: str) -> tuple[ndarray, ndarray, ndarray | None]:
    """Rows of stored bytes, (row, bytes) uint8, as integers, scales and minimums.

    Returns:
        (row, block, width) int8, (row, block) float32, and (row, block) float32 or None.

    Raises:
        ValueError: a type that is not in UNPACKERS, or rows that are not whole blocks.
    """
    blocks = _whole_blocks(stored, type)
    quants, scales, minimums = UNPACKERS[type](blocks)
    rows, width = len(stored), quants.shape[-1]
    return (
        quants.reshape(rows, -1, width),
        scales.reshape(rows, -1),
        None if minimums is None else minimums.reshape(rows, -1),
    )


def _whole_blocks(stored: ndarray, type: str) -> ndarray:
    """(row, bytes) → (block, bytes)"""
    if type not in BLOCKS:
        raise ValueError(f"type {type!r} cannot be read; these can: {', '.join(BLOCKS)}")
    n_bytes, row_bytes = BLOCKS[type][1], stored.shape[1]
    if row_bytes % n_bytes:
        raise ValueError(f"a row of {row_bytes} bytes is not whole {type} blocks of {n_bytes}")
    return np.ascontiguousarray(stored).reshape(-1, n_bytes)


def _float16(stored: ndarray) -> ndarray:  # (…, 2 · n) uint8 → (…, n) float32
    return np.ascontiguousarray(stored).view(np.float16).astype(np.float32)


def _bf16(stored: ndarray) -> ndarray:
    return (stored.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def _q8_0(blocks: ndarray) -> tuple[ndarray, ndarray, None]:
    """A scale, then 32 signed bytes."""
    return blocks[:, 2:].view(np.int8), _float16(blocks[:, :2]), None


def _q5_0(blocks: ndarray) -> tuple[ndarray, ndarray, None]:
    """A scale, 32 fifth bits, then 32 times four bits, which stand for -16 to 15."""
    n = len(blocks)
    quants = _halves(blocks[:, 6:]).reshape(n, 32)
    quants |= np.unpackbits(blocks[:, 2:6], axis=1, bitorder="little") << 4
    return quants.view(np.int8) - np.int8(16), _float16(blocks[:, :2]), None


def _q4_k(blocks: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    """Two scales; for 8 runs of 32 a six-bit scale and minimum each; then four bits each."""
    n = len(blocks)
    packed = blocks[:, 4:16].reshape(n, 3, 4)
    first, second, third = packed[:, 0], packed[:, 1], packed[:, 2]
    scale = np.concatenate([first & 63, third & 15 | first >> 2 & 48], axis=1)
    minimum = np.concatenate([second & 63, third >> 4 | second >> 2 & 48], axis=1)
    quants = _halves(blocks[:, 16:].reshape(n, 4, 32)).reshape(n, 8, 32).view(np.int8)
    return quants, scale * _float16(blocks[:, 0:2]), minimum * _float16(blocks[:, 2:4])


def _q6_k(blocks: ndarray) -> tuple[ndarray, ndarray, None]:
    """Low four bits, high two bits, 16 scales and one for all; they stand for -32 to 31."""
    n = len(blocks)
    quants = _halves(blocks[:, :128].reshape(n, 2, 64)).reshape(n, 2, 4, 32)
    high = blocks[:, 128:192].reshape(n, 2, 1, 32) >> np.array([[0], [2], [4], [6]], np.uint8)
    quants |= (high & 3) << 4
    quants = (quants.view(np.int8) - np.int8(32)).reshape(n, 16, 16)
    return quants, blocks[:, 192:208].view(np.int8) * _float16(blocks[:, 208:]), None


def _halves(packed: ndarray) -> ndarray:
    """(…, byte) → (…, half, byte): the low four bits of all bytes, then the high four."""
    return np.stack([packed & 15, packed >> 4], axis=-2)


_PLAIN = {"F32": lambda stored: stored.view(np.float32), "F16": _float16, "BF16": _bf16}
UNPACKERS = {"Q8_0": _q8_0, "Q5_0": _q5_0, "Q4_K": _q4_k, "Q6_K": _q6_k}
