"""Which rows of a batch gave a loss that is no finite number."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from ..tokenizers import Tokenizer
from .loss import IGNORED
from .objective import loss_sum
from .precision import mixed
from .sampler import Batch
from .step import NotFinite
from .token_file import TokenFile


@torch.no_grad()
def losses_by_row(
    objective: nn.Module, batch: Batch, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Each row's summed loss, one row at a time: (row,)."""
    losses = []
    for row in range(len(batch.ids)):
        with mixed(dtype, device):
            losses.append(loss_sum(objective, batch.rows(slice(row, row + 1)).to(device)).float())
    return torch.stack(losses)


def describe_rows(
    batch: Batch, losses: Tensor, file: TokenFile, tokenizer: Tokenizer
) -> list[dict]:
    """The batch as plain values: each row's place, loss, ids and text; not finite ones first."""
    rows = []
    for row in range(len(batch.ids)):
        n = int((batch.targets[row] != IGNORED).nonzero().max()) + 1 if batch.n_targets else 0
        ids = batch.ids[row, :n].tolist()
        values = {
            "file": str(file.path),
            "first_target": int(batch.places[row]),
            "document": int((file.ends < batch.places[row]).sum()),
            "loss": str(losses[row].item()),
            "ids": ids,
            "text": tokenizer.decode(ids),
        }
        if batch.source is not None:
            values["source"] = tokenizer.decode(batch.source[row][batch.source_mask[row]].tolist())
        rows.append(values)
    return sorted(rows, key=lambda row: math.isfinite(float(row["loss"])))


def explain(
    error: NotFinite, step: int, losses: Tensor, rows: list[dict], file: Path
) -> NotFinite:
    """The error in one sentence more: where the first bad row stands, and what to do."""
    bad = [row for row, loss in enumerate(losses.tolist()) if not math.isfinite(loss)]
    where = f"rows {bad} of it" if bad else "no row alone, the gradient of all together"
    shown = rows[0]
    return NotFinite(
        f"{error} at step {step}; {where}: document {shown['document']} of {shown['file']}, which "
        f"begins {shown['text'][:60]!r}. The whole batch is in {file}. The weights before this "
        "step are unharmed in the last checkpoint; look at these texts, or lower the learning "
        "rate, then --resume"
    )
