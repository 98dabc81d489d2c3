"""A model's tensors as the browser engine reads them.

A matrix is its integers, one byte each, row by row, and then its scales in the bytes of the
model's own file: nothing is rounded on the way. Integers by themselves compress well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..checkpoints.dequantize import BLOCKS, unpack
from ..checkpoints.gemma_weights import gguf_name
from ..checkpoints.gguf import GGUF, TensorInfo
from ..model import LanguageModel
from ..quantized import BlockQuantizedTensor, quantize

# GGUF's formats: what the engine calls their scales, and where these stand in a block.
SCALES = {
    "Q8_0": ("float16", slice(0, 2)),
    "Q5_0": ("float16", slice(0, 2)),
    "Q4_K": ("q4_k", slice(0, 16)),
    "Q6_K": ("q6_k", slice(192, 210)),
}
WIDTHS = (16, 32, 64)  # of the blocks that the kernel multiplies
EMBEDDING = "embedding.token.weight"


@dataclass(frozen=True)
class WebTensor:
    """One tensor: its line in the manifest, and its bytes."""

    entry: dict
    data: bytes


def tensors_of(model: LanguageModel) -> Iterator[WebTensor]:
    """Every parameter of a model whose matrices are in blocks, or can be put there.

    Raises:
        ValueError: a matrix whose rows do not divide into blocks that the engine multiplies.
    """
    for name, parameter in model.transformer.named_parameters():
        if parameter.dim() == 1:
            yield _vector(name, parameter.detach().float().numpy())
            continue
        is_in_blocks = isinstance(parameter.data, BlockQuantizedTensor)
        blocks = parameter.data if is_in_blocks else quantize(parameter)
        width = blocks.quants.size(2)
        if width not in WIDTHS or len(blocks.minimums):
            raise ValueError(
                f"{name} has blocks of {width} weights"
                f"{' with minimums' if len(blocks.minimums) else ''}; "
                f"the engine multiplies blocks of {' or '.join(map(str, WIDTHS))}"
            )
        scales = blocks.scales.numpy().astype("<f4").tobytes()
        yield _matrix(name, blocks.quants.numpy(), "float32", scales)


def tensors_of_gguf(model: LanguageModel, gguf: GGUF, kept: Sequence[int]) -> Iterator[WebTensor]:
    """Every tensor of a GGUF file in the blocks that it has there.

    Args:
        model: what was read from the file.
        kept: the rows of the token embedding to write, in their order.
    """
    for name, _ in model.transformer.named_parameters():
        info = gguf.tensors[gguf_name(name)]
        stored = gguf.read_rows(info, 0, info.n_rows)
        if info.type == "F32":
            yield _vector(name, stored.view(np.float32).reshape(-1))
            continue
        yield _blocks(name, info, stored[list(kept)] if name == EMBEDDING else stored)


def _blocks(name: str, info: TensorInfo, stored: np.ndarray) -> WebTensor:
    if info.type not in SCALES:
        raise ValueError(
            f"{name} is stored as {info.type}; the engine reads {', '.join(SCALES)} and F32"
        )
    scales, place = SCALES[info.type]
    _, size = BLOCKS[info.type]
    quants, _, _ = unpack(stored, info.type)
    heads = np.ascontiguousarray(stored).reshape(-1, size)[:, place]
    return _matrix(name, quants, scales, heads.tobytes())


def _vector(name: str, values: np.ndarray) -> WebTensor:
    data = values.astype("<f4").tobytes()
    return WebTensor({"name": name, "length": int(values.size)}, data)


def _matrix(name: str, quants: np.ndarray, scales: str, stored: bytes) -> WebTensor:
    rows, blocks, width = quants.shape
    entry = {"name": name, "rows": rows, "columns": blocks * width, "width": width}
    return WebTensor({**entry, "scales": scales}, quants.astype(np.int8).tobytes() + stored)
