"""The key/value cache: what attention has already computed for the text so far."""

from __future__ import annotations

import torch
from torch import Tensor

from .config import TransformerConfig


class LayerCache:
    """Keys and values of one attention layer, (batch, kv head, max_length, d_head) each.

    The room is taken once, so that a step writes one row and copies nothing.
    """

    def __init__(self, shape: tuple[int, int, int, int], dtype: torch.dtype, device) -> None:
        self.key = torch.empty(shape, dtype=dtype, device=device)
        self.value = torch.empty(shape, dtype=dtype, device=device)
        self.length = 0

    @property
    def filled(self) -> bool:
        return self.length > 0

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add the new positions; return the keys and values of all positions so far.

        Raises:
            ValueError: more positions than the cache was made for.
        """
        start = self.extend(key.size(2))
        self.key.narrow(2, start, key.size(2)).copy_(key)
        self.value.narrow(2, start, key.size(2)).copy_(value)
        return self.read()

    def extend(self, n_positions: int) -> int:
        """Count so many more positions, which the caller fills; return where they begin.

        Raises:
            ValueError: more positions than the cache was made for.
        """
        start, end = self.length, self.length + n_positions
        if end > self.key.size(2):
            raise ValueError(
                f"the cache holds {self.key.size(2)} positions and cannot take position {end}; "
                "make it with a larger max_length"
            )
        self.length = end
        return start

    def store(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keep these and nothing else, as cross-attention keeps those of its source."""
        self.key, self.value, self.length = key, value, key.size(2)
        return key, value

    def read(self) -> tuple[Tensor, Tensor]:
        return self.key.narrow(2, 0, self.length), self.value.narrow(2, 0, self.length)


class KeyValueCache:
    """One ``LayerCache`` a layer, and one more a layer for cross-attention where there is any.

    Args:
        batch: how many texts run side by side.
        max_length: positions to make room for.

    What an encoder gave is kept beside it, so that only the first step needs the source.
    """

    def __init__(
        self,
        config: TransformerConfig,
        batch: int,
        max_length: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        def room(length: int) -> list[LayerCache]:
            shape = (batch, config.n_kv_heads, length, config.d_head)
            return [LayerCache(shape, dtype, device) for _ in range(config.n_layers)]

        self.layers = room(max_length)
        self.cross = room(0) if config.architecture == "encoder-decoder" else None
        self.encoded: Tensor | None = None  # the encoder's output, (batch, source, d_model)
        self.source_mask: Tensor | None = None  # (batch, source), True for a real token
        self.decoder = ...  # decoding.Decoder or None; the dots: not asked for yet

    @property
    def length(self) -> int:
        """Positions cached so far; the next token stands at this position."""
        return self.layers[0].length
