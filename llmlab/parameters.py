"""Exact parameter counts, by part, without the memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .config import TransformerConfig
from .transformer import Transformer

# The first pattern that a parameter's name contains decides its part.
PARTS = (
    ("norm", "normalisation"),
    ("embedding.token.", "token embedding"),
    ("embedding.position.", "position embedding"),
    ("embedding.token_type.", "token type embedding"),
    ("cross_attention.", "cross-attention"),
    ("attention.", "attention"),
    ("feedforward.", "feed-forward"),
    ("head.", "head"),
)


@dataclass(frozen=True)
class ParameterRow:
    """One part of a model: how many parameters, and which share of them all."""

    part: str
    count: int
    share: float


@dataclass(frozen=True)
class ParameterTable:
    """Rows in the order of the data's way through the model; ``str`` draws the table."""

    rows: tuple[ParameterRow, ...]
    total: int

    def __getitem__(self, part: str) -> ParameterRow:
        for row in self.rows:
            if row.part == part:
                return row
        raise KeyError(f"{part!r} is not among {[row.part for row in self.rows]}")

    def __str__(self) -> str:
        lines = [f"{row.part:20} {row.count:>19,} {row.share:>8.2%}" for row in self.rows]
        return "\n".join([*lines, f"{'total':20} {self.total:>19,} {1:>8.2%}"])


def parameter_table(config: TransformerConfig) -> ParameterTable:
    """Count every parameter of a configuration, by part.

    The model is built on PyTorch's meta device, which has shapes and no numbers, so that
    GPT-3 costs no memory.
    """
    with torch.device("meta"):
        transformer = Transformer(config)
    counts: dict[str, int] = {}
    for name, parameter in transformer.named_parameters():
        part = next(part for pattern, part in PARTS if pattern in name)
        counts[part] = counts.get(part, 0) + parameter.numel()
    total = sum(counts.values())
    order = [part for _, part in PARTS if part in counts]
    order.sort(key=lambda part: part == "normalisation")  # in every layer: last
    return ParameterTable(
        tuple(ParameterRow(part, counts[part], counts[part] / total) for part in order), total
    )
