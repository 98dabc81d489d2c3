"""A language model: a Transformer and the tokenizer it was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .config import TransformerConfig
from .transformer import Transformer

if TYPE_CHECKING:
    from .tokenizers import Tokenizer


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """What ``llmlab.load`` returns.

    Attributes:
        name: the name or path that it was loaded by.
        transformer: the network, in evaluation mode.
        tokenizer: text to token ids and back.
    """

    name: str
    transformer: Transformer
    tokenizer: Tokenizer

    @property
    def config(self) -> TransformerConfig:
        return self.transformer.config

    @property
    def device(self) -> torch.device:
        return self.transformer.embedding.token.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.transformer.embedding.token.weight.dtype

    def encode(self, text: str) -> Tensor:
        """The ids the network reads for this text, special tokens included: (1, position).

        Raises:
            ValueError: an empty text, or one longer than the context.
        """
        if not text:
            raise ValueError("the text is empty; give at least one character")
        ids = self.tokenizer.encode(text, special=True)
        if len(ids) > self.config.context_length:
            raise ValueError(
                f"the text has {len(ids):,} tokens and {self.name} reads at most "
                f"{self.config.context_length:,}; shorten it"
            )
        return torch.tensor([ids], device=self.device)

    def __repr__(self) -> str:
        count = sum(parameter.numel() for parameter in self.transformer.parameters())
        return f"LanguageModel({self.name!r}, {count:,} parameters)"
