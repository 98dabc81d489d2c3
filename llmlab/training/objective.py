"""What training makes small: the summed cross-entropy of a Transformer's next tokens."""

from __future__ import annotations

from torch import Tensor, nn

from ..transformer import Transformer
from .loss import cross_entropy_sum
from .sampler import Batch


class Objective(nn.Module):
    """A Transformer and its loss as one module, so that DDP and FSDP see one forward pass."""

    def __init__(self, transformer: Transformer) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(
        self,
        ids: Tensor,  # (row, position)
        targets: Tensor,  # (row, position)
        source: Tensor | None = None,  # (row, source position)
        source_mask: Tensor | None = None,
    ) -> Tensor:
        """The sum of −log p(target) over all targets that count, in nats."""
        model, head = self.transformer, self.transformer.head
        x = model.before_head(ids, source=source, source_mask=source_mask)
        return cross_entropy_sum(x, head.matrix(model.embedding.token), targets, head.bias)


def loss_sum(objective: nn.Module, batch: Batch) -> Tensor:
    """``Objective`` of a batch: a scalar, in nats."""
    return objective(batch.ids, batch.targets, batch.source, batch.source_mask)
