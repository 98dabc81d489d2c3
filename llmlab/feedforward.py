"""The feed-forward network of a block: up, a bend, down; at each position by itself."""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from .config import TransformerConfig
from .linear import Linear, project_together
from .recording import Recorder

ACTIVATIONS = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
}


class FeedForward(nn.Module):
    """down(activation(up(x))), or down(activation(gate(x)) · up(x)) where it is gated.

    Source: Vaswani et al. (2017), equation 2; Shazeer (2020) for the gated forms.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        bias = config.feedforward_bias
        self.activation = ACTIVATIONS[config.activation]
        self.gate = Linear(config.d_model, config.d_ff, bias=bias) if config.gated else None
        self.up = Linear(config.d_model, config.d_ff, bias=bias)
        self.down = Linear(config.d_ff, config.d_model, bias=bias)

    def forward(self, x: Tensor, recorder: Recorder | None = None) -> Tensor:
        """(batch, position, d_model) → (batch, position, d_model)"""
        if self.gate is None:
            hidden = self.activation(self.up(x))
        else:
            gate, up = project_together(x, (self.gate, self.up))
            hidden = self.activation(gate) * up
        if recorder is not None:
            recorder.add("feedforward", hidden)
        return self.down(hidden)
