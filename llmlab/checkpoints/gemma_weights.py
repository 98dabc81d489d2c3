"""Gemma's weights from a GGUF file: their names, their shapes, and the way into a Transformer.

llama.cpp's conversion has already added to the norm weights the 1 that Gemma's own checkpoints
leave out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..config import TransformerConfig
from ..quantized import BlockQuantizedTensor
from ..transformer import Transformer
from .dequantize import UNPACKERS, dequantize, unpack
from .empty import put_blocks
from .gguf import GGUF, TensorInfo

SLICE = 2**18  # weights turned to float32 at once: they stay in the processor's cache

OUTER = {  # ours: (GGUF's, shape)
    "embedding.token": ("token_embd", ("vocab", "model")),
    "final_norm": ("output_norm", ("model",)),
    "head": ("output", ("vocab", "model")),
}
BLOCK = {
    "attention_norm": ("attn_norm", ("model",)),
    "attention_post_norm": ("post_attention_norm", ("model",)),
    "attention.query": ("attn_q", ("query", "model")),
    "attention.key": ("attn_k", ("key", "model")),
    "attention.value": ("attn_v", ("key", "model")),
    "attention.output": ("attn_output", ("model", "query")),
    "attention.query_norm": ("attn_q_norm", ("head",)),
    "attention.key_norm": ("attn_k_norm", ("head",)),
    "feedforward_norm": ("ffn_norm", ("model",)),
    "feedforward_post_norm": ("post_ffw_norm", ("model",)),
    "feedforward.gate": ("ffn_gate", ("feedforward", "model")),
    "feedforward.up": ("ffn_up", ("feedforward", "model")),
    "feedforward.down": ("ffn_down", ("model", "feedforward")),
}


def check_tensors(gguf: GGUF, config: TransformerConfig) -> None:
    """Compare the file's tensors with the configuration, before memory is asked for.

    Raises:
        ValueError: a tensor that is missing, left over or of another shape.
    """
    left = set(gguf.tensors)
    for name, shape in _expected(config):
        tensor = gguf.tensors.get(name)
        if tensor is None or tensor.shape != shape:
            found = "no such tensor" if tensor is None else f"shape {tensor.shape}"
            raise ValueError(
                f"{gguf.path} does not fit its own metadata: {name} should have shape {shape}, "
                f"found {found}"
            )
        left.remove(name)
    if left:
        raise ValueError(
            f"{gguf.path} has {len(left)} tensors that have no place, among them "
            f"{min(left)[:100]!r}"
        )


def fill(transformer: Transformer, gguf: GGUF, *, in_blocks: bool) -> None:
    """Write the file's weights into the Transformer's parameters, a slice at a time.

    Slices keep the peak of memory at the model itself.

    Args:
        in_blocks: leave every matrix in the blocks that the file stores it in. Otherwise only
            the token embedding stays so, and only in a float32 model on the CPU: in float32 it
            alone is 671 MB, more than everything else together.
    """
    with _one_thread():
        for name, parameter in list(transformer.named_parameters()):
            tensor = gguf.tensors[gguf_name(name)]
            is_table = name == "embedding.token.weight" and parameter.dtype == torch.float32
            stays = in_blocks or is_table and parameter.device.type == "cpu"
            if stays and tensor.type in UNPACKERS:
                put_blocks(transformer, name, _in_blocks(tensor, gguf))
            else:
                _fill_parameter(parameter, tensor, gguf)


def gguf_name(name: str) -> str:
    """GGUF's name for one of our parameters."""
    block, part = re.fullmatch(r"(?:blocks\.(\d+)\.)?(.+)\.weight", name).groups()
    if block is None:
        return f"{OUTER[part][0]}.weight"
    return f"blk.{block}.{BLOCK[part][0]}.weight"


def _expected(config: TransformerConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """GGUF's name and the shape of each tensor."""
    sizes = {
        "vocab": config.vocab_size,
        "model": config.d_model,
        "query": config.n_heads * config.d_head,
        "key": config.n_kv_heads * config.d_head,
        "head": config.d_head,
        "feedforward": config.d_ff,
    }
    for part, (name, axes) in OUTER.items():
        if part != "head" or not config.tied_embeddings:
            yield f"{name}.weight", tuple(sizes[axis] for axis in axes)
    for layer in range(config.n_layers):
        for name, axes in BLOCK.values():
            yield f"blk.{layer}.{name}.weight", tuple(sizes[axis] for axis in axes)


def _fill_parameter(parameter: torch.Tensor, tensor: TensorInfo, gguf: GGUF) -> None:
    rows = parameter.data.view(tensor.n_rows, -1)
    step = max(1, SLICE // rows.size(1))
    for start in range(0, len(rows), step):
        stop = min(start + step, len(rows))
        values = torch.from_numpy(dequantize(gguf.read_rows(tensor, start, stop), tensor.type))
        rows[start:stop].copy_(values)


def _in_blocks(tensor: TensorInfo, gguf: GGUF) -> BlockQuantizedTensor:
    parts: tuple[torch.Tensor, ...] | None = None
    step = max(1, SLICE // tensor.shape[-1])
    for start in range(0, tensor.n_rows, step):
        stop = min(start + step, tensor.n_rows)
        stored = unpack(gguf.read_rows(tensor, start, stop), tensor.type)
        found = [torch.from_numpy(part) for part in stored if part is not None]
        if parts is None:
            parts = tuple(part.new_empty(tensor.n_rows, *part.shape[1:]) for part in found)
        for part, rows in zip(parts, found, strict=True):
            part[start:stop] = rows
    return BlockQuantizedTensor(*parts)


@contextmanager
def _one_thread() -> Iterator[None]:
    # Waking PyTorch's other threads for every slice gains nothing, and on a busy machine it
    # takes ten times as long.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
