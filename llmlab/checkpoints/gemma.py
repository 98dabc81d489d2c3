"""Gemma 3 from a GGUF file: its configuration and its tokenizer, from the metadata.

Source: Gemma Team (2025), and the names that llama.cpp's conversion gives.
"""

from __future__ import annotations

import os

import numpy as np
import torch

from ..config import TransformerConfig
from ..model import LanguageModel
from ..tokenizers.sentencepiece_bpe import BYTE, SentencePieceBPE
from .empty import empty_transformer, give_back_memory
from .gemma_weights import check_tensors, fill
from .gguf import GGUF

FAMILY = "gemma3"
GLOBAL_EVERY = 6  # five layers with a window, then one without; not in the file
LOCAL_ROPE_THETA = 10_000.0  # of the layers with a window; not in the file either
MAX_LAYERS, MAX_SIZE = 10_000, 2**31 - 1  # of what a file may say; its tensors decide


def load_gguf(
    path: str | os.PathLike, device: torch.device, dtype: torch.dtype | None, name: str
) -> LanguageModel:
    """The model in a GGUF file, in evaluation mode.

    Args:
        dtype: of the matrices; None leaves them in the blocks that the file stores them in.

    Raises:
        ValueError: a file that is no GGUF, truncated, altered, of another family or of another
            shape than its metadata say. The message names the file.
    """
    gguf = GGUF(path)
    config = gemma_config(gguf)
    check_tensors(gguf, config)
    tokenizer = gemma_tokenizer(gguf)
    transformer = empty_transformer(config, device, dtype or torch.float32)
    fill(transformer, gguf, in_blocks=dtype is None)
    transformer.lay_side_by_side()
    give_back_memory()
    return LanguageModel(name, transformer, tokenizer)


def gemma_config(gguf: GGUF) -> TransformerConfig:
    """The shape of the Transformer, from the metadata."""
    values = gguf.metadata
    family = values.text("general.architecture")
    if family != FAMILY:
        raise ValueError(
            f"{gguf.path} holds a model of the family {family[:60]!r}; GGUF files of {FAMILY!r} "
            "can be read, and other families from a Hugging Face folder"
        )
    if values.text(f"{FAMILY}.rope.scaling.type", "none") != "none":
        raise ValueError(f"{gguf.path} scales its rotary positions, which cannot be read yet")

    def size(key: str, highest: int = MAX_SIZE) -> int:
        return values.integer(f"{FAMILY}.{key}", 1, highest)

    n_layers, d_model = size("block_count", MAX_LAYERS), size("embedding_length")
    eps = values.number(f"{FAMILY}.attention.layer_norm_rms_epsilon", 1e-12, 0.1)
    try:
        return TransformerConfig(
            vocab_size=len(values.strings("tokenizer.ggml.tokens")),
            context_length=size("context_length"),
            n_layers=n_layers,
            d_model=d_model,
            n_heads=size("attention.head_count"),
            n_kv_heads=size("attention.head_count_kv"),
            d_head=size("attention.key_length"),
            d_ff=size("feed_forward_length"),
            norm="rmsnorm",
            norm_placement="sandwich",
            norm_eps=float(str(np.float32(eps))),
            activation="gelu_tanh",
            gated=True,
            feedforward_bias=False,
            attention_bias=False,
            output_bias=False,
            qk_norm=True,
            sliding_window=size("attention.sliding_window"),
            global_layers=tuple(range(GLOBAL_EVERY - 1, n_layers, GLOBAL_EVERY)),
            positions="rotary",
            rope_theta=values.number(f"{FAMILY}.rope.freq_base", 1, 1e12),
            rope_theta_local=LOCAL_ROPE_THETA,
            embedding_scale=d_model**0.5,
            tied_embeddings="output.weight" not in gguf.tensors,
        )
    except ValueError as error:
        raise _named(gguf, error) from None


def gemma_tokenizer(gguf: GGUF) -> SentencePieceBPE:
    """The tokenizer, from the metadata."""
    values = gguf.metadata
    model = values.text("tokenizer.ggml.model")
    if model != "llama":  # GGUF's name for SentencePiece
        raise ValueError(f"{gguf.path} has a tokenizer of kind {model[:60]!r}; expected 'llama'")
    pieces = values.strings("tokenizer.ggml.tokens")
    last = len(pieces) - 1

    def id_of(role: str) -> int | None:
        return values.integer(f"tokenizer.ggml.{role}_token_id", 0, last, None)

    try:
        return SentencePieceBPE(
            pieces,
            values.integers("tokenizer.ggml.token_type", len(pieces), 0, BYTE),
            bos_id=id_of("bos"),
            eos_id=id_of("eos"),
            pad_id=id_of("padding"),
            add_bos=values.flag("tokenizer.ggml.add_bos_token", True),
            add_eos=values.flag("tokenizer.ggml.add_eos_token", False),
        )
    except ValueError as error:
        raise _named(gguf, error) from None


def _named(gguf: GGUF, error: ValueError) -> ValueError:
    """The same error with the file's name in front of it, if it is not there yet."""
    message = str(error)
    named = message.startswith(str(gguf.path))
    return error if named else ValueError(f"{gguf.path} is altered: {message}")
