"""One step: losses of a batch, their gradients, clipped, and AdamW's change."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from .distributed import Processes, gradients_summed
from .objective import loss_sum
from .optimizer import clip_gradients
from .precision import mixed
from .sampler import Batch


@dataclass(frozen=True)
class StepResult:
    """
    Attributes:
        loss: mean over the batch's targets, in nats, before the change.
        gradient_norm: before clipping.
        n_tokens: the targets of the batch.
    """

    loss: float
    gradient_norm: float
    n_tokens: int


class NotFinite(ValueError):
    """A loss or a gradient that is no finite number."""


def training_step(
    objective: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    device: torch.device,
    *,
    micro_batch_size: int = 0,
    clip: float = 1.0,
    dtype: torch.dtype = torch.float32,
    team: Processes = Processes(),  # noqa: B008 (frozen)
) -> StepResult:
    """Learn from a batch, in parts of ``micro_batch_size`` rows whose gradients add up.

    The parts' losses are divided by the targets of the whole batch, so that the step does not
    depend on how it is parted.

    Raises:
        NotFinite: the loss or the gradient is no finite number; the weights stay as they were.
    """
    n_targets = max(1, batch.n_targets)
    mine = batch.rows(team.share(len(batch.ids)))
    n_rows = len(mine.ids)
    size = micro_batch_size or n_rows
    optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), device=device)
    for start in range(0, n_rows, size):
        part = mine.rows(slice(start, start + size)).to(device)
        with gradients_summed(objective, now=start + size >= n_rows):
            with mixed(dtype, device):
                loss = loss_sum(objective, part) / n_targets
            (loss * team.count).backward()  # DDP and FSDP take the mean over processes
        total += loss.detach()
    norm = clip_gradients(objective.parameters(), clip).item()
    loss = team.summed(total.item())
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise NotFinite(f"the loss is {loss} and its gradient's norm {norm}")
    optimizer.step()
    return StepResult(loss, norm, n_targets)
