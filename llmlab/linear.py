"""Linear maps: matrices in fewer bits than the sums, and several matrices in one product."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .quantized import BlockQuantizedTensor, concatenate

# On a CPU a half-precision product takes its rows one by one, and a float32 product of few rows
# with a matrix that does not fit the cache is slow. From this many rows on, going through the
# matrix piece by piece, each piece in float32 and small enough for the cache, is quicker.
MANY_ROWS = 8
PIECE = 4096
MANY_IN_BLOCKS = 64  # rows from which on the same holds for a matrix in blocks


def project(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x · weightᵀ + bias, in the dtype of x: (…, d_in) → (…, d_out).

    The matrix may be stored in fewer bits than x: in float16 on a CPU, whose sums are float32,
    or in blocks of integers. No second copy of it is made.
    """
    if isinstance(weight, BlockQuantizedTensor):
        product = _project_blocks(x, weight)
    elif _goes_in_pieces(x, weight):
        product = _project_pieces(x, weight.size(0), lambda rows: weight[rows].to(x.dtype))
    elif weight.dtype != x.dtype:
        product = F.linear(x.to(weight.dtype), weight).to(x.dtype)
    else:
        return F.linear(x, weight, bias)
    return product if bias is None else product + bias


def _project_blocks(x: Tensor, weight: BlockQuantizedTensor) -> Tensor:
    if _needs_gradient(x, weight):
        return F.linear(x, weight.dequantize().to(x.dtype))
    few_rows = x.numel() < MANY_IN_BLOCKS * x.size(-1)
    if few_rows and x.dtype == torch.float32 and weight.can_multiply:
        return weight.multiply(x)
    # Fresh memory for every piece would cost more than what is written to it.
    room = torch.empty(min(PIECE, weight.size(0)), weight.size(1))
    return _project_pieces(x, weight.size(0), lambda rows: weight.rows(rows, room).to(x.dtype))


def _project_pieces(x: Tensor, n_rows: int, widened: Callable[[slice], Tensor]) -> Tensor:
    product = x.new_empty(*x.shape[:-1], n_rows)
    for start in range(0, n_rows, PIECE):
        rows = slice(start, start + PIECE)
        product[..., rows] = F.linear(x, widened(rows))
    return product


def _goes_in_pieces(x: Tensor, weight: Tensor) -> bool:
    return (
        (weight.dtype != x.dtype or weight.size(0) > PIECE)
        and x.numel() >= MANY_ROWS * x.size(-1)
        and weight.device.type == "cpu"
        and not _needs_gradient(x, weight)  # training would keep every piece
    )


def _needs_gradient(x: Tensor, weight: Tensor) -> bool:
    return torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)


class Linear(nn.Linear):
    """``torch.nn.Linear`` through ``project``."""

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:  # as in Transformer
            super().reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return project(x, self.weight, self.bias)


def project_together(x: Tensor, layers: Sequence[Linear]) -> Sequence[Tensor]:
    """Each layer's output for the same x, in one product where that is possible.

    It is possible where ``lay_side_by_side`` has put the matrices next to each other and no
    gradient is wanted. One long product reads memory faster than several short ones.
    """
    joined = None if torch.is_grad_enabled() else _joined([layer.weight for layer in layers])
    if joined is None or layers[0].bias is not None:
        return [layer(x) for layer in layers]
    sizes = [layer.out_features for layer in layers]
    return torch.split_with_sizes(project(x, joined), sizes, dim=-1)


def lay_side_by_side(layers: Sequence[Linear]) -> None:
    """Move the layers' matrices into one block of memory; values and names stay as they are."""
    weights = [layer.weight.detach() for layer in layers]
    if all(isinstance(weight, BlockQuantizedTensor) for weight in weights):
        whole = concatenate(weights)
        parts = whole.parts([len(weight) for weight in weights]) if whole is not None else weights
        for layer, part in zip(layers, parts, strict=True):
            layer.weight = nn.Parameter(part, requires_grad=False)
    elif not any(isinstance(weight, BlockQuantizedTensor) for weight in weights):
        parts = torch.cat(weights).split([len(weight) for weight in weights])
        for layer, part in zip(layers, parts, strict=True):
            layer.weight.data = part


def _joined(weights: Sequence[Tensor]) -> Tensor | None:
    """One matrix over all of the weights if they lie side by side, else None.

    Looked up at each call, because moving or converting a model separates them again.
    """
    first, n_bytes, rows = weights[0], 0, 0
    if isinstance(first, BlockQuantizedTensor):
        return first.whole_of(weights)
    address = first.data_ptr()
    for weight in weights:
        if weight.data_ptr() != address + n_bytes:
            return None
        n_bytes += weight.nbytes
        rows += weight.size(0)
    # Two blocks of memory may touch by chance: all must lie in the first one's.
    storage = first.untyped_storage()
    if address + n_bytes > storage.data_ptr() + storage.nbytes():
        return None
    return first.as_strided((rows, first.size(1)), (first.size(1), 1))
