"""A Transformer whose weights are still to be filled in."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ..config import TransformerConfig
from ..quantized import BlockQuantizedTensor
from ..transformer import Transformer

DRAWS = {torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.fill_, torch.Tensor.zero_}


def empty_transformer(
    config: TransformerConfig, device: torch.device, dtype: torch.dtype
) -> Transformer:
    """A Transformer in evaluation mode, its memory reserved and not yet written.

    Nothing is drawn at random and no page of memory is touched before the weights go in. (By
    way of the meta device it would cost 80 MB more: `to_empty` makes PyTorch import its
    compiler.)

    Args:
        config: the shape.
        device: where the weights will lie.
        dtype: of the matrices. Norms and biases, and with them the residual stream, are never
            below float32: Gemma's stream passes 65,504, the largest number of float16.
    """
    with torch.device(device), _default_dtype(dtype), _WithoutDrawing():
        transformer = Transformer(config)
    for parameter in transformer.parameters():
        if parameter.dim() == 1:
            parameter.data = torch.empty(parameter.shape, dtype=torch.float32, device=device)
    return transformer.eval().requires_grad_(False)


def put_blocks(transformer: Transformer, name: str, weight: BlockQuantizedTensor) -> None:
    """A matrix in blocks in the place of the parameter of that name."""
    module, _, attribute = name.rpartition(".")
    parameter = nn.Parameter(weight, requires_grad=False)
    setattr(transformer.get_submodule(module), attribute, parameter)


def give_back_memory() -> None:
    """Let the system have the pages that filling the weights in has left free.

    glibc keeps those that lie below others in use: 50 MB after Gemma, and other C libraries
    have no such call.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class _WithoutDrawing(TorchFunctionMode):
    """Passes over what draws initial weights."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in DRAWS or getattr(nn.init, function.__name__, None) is function:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs)
