"""One Transformer block: attention, perhaps cross-attention, feed-forward; each with its sum."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from .attention import MultiHeadAttention
from .cache import LayerCache
from .config import TransformerConfig
from .feedforward import FeedForward
from .norm import make_norm
from .recording import Recorder


class Block(nn.Module):
    """Sub-layers that each add to the residual stream x.

    pre:      x + f(norm(x))             GPT-2, Llama
    post:     norm(x + f(x))             the original Transformer, BERT
    sandwich: x + norm(f(norm(x)))       Gemma

    Source: Vaswani et al. (2017), section 3.1; Xiong et al. (2020) on pre against post.
    """

    def __init__(self, config: TransformerConfig, *, cross_attention: bool = False) -> None:
        super().__init__()
        self.placement = config.norm_placement
        self.dropout = config.dropout
        self.attention = MultiHeadAttention(config)
        self.cross_attention = MultiHeadAttention(config) if cross_attention else None
        self.feedforward = FeedForward(config)
        names = ["attention", "feedforward"] + ["cross_attention"] * cross_attention
        for name in names:
            self.add_module(f"{name}_norm", make_norm(config))
            if config.norm_placement == "sandwich":
                self.add_module(f"{name}_post_norm", make_norm(config))

    def forward(
        self,
        x: Tensor,  # (batch, position, d_model)
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        rotation: tuple[Tensor, Tensor] | None = None,
        cache: LayerCache | None = None,
        encoded: Tensor | None = None,  # (batch, source, d_model)
        source_mask: Tensor | None = None,
        cross_cache: LayerCache | None = None,
        recorder: Recorder | None = None,
    ) -> Tensor:
        x = self._add(
            "attention",
            x,
            lambda h: self.attention(
                h, mask=mask, causal=causal, rotation=rotation, cache=cache, recorder=recorder
            ),
            recorder,
        )
        if self.cross_attention is not None:
            x = self._add(
                "cross_attention",
                x,
                lambda h: self.cross_attention(
                    h, source=encoded, mask=source_mask, cache=cross_cache, recorder=recorder
                ),
                recorder,
            )
        return self._add("feedforward", x, lambda h: self.feedforward(h, recorder), recorder)

    def _add(self, name: str, x: Tensor, sublayer: Callable, recorder: Recorder | None) -> Tensor:
        """The residual sum around one sub-layer, with its norms where the placement says."""
        norm = getattr(self, f"{name}_norm")
        change = sublayer(x if self.placement == "post" else norm(x))
        if self.placement == "sandwich":
            change = getattr(self, f"{name}_post_norm")(change)
        if self.training and self.dropout:
            change = F.dropout(change, self.dropout)
        if recorder is not None:
            recorder.add(f"{name}_output", change)
        return norm(x + change) if self.placement == "post" else x + change
