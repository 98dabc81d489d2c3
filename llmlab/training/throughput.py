"""Tokens a second, and the share of the processor's speed that they use."""

from __future__ import annotations

import time

import torch

from ..config import TransformerConfig
from ..transformer import Transformer


def flops_per_token(transformer: Transformer, length: int) -> float:
    """Floating-point operations of one training step per token, forward and back.

    6 for each weight of a matrix product, and 12 · layers · d · length for attention's scores
    and sums (Chowdhery et al., 2022, appendix B; Kaplan et al., 2020, table 1). Embedding tables
    that are only looked up do not count; one that serves as head does.
    """
    config: TransformerConfig = transformer.config
    n_weights = sum(p.numel() for p in transformer.parameters() if p.dim() == 2)
    for name in ("position", "token_type"):
        if hasattr(transformer.embedding, name):
            n_weights -= getattr(transformer.embedding, name).weight.numel()
    if not config.tied_embeddings:
        n_weights -= transformer.embedding.token.weight.numel()
    n_layers = config.n_layers
    if config.architecture == "encoder-decoder":
        n_layers = 2 * config.n_layers + config.n_encoder_layers
    return 6 * n_weights + 12 * n_layers * config.n_heads * config.d_head * length


def peak_flops(device: torch.device, dtype: torch.dtype, seconds: float = 0.1) -> float:
    """Floating-point operations a second of a large matrix product, measured here and now.

    What the machine really reaches, where a data sheet says what it might.
    """
    size = 512 if device.type == "cpu" else 4096
    a = torch.randn(size, size, device=device).to(dtype)
    a @ a  # the first one prepares
    best, end = float("inf"), None
    while end is None or time.perf_counter() < end:
        synchronize(device)
        start = time.perf_counter()
        end = end or start + seconds
        a @ a
        synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
