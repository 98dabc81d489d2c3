"""How well a model predicts text it has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from .objective import loss_sum
from .sampler import Batch, Sampler


@dataclass(frozen=True)
class Evaluation:
    """
    Attributes:
        loss: mean −log p of a token, in nats.
        n_tokens: how many tokens it is the mean of.
        tokens_per_character: of the whole validation file.
    """

    loss: float
    n_tokens: int
    tokens_per_character: float

    @property
    def perplexity(self) -> float:
        """e to the loss: among how many equally likely tokens the choice would be as hard."""
        return math.exp(min(self.loss, 700.0))

    @property
    def bits_per_character(self) -> float:
        """The loss in bits, spread over characters: comparable between tokenizers."""
        return self.loss / math.log(2) * self.tokens_per_character


@torch.no_grad()
def evaluate(
    objective: nn.Module,
    sampler: Sampler,
    n_batches: int,
    device: torch.device,
    share: slice = slice(None),
    summed: Callable[[float], float] = lambda value: value,
) -> Evaluation:
    """The mean loss over a file's first batches, in the order of epoch 0 of the sampler.

    Args:
        sampler: over the validation file; it starts anew, so that each evaluation sees the same.
        n_batches: how many; no more than one epoch.
        share: which rows of each batch this process takes.
        summed: adds a number up over all processes.
    """
    sampler.state = sampler.state | {"epoch": 0, "batch": 0}
    was_training = objective.training
    objective.eval()
    total, count = 0.0, 0
    for _ in range(min(n_batches, len(sampler))):
        batch: Batch = sampler.next()
        count += batch.n_targets
        total += loss_sum(objective, batch.rows(share).to(device)).item()
    objective.train(was_training)
    return Evaluation(summed(total) / max(1, count), count, sampler.file.tokens_per_character)
