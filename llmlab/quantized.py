"""Matrices kept as their file stores them: small integers in blocks, a scale for each block.

A weight is scale · q, less the block's minimum in some formats. A vector's product is summed
in float32 from the integers themselves, so nothing is rounded that the file has not rounded,
and a quarter of float32's bytes are read. That reading is what the time of a generated token
goes into.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor
from torch.utils._pytree import tree_map

from . import quantized_kernels
from .quantized_kernels import FEW_WEIGHTS, WIDTHS

aten = torch.ops.aten
NONE = torch.empty(0, 0)


class BlockQuantizedTensor(torch.Tensor):
    """A float32 matrix, (row, column), held as integers and scales.

    It passes for the matrix it stands for: ``shape``, ``dtype`` and ``device`` are that one's,
    and an operation that knows nothing of blocks is given the weights in float32. ``project``,
    an embedding's lookup, rows taken out and the product with one vector do know, and never
    widen more than they need. It cannot be written to; ``dequantize()`` gives a matrix that can.

    Args:
        quants: (row, block, width) int8.
        scales: (row, block) float32.
        minimums: (row, block) float32, or None where there are none.
    """

    quants: Tensor
    scales: Tensor
    minimums: Tensor
    whole: BlockQuantizedTensor | None  # the matrix that these rows were cut from by `parts`
    n_parts: int  # that this one was cut into

    @staticmethod
    def __new__(
        cls, quants: Tensor, scales: Tensor, minimums: Tensor | None = None
    ) -> BlockQuantizedTensor:
        rows, blocks, width = quants.shape
        if scales.shape != (rows, blocks) or minimums is not None and minimums.shape != scales.shape:
            raise ValueError(
                f"blocks of shape {tuple(quants.shape)} need scales and minimums of shape "
                f"({rows}, {blocks}), found {tuple(scales.shape)}"
                + ("" if minimums is None else f" and {tuple(minimums.shape)}")
            )
        self = torch.Tensor._make_wrapper_subclass(
            cls, (rows, blocks * width), dtype=torch.float32, device=quants.device
        )
        # The kernels read each part from its beginning to its end.
        self.quants, self.scales = quants.contiguous(), scales.contiguous()
        self.minimums = (NONE.to(quants.device) if minimums is None else minimums).contiguous()
        self.whole, self.n_parts = None, 0
        return self

    # What models and lessons ask of a matrix are methods, which torch's dispatcher does not see:
    # at the first operation on a class of one's own it imports torch.distributed.tensor, 45 MB.
    def detach(self) -> BlockQuantizedTensor:
        return self._with(lambda part: part, self.whole)

    def __getitem__(self, index) -> Tensor:
        first, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(first, slice) and first.step in (None, 1):
            some = self._with(lambda part: part[first])
            return some.dequantize()[(slice(None), *rest)] if rest else some
        if isinstance(first, int):
            return self.rows(first)[tuple(rest)]
        if isinstance(first, Tensor | list) and not rest:
            return self.rows(first)
        return self.dequantize()[index]

    def split(self, size: int | Sequence[int], dim: int = 0) -> Sequence[Tensor]:
        if dim or not isinstance(size, int):
            return self.dequantize().split(size, dim)
        return [self[start : start + size] for start in range(0, len(self), size)]

    def __matmul__(self, other: Tensor) -> Tensor:
        is_learnt = torch.is_grad_enabled() and other.requires_grad
        if other.dim() == 1 and self.can_multiply and not is_learnt:
            return self.multiply(other)
        return self.dequantize() @ dense(other)

    def __rmatmul__(self, other: Tensor) -> Tensor:
        return other @ self.dequantize()

    def norm(self, *args, **kwargs) -> Tensor:
        return self.dequantize().norm(*args, **kwargs)

    # Other operations are met below autograd, where few arrive; attributes cost nothing this way.
    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        first, rest, kwargs = args[0] if args else None, args[1:], kwargs or {}
        if operation._schema.is_mutable:
            raise RuntimeError(
                "block-quantised weights cannot be written to; replace the parameter by its "
                "dequantize() first"
            )
        if isinstance(first, BlockQuantizedTensor):
            if operation in (aten.detach.default, aten.alias.default):
                return first.detach()
            if operation is aten.clone.default:
                return first._with(torch.clone)
            if operation is aten.slice.Tensor and _is_of_rows(*rest):
                start, end = (*rest[1:3], None, None)[:2]
                return first[start:end]
            if operation is aten.split.Tensor and not any(rest[1:]):
                return first.split(rest[0])
            if operation is aten.index.Tensor and len(rest[0]) == 1:
                return first.rows(rest[0][0])
            if operation is aten.embedding.default:
                return first.rows(rest[0])
            if operation is aten.select.int and rest[0] == 0:
                return first.rows(rest[1])
            if operation is aten.mv.default and first.can_multiply:
                return first.multiply(rest[0])
        widened = tree_map(dense, (args, kwargs))
        return operation(*widened[0], **widened[1])

    def dequantize(self) -> Tensor:
        """The matrix itself, (row, column) float32."""
        return self.rows(slice(None))

    def rows(self, index: Tensor | slice | int, out: Tensor | None = None) -> Tensor:
        """Some rows in float32: (…, column) for an index of shape (…); into ``out`` if given."""
        quants, scales = self.quants[index], self.scales[index]
        if quants.device.type == "cpu" and quants.dim() == 3:
            out = room(len(quants), self.size(1)) if out is None else out[: len(quants)]
            minimums = self.minimums[index] if len(self.minimums) else self.minimums
            arrays = (part.numpy() for part in (quants, scales, minimums, out.view(quants.shape)))
            quantized_kernels.widen(*arrays, _n_parts(quants))
            return out
        weights = quants * scales[..., None]
        if len(self.minimums):
            weights -= self.minimums[index][..., None]
        return weights.flatten(-2)

    def multiply(self, x: Tensor) -> Tensor:
        """x · Wᵀ without widening the matrix: (…, column) → (…, row), float32 on the CPU."""
        rows, blocks, width = self.quants.shape
        vectors = x.reshape(-1, blocks, width).contiguous()
        out = torch.empty(*x.shape[:-1], rows)
        products = out.view(-1, rows).numpy()
        n_parts = _n_parts(self.quants)
        quantized_kernels.multiply(vectors.numpy(), *self.arrays, products, n_parts)
        return out

    @property
    def can_multiply(self) -> bool:
        """Whether ``multiply`` takes blocks of this width, on this device."""
        return self.quants.size(2) in WIDTHS and self.quants.device.type == "cpu"

    def parts(self, sizes: Sequence[int]) -> list[BlockQuantizedTensor]:
        """The rows cut into runs of these lengths, in the same memory."""
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        found = [self[start : start + size] for start, size in zip(starts, sizes)]
        for part in found:
            part.whole = self
        self.n_parts = len(sizes)
        return found

    def whole_of(self, parts: Sequence[Tensor]) -> BlockQuantizedTensor | None:
        """The matrix that ``parts`` cut into exactly these, this one first; else None."""
        whole = self.whole
        if whole is None or whole.n_parts != len(parts):
            return None
        return whole if all(getattr(part, "whole", None) is whole for part in parts) else None

    @cached_property
    def arrays(self) -> tuple[ndarray, ...]:
        """Quants, scales and minimums, as NumPy sees the same memory."""
        # Made once: a token's products are many and small.
        return tuple(part.numpy() for part in (self.quants, self.scales, self.minimums))

    def _with(self, change, whole=None) -> BlockQuantizedTensor:
        minimums = change(self.minimums) if len(self.minimums) else None
        changed = BlockQuantizedTensor(change(self.quants), change(self.scales), minimums)
        changed.whole = whole
        return changed

    def __repr__(self, *, tensor_contents=None) -> str:
        return f"BlockQuantizedTensor of {self.shape[0]} × {self.shape[1]} weights"


def quantize(weight: Tensor) -> BlockQuantizedTensor:
    """A matrix rounded to integers from -127 to 127, each block's largest weight becoming 127."""
    columns = weight.size(1)
    width = next((width for width in WIDTHS if columns % width == 0), columns)
    blocks = weight.detach().float().unflatten(1, (-1, width))
    scales = blocks.abs().amax(2).clamp_min(1e-12) / 127
    return BlockQuantizedTensor((blocks / scales[..., None]).round().to(torch.int8), scales)


def concatenate(matrices: list[BlockQuantizedTensor]) -> BlockQuantizedTensor | None:
    """One matrix over all rows, or None where the blocks are of different kinds."""
    kinds = {(m.quants.shape[1:], len(m.minimums) > 0) for m in matrices}
    if len(kinds) > 1:
        return None
    minimums = torch.cat([m.minimums for m in matrices]) if len(matrices[0].minimums) else None
    return BlockQuantizedTensor(
        torch.cat([m.quants for m in matrices]), torch.cat([m.scales for m in matrices]), minimums
    )


def dense(weight: Tensor) -> Tensor:
    """The weights as a plain tensor, which they may be already."""
    return weight.dequantize() if isinstance(weight, BlockQuantizedTensor) else weight


def room(*shape: int) -> Tensor:
    """A float32 tensor to be filled, from NumPy's allocator.

    Torch asks for aligned memory, and of that glibc before 2.38 uses again only what happens to
    fit exactly (its bug 14581): a table widened slice by slice leaves a hole for every slice.
    """
    return torch.from_numpy(np.empty(shape, dtype=np.float32))


def _n_parts(quants: Tensor) -> int:
    return 1 if quants.numel() < FEW_WEIGHTS else torch.get_num_threads()


def _is_of_rows(dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1):
    return dim == 0 and step == 1
