"""AdamW and its learning rate: warm-up, then half a cosine."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from .config import OptimizerConfig


def learning_rate(step: int, n_steps: int, config: OptimizerConfig) -> float:
    """The rate of a step, counted from 0.

    It rises in a line over ``warmup_steps``, reaches its peak at the last of them, and falls
    along half a cosine (Loshchilov and Hutter, 2017, equation 5) to ``final_learning_rate`` at
    the last step. With ``decay_steps`` it stays at the peak until so many are left (Hägele et
    al., 2024).
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    n_falling = n_steps - 1 - config.warmup_steps
    if config.decay_steps:
        n_falling = min(n_falling, config.decay_steps)
    left = n_steps - 1 - step
    done = 1.0 if n_falling <= 0 else min(1.0, max(0.0, 1 - left / n_falling))
    share = 0.5 * (1 + math.cos(math.pi * done))
    return config.final_learning_rate + share * (
        config.learning_rate - config.final_learning_rate
    )


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW whose decay pulls on matrices only (Radford et al., 2018, section 4.1).

    A norm's scale or a bias at zero is no simpler a model, so vectors do not decay. One fused
    kernel goes through all parameters, on the CPU as on CUDA.
    """
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    device = next(model.parameters()).device.type
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        fused=device in ("cpu", "cuda"),
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(parameters: Iterable[nn.Parameter], largest: float) -> Tensor:
    """Scale all gradients together so that their norm is at most this (Pascanu et al., 2013).

    Returns:
        The norm before, a scalar. With ``largest`` 0 nothing is scaled.
    """
    norm = nn.utils.clip_grad_norm_(parameters, largest or math.inf)
    return norm.full_tensor() if hasattr(norm, "full_tensor") else norm
