"""Layer normalisation and root-mean-square normalisation."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numba import njit
from torch import Tensor, nn

from .config import TransformerConfig

SMALL = 2**12  # numbers at most in what is normalised without PyTorch's kernels


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 over the last axis, then a learned scale and shift.

    Source: Ba, Kiros and Hinton (2016), equation 4.
    """
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)
    return centred * torch.rsqrt(variance + eps) * weight + bias


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Root mean square 1 over the last axis, then a learned scale.

    Source: Zhang and Sennrich (2019), equation 4.
    """
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + eps) * weight


class LayerNorm(nn.Module):
    """``layer_norm`` with its parameters, through PyTorch's fused kernel."""

    def __init__(self, d: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))
        self.bias = nn.Parameter(torch.zeros(d))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class RMSNorm(nn.Module):
    """``rms_norm`` with its parameter, through PyTorch's fused kernel."""

    def __init__(self, d: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        if self._is_small(x):
            # As in generation. On a CPU F.rms_norm is seven kernels, each a call of its own.
            out = torch.empty_like(x)
            rows = (-1, x.size(-1))
            arrays = (x.view(rows).numpy(), self.weight.numpy(), self.eps, out.view(rows).numpy())
            _normalise_rows(*arrays)
            return out
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)

    @staticmethod
    def _is_small(x: Tensor) -> bool:
        return (
            x.numel() <= SMALL
            and x.dtype == torch.float32
            and x.device.type == "cpu"
            and not torch.is_grad_enabled()
            and x.is_contiguous()
        )


@njit(fastmath={"reassoc", "contract", "nsz"}, cache=True)
def normalise(x, weight, eps, out):
    """``rms_norm`` of one vector, (d,), into ``out``, which may be x itself."""
    squares = np.float32(0)
    for i in range(len(x)):
        squares += x[i] * x[i]
    scale = np.float32(1 / math.sqrt(squares / len(x) + eps))
    for i in range(len(x)):
        out[i] = x[i] * scale * weight[i]


@njit(cache=True)
def _normalise_rows(x, weight, eps, out):
    """Of each row of x, (row, d)."""
    for row in range(len(x)):
        normalise(x[row], weight, eps, out[row])


def make_norm(config: TransformerConfig) -> nn.Module:
    """The configured normalisation over d_model."""
    kind = LayerNorm if config.norm == "layernorm" else RMSNorm
    return kind(config.d_model, config.norm_eps)
