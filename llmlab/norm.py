"""Layer normalisation and root-mean-square normalisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import TransformerConfig


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
        if self._is_one_vector(x):
            # As in generation. On a CPU F.rms_norm is seven kernels, this is four.
            flat = x.flatten()
            mean_square = torch.dot(flat, flat).item() / flat.numel()
            return x * self.weight * (mean_square + self.eps) ** -0.5
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)

    @staticmethod
    def _is_one_vector(x: Tensor) -> bool:
        return (
            x.numel() == x.size(-1)
            and x.dtype == torch.float32
            and x.device.type == "cpu"
            and not torch.is_grad_enabled()
        )


def make_norm(config: TransformerConfig) -> nn.Module:
    """The configured normalisation over d_model."""
    kind = LayerNorm if config.norm == "layernorm" else RMSNorm
    return kind(config.d_model, config.norm_eps)
