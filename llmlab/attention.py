"""Attention: the formula, its fused twin, and the multi-head layer around it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cache import LayerCache
from .config import TransformerConfig
from .linear import Linear, project_together
from .norm import RMSNorm
from .positions import rotate
from .recording import Recorder


def attention(
    query: Tensor,  # (batch, head, query, d_head)
    key: Tensor,  # (batch, head, key, d_head)
    value: Tensor,  # (batch, head, key, d_head)
    mask: Tensor | None = None,  # True where a query may look; broadcasts to (…, query, key)
    scale: float | None = None,  # 1 / sqrt(d_head) unless given
) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention (Vaswani et al., 2017, equation 1).

    Returns:
        The mixed values, (batch, head, query, d_head), and the weights,
        (batch, head, query, key), whose rows each sum to one.
    """
    scale = 1 / math.sqrt(query.size(-1)) if scale is None else scale
    scores = query @ key.mT * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-1)
    return weights @ value, weights


def attention_mask(
    n_query: int,
    n_key: int,
    *,
    causal: bool,
    window: int | None = None,
    padding: Tensor | None = None,  # (batch, key), True where a real token stands
    device: torch.device | None = None,
) -> Tensor | None:
    """Where each query may look: (query, key), or (batch, 1, query, key) with padding.

    The queries are the last ``n_query`` of the ``n_key`` positions. A position may always
    look at itself, padding included, so that no row of weights is empty.

    Returns:
        A boolean mask, or None where every query may look everywhere.
    """
    if padding is None and (n_query == 1 or not causal) and (window is None or n_key <= window):
        return None  # nothing is hidden: a faster kernel serves
    query_position = torch.arange(n_key - n_query, n_key, device=device)[:, None]
    key_position = torch.arange(n_key, device=device)[None, :]
    if causal:
        allowed = key_position <= query_position
    else:
        allowed = torch.ones(n_query, n_key, dtype=torch.bool, device=device)
    if window is not None:
        allowed &= key_position > query_position - window
        allowed &= key_position < query_position + window
    if padding is not None:
        itself = key_position == query_position
        allowed = (allowed & padding[:, None, None, :].bool()) | itself
    return allowed


class MultiHeadAttention(nn.Module):
    """Multi-head, grouped-query and multi-query attention, over itself or over a source.

    One set of projections; the head axis stays visible. Recorded runs go through
    ``attention``, all others through PyTorch's fused kernel, which gives the same values.

    Source: Vaswani et al. (2017), section 3.2.2; Ainslie et al. (2023) for grouped queries.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        d_query, d_kv = config.n_heads * config.d_head, config.n_kv_heads * config.d_head
        self.query = Linear(config.d_model, d_query, bias=config.attention_bias)
        self.key = Linear(config.d_model, d_kv, bias=config.attention_bias)
        self.value = Linear(config.d_model, d_kv, bias=config.attention_bias)
        self.output = Linear(d_query, config.d_model, bias=config.output_bias)
        if config.qk_norm:
            self.query_norm = RMSNorm(config.d_head, config.norm_eps)
            self.key_norm = RMSNorm(config.d_head, config.norm_eps)

    def split_heads(self, x: Tensor) -> Tensor:
        """(batch, position, head · d_head) → (batch, head, position, d_head)"""
        return x.view(x.size(0), x.size(1), -1, self.config.d_head).transpose(1, 2)

    def forward(
        self,
        x: Tensor,  # (batch, query, d_model)
        *,
        source: Tensor | None = None,  # (batch, key, d_model): cross-attention looks here
        mask: Tensor | None = None,  # from attention_mask
        causal: bool = False,  # in the place of a mask: each query sees the keys up to its own
        rotation: tuple[Tensor, Tensor] | None = None,  # from positions.rotary
        cache: LayerCache | None = None,
        recorder: Recorder | None = None,
    ) -> Tensor:  # (batch, query, d_model)
        if source is None:
            projected = project_together(x, (self.query, self.key, self.value))
            query, key, value = map(self.split_heads, projected)
        else:
            query = self.split_heads(self.query(x))
            key, value = self._source_keys_and_values(source, cache)
        if self.config.qk_norm:
            query, key = self.query_norm(query), self.key_norm(key)
        if rotation is not None:
            query, key = rotate(query, *rotation), rotate(key, *rotation)
        if cache is not None and source is None:
            key, value = cache.append(key, value)
        if recorder is not None and recorder.wants_attention(is_cross=source is not None):
            if causal:
                mask = attention_mask(x.size(1), x.size(1), causal=True, device=x.device)
            heads, weights = self._written_out(query, key, value, mask)
            self._record(recorder, query, key, heads, weights, is_cross=source is not None)
        else:
            heads = self._fused(query, key, value, mask, causal)
        return self.output(heads.transpose(1, 2).flatten(-2))

    def _source_keys_and_values(
        self, source: Tensor, cache: LayerCache | None
    ) -> tuple[Tensor, Tensor]:
        """Keys and values of the source, computed once: it stays while the target is written."""
        if cache is not None and cache.filled:
            return cache.read()
        key, value = map(self.split_heads, project_together(source, (self.key, self.value)))
        return (key, value) if cache is None else cache.store(key, value)

    def _fused(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool
    ) -> Tensor:
        """The mixed values alone, (batch, head, query, d_head)."""
        return F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask,
            is_causal=causal,
            dropout_p=self.config.dropout if self.training else 0.0,
            scale=self.config.attention_scale,
            enable_gqa=self.config.n_kv_heads != self.config.n_heads,
        )

    def _written_out(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The mixed values and the weights, (batch, head, query, key)."""
        key, value = self._shared_by_group(key), self._shared_by_group(value)
        heads, weights = attention(query, key, value, mask, self.config.attention_scale)
        if self.training and self.config.dropout:
            heads = F.dropout(weights, self.config.dropout) @ value
        return heads, weights

    def _shared_by_group(self, x: Tensor) -> Tensor:
        """(batch, kv head, key, d_head) → (batch, head, key, d_head): a group shares its key."""
        return x.repeat_interleave(self.config.n_heads // self.config.n_kv_heads, dim=1)

    def _record(
        self,
        recorder: Recorder,
        query: Tensor,
        key: Tensor,
        heads: Tensor,
        weights: Tensor,
        *,
        is_cross: bool,
    ) -> None:
        if is_cross:
            recorder.add("cross_attention", weights)
            return
        recorder.add("attention", weights)
        if "scores" in recorder:
            recorder.add("scores", query @ self._shared_by_group(key).mT)
        if "heads" in recorder:
            recorder.add("heads", self._contributions(heads))

    def _contributions(self, heads: Tensor) -> Tensor:
        """What each head adds to the layer's output: (batch, head, query, d_model)."""
        weight = self.output.weight.to(heads.dtype)
        per_head = weight.unflatten(1, (-1, self.config.d_head))
        return torch.einsum("bhqe,dhe->bhqd", heads, per_head)
