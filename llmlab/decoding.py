"""One token through all blocks in compiled code, for generation on a CPU.

A new token is one vector, so small that the many calls of `block.Block` take longer than what
they compute. Here a block is its products and five calls between them. It is the same arithmetic
on the same weights; a model with a part that is not written here, or one that is being looked
into, goes through its blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.modules.module as torch_module
from numpy import ndarray
from torch import Tensor, nn

from .cache import KeyValueCache
from .decoding_kernels import ACTIVATIONS, activate, add, attend_from, rms_norm
from .norm import RMSNorm
from .positions import rotary
from .quantized import BlockQuantizedTensor
from .quantized_kernels import FEW_WEIGHTS, multiply

NONE = np.empty(0, np.float32)


class Matrix(NamedTuple):
    """A block-quantised matrix; see `quantized.BlockQuantizedTensor`."""

    quants: ndarray
    scales: ndarray
    minimums: ndarray


class Weights(NamedTuple):
    """All weights of one block; an empty vector where the block has no such norm."""

    attention_norm: ndarray
    query: Matrix
    key: Matrix
    value: Matrix
    query_norm: ndarray
    key_norm: ndarray
    output: Matrix
    attention_post_norm: ndarray
    feedforward_norm: ndarray
    gate: Matrix
    up: Matrix
    down: Matrix
    feedforward_post_norm: ndarray


class Decoder:
    """The blocks of one Transformer and the cache of one text, ready for token after token.

    Made by `decoder`. Weights that are replaced while the text is being written are not seen.
    """

    def __init__(self, blocks: nn.ModuleList, cache: KeyValueCache) -> None:
        self.config, self.cache = blocks[0].attention.config, cache
        self.weights = [weights_of(block) for block in blocks]
        self.room = [(layer.key[0].numpy(), layer.value[0].numpy()) for layer in cache.layers]
        self.activation = ACTIVATIONS.index(self.config.activation)

    def __call__(self, x: Tensor) -> Tensor:
        """The residual stream of the next position after all blocks: (1, 1, d_model), as x.

        Raises:
            ValueError: the cache is full.
        """
        config, position = self.config, self.cache.length
        stream = x.reshape(-1).numpy().copy()
        angles = {}
        for layer, (weights, room) in enumerate(zip(self.weights, self.room, strict=True)):
            base, window = config.rotary_base(layer), config.window(layer) or position + 1
            if base not in angles:
                turned = rotary(torch.tensor([position]), config, layer)
                angles[base] = tuple(angle[0].numpy() for angle in turned)
            self.cache.layers[layer].extend(1)
            first = max(0, position + 1 - window)
            self._add_attention(stream, weights, *angles[base], *room, first, position)
            self._add_feedforward(stream, weights)
        return torch.from_numpy(stream).view_as(x)

    def _add_attention(self, x: ndarray, weights: Weights, cosine, sine, *place) -> None:
        """The residual sum around attention; ``place`` is in the cache, as `attend_from` has it."""
        eps, shape = self.config.norm_eps, (-1, self.config.d_head)
        h = np.empty_like(x)
        rms_norm(x, weights.attention_norm, eps, h)
        query, key, value = (
            product(matrix, h).reshape(shape)
            for matrix in (weights.query, weights.key, weights.value)
        )
        norms, scale = (weights.query_norm, weights.key_norm), self.config.attention_scale
        attend_from(query, key, value, *norms, cosine, sine, *place, scale, eps)
        add(x, product(weights.output, query), weights.attention_post_norm, eps)

    def _add_feedforward(self, x: ndarray, weights: Weights) -> None:
        """The residual sum around the feed-forward network."""
        eps, h = self.config.norm_eps, np.empty_like(x)
        rms_norm(x, weights.feedforward_norm, eps, h)
        hidden = product(weights.gate, h)
        activate(hidden, product(weights.up, h), self.activation)
        add(x, product(weights.down, hidden), weights.feedforward_post_norm, eps)


def product(matrix: Matrix, x: ndarray) -> ndarray:
    """W · x, (row,)."""
    rows, blocks, width = matrix.quants.shape
    out = np.empty((1, rows), np.float32)
    n_parts = 1 if matrix.quants.size < FEW_WEIGHTS else torch.get_num_threads()
    multiply(x.reshape(1, blocks, width), *matrix, out, n_parts)
    return out[0]


def decoder(blocks: nn.ModuleList, cache: KeyValueCache) -> Decoder | None:
    """A decoder, or None where these blocks have a part that it has not."""
    return Decoder(blocks, cache) if all(map(_is_plain, blocks)) and _fits(cache) else None


def weights_of(block: nn.Module) -> Weights:
    """The block's own memory, without copies."""
    attention, feedforward = block.attention, block.feedforward

    def norm(owner: nn.Module, name: str) -> ndarray:
        return getattr(owner, name).weight.detach().numpy() if hasattr(owner, name) else NONE

    def matrix(layer: nn.Linear) -> Matrix:
        return Matrix(*layer.weight.arrays)

    return Weights(
        norm(block, "attention_norm"),
        matrix(attention.query),
        matrix(attention.key),
        matrix(attention.value),
        norm(attention, "query_norm"),
        norm(attention, "key_norm"),
        matrix(attention.output),
        norm(block, "attention_post_norm"),
        norm(block, "feedforward_norm"),
        matrix(feedforward.gate),
        matrix(feedforward.up),
        matrix(feedforward.down),
        norm(block, "feedforward_post_norm"),
    )


def _is_plain(block: nn.Module) -> bool:
    """Whether a block is all of parts that are written here, and nobody looks into it."""
    config = block.attention.config
    if (
        config.norm != "rmsnorm"
        or config.norm_placement == "post"
        or config.positions != "rotary"
        or not config.gated
        or block.cross_attention is not None
        or _is_looked_into(block)
    ):
        return False
    matrices = [module for module in block.modules() if isinstance(module, nn.Linear)]
    norms = [module for module in block.modules() if isinstance(module, RMSNorm)]
    return all(
        isinstance(layer.weight, BlockQuantizedTensor)
        and layer.weight.can_multiply
        and layer.bias is None
        for layer in matrices
    ) and all(norm.weight.dtype == torch.float32 for norm in norms)


def _is_looked_into(block: nn.Module) -> bool:
    """Whether a hook waits for what a part of the block takes in or gives."""
    if torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks:
        return True
    return any(part._forward_hooks or part._forward_pre_hooks for part in block.modules())


def _fits(cache: KeyValueCache) -> bool:
    key = cache.layers[0].key
    return key.dtype == torch.float32 and key.device.type == "cpu" and key.size(0) == 1
