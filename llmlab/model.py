"""A language model: a Transformer and the tokenizer it was trained with."""

from __future__ import annotations

import inspect
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
            ValueError: no string, an empty one, or one longer than the context.
        """
        _check_string(text)
        if not text:
            raise ValueError("the text is empty; give at least one character")
        return self._as_tensor(self.tokenizer.encode(text, special=True))

    def encode_target(self, text: str = "") -> Tensor:
        """The ids an encoder-decoder's decoder reads where it has written this text so far.

        The token that starts the decoder, then the text's, without the one that would end it:
        (1, position).

        Raises:
            ValueError: no string, or one longer than the context.
        """
        _check_string(text)
        tokenizer = self.tokenizer
        # Marian has no token that begins a text: its decoder starts from the padding token.
        start = tokenizer.pad_id if tokenizer.bos_id is None else tokenizer.bos_id
        # Marian cuts the two languages into pieces by two models; other tokenizers have one.
        has_target = "target" in inspect.signature(tokenizer.encode).parameters
        ids = tokenizer.encode(text, **({"target": True} if has_target else {})) if text else []
        return self._as_tensor([start, *ids])

    def _as_tensor(self, ids: list[int]) -> Tensor:
        if len(ids) > self.config.context_length:
            raise ValueError(
                f"the text has {len(ids):,} tokens and {self.name} reads at most "
                f"{self.config.context_length:,}; shorten it"
            )
        return torch.tensor([ids], device=self.device)

    def __repr__(self) -> str:
        count = sum(parameter.numel() for parameter in self.transformer.parameters())
        return f"LanguageModel({self.name!r}, {count:,} parameters)"


def _check_string(text: str) -> None:
    if not isinstance(text, str):
        raise ValueError(f"the text must be a string, not {text!r}")
