"""Mixed precision: which numbers a matrix product is made of."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of matrix products; weights, their sums and the optimiser stay float32.

    "auto" is bfloat16 where the device multiplies it in hardware: on CUDA from compute
    capability 8 on, on a CPU with AVX-512 BF16 or AMX. Elsewhere bfloat16 products are emulated
    and slower than float32's.
    """
    if precision == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


def has_bfloat16(device: torch.device) -> bool:
    """Whether this device has bfloat16 arithmetic."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def mixed(dtype: torch.dtype, device: torch.device) -> AbstractContextManager:
    """A region whose matrix products are in this dtype."""
    if dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)
