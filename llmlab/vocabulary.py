"""The two ends of a Transformer: token ids become vectors, vectors become logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import TransformerConfig
from .feedforward import ACTIVATIONS
from .linear import Linear, project
from .norm import make_norm
from .positions import sinusoidal
from .quantized import BlockQuantizedTensor


class Table(nn.Embedding):
    """``torch.nn.Embedding``, whose matrix may be one in blocks."""

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:  # as in Transformer
            super().reset_parameters()

    def forward(self, ids: Tensor) -> Tensor:
        in_blocks = isinstance(self.weight, BlockQuantizedTensor)
        return self.weight.rows(ids) if in_blocks else super().forward(ids)


class Embedding(nn.Module):
    """Token embedding, scaled, plus what tells the position and the token type."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.token = Table(config.vocab_size, config.d_model)
        if config.positions == "learned":
            self.position = Table(config.context_length, config.d_model)
        if config.n_token_types:
            self.token_type = Table(config.n_token_types, config.d_model)
        self.norm = make_norm(config) if config.embedding_norm else None

    def forward(
        self,
        ids: Tensor,  # (batch, position)
        positions: Tensor,  # (position,)
        token_types: Tensor | None = None,  # (batch, position); all 0 unless given
        dtype: torch.dtype | None = None,  # of the stream; the table's unless given
    ) -> Tensor:  # (batch, position, d_model)
        config = self.config
        x = self.token(ids).to(dtype) * config.embedding_scale
        if config.positions == "learned":
            x = x + self.position(positions)
        elif config.positions.startswith("sinusoidal"):
            halves = config.positions == "sinusoidal_halves"
            x = x + sinusoidal(positions, config.d_model, halves=halves).to(x.dtype)
        if config.n_token_types:
            x = x + self.token_type(torch.zeros_like(ids) if token_types is None else token_types)
        if self.norm is not None:
            x = self.norm(x)
        return F.dropout(x, config.dropout) if self.training and config.dropout else x


class Head(nn.Module):
    """The last projection, d_model → vocab, with its own matrix or the token embedding's."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.transform = self.norm = None
        if config.head_transform:
            self.transform = Linear(config.d_model, config.d_model)
            self.activation = ACTIVATIONS[config.activation]
            self.norm = make_norm(config)
        self.weight = None
        if not config.tied_embeddings:
            self.weight = nn.Parameter(torch.empty(config.vocab_size, config.d_model))
        self.bias = nn.Parameter(torch.zeros(config.vocab_size)) if config.head_bias else None

    def forward(self, x: Tensor, token_embedding: nn.Embedding) -> Tensor:
        """(batch, position, d_model) → logits (batch, position, vocab)"""
        return project(self.before(x), self.matrix(token_embedding), self.bias)

    def before(self, x: Tensor) -> Tensor:
        """What the matrix multiplies: x itself, or x transformed where BERT does so."""
        return x if self.transform is None else self.norm(self.activation(self.transform(x)))

    def matrix(self, token_embedding: nn.Embedding) -> Tensor:
        """(vocab, d_model): its own, or the token embedding's."""
        return token_embedding.weight if self.weight is None else self.weight
