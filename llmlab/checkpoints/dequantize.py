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
    if type not in BLOCKS:
        raise ValueError(f"type {type!r} cannot be read; these can: {', '.join(BLOCKS)}")
    n_weights, n_bytes = BLOCKS[type]
    rows, row_bytes = stored.shape
    if row_bytes % n_bytes:
        raise ValueError(f"a row of {row_bytes} bytes is not whole {type} blocks of {n_bytes}")
    blocks = np.ascontiguousarray(stored).reshape(-1, n_bytes)
    return _DECODERS[type](blocks).reshape(rows, row_bytes // n_bytes * n_weights)


def _float16(stored: ndarray) -> ndarray:  # (block, 2 · n) uint8 → (block, n) float32
    return np.ascontiguousarray(stored).view(np.float16).astype(np.float32)


def _bf16(blocks: ndarray) -> ndarray:
    return (blocks.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def _q8_0(blocks: ndarray) -> ndarray:
    """A scale, then 32 signed bytes."""
    return blocks[:, 2:].view(np.int8) * _float16(blocks[:, :2])


def _q5_0(blocks: ndarray) -> ndarray:
    """A scale, 32 fifth bits, then 32 times four bits, which stand for -16 to 15."""
    n = len(blocks)
    quants = _halves(blocks[:, 6:]).reshape(n, 32)
    quants |= np.unpackbits(blocks[:, 2:6], axis=1, bitorder="little") << 4
    return (quants.view(np.int8) - np.int8(16)) * _float16(blocks[:, :2])


def _q4_k(blocks: ndarray) -> ndarray:
    """Two scales; for 8 runs of 32 a six-bit scale and minimum each; then four bits each."""
    n = len(blocks)
    packed = blocks[:, 4:16].reshape(n, 3, 4)
    first, second, third = packed[:, 0], packed[:, 1], packed[:, 2]
    scale = np.concatenate([first & 63, third & 15 | first >> 2 & 48], axis=1)
    minimum = np.concatenate([second & 63, third >> 4 | second >> 2 & 48], axis=1)
    scale = scale * _float16(blocks[:, 0:2])
    minimum = minimum * _float16(blocks[:, 2:4])
    weights = _halves(blocks[:, 16:].reshape(n, 4, 32)).reshape(n, 8, 32) * scale[..., None]
    weights -= minimum[..., None]
    return weights


def _q6_k(blocks: ndarray) -> ndarray:
    """Low four bits, high two bits, 16 scales and one for all; they stand for -32 to 31."""
    n = len(blocks)
    quants = _halves(blocks[:, :128].reshape(n, 2, 64)).reshape(n, 2, 4, 32)
    high = blocks[:, 128:192].reshape(n, 2, 1, 32) >> np.array([[0], [2], [4], [6]], np.uint8)
    quants |= (high & 3) << 4
    quants = (quants.view(np.int8) - np.int8(32)).reshape(n, 16, 16)
    scale = blocks[:, 192:208].view(np.int8) * _float16(blocks[:, 208:])
    return quants * scale[..., None]


def _halves(packed: ndarray) -> ndarray:
    """(…, byte) → (…, half, byte): the low four bits of all bytes, then the high four."""
    return np.stack([packed & 15, packed >> 4], axis=-2)


_DECODERS = {
    "F32": lambda blocks: blocks.view(np.float32),
    "F16": _float16,
    "BF16": _bf16,
    "Q8_0": _q8_0,
    "Q5_0": _q5_0,
    "Q4_K": _q4_k,
    "Q6_K": _q6_k,
}
