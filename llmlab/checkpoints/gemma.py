"""Gemma 3 from a GGUF file: its configuration, its weights and its tokenizer.

Source: Gemma Team (2025), and llama.cpp's conversion, which already adds to the norm weights
the 1 that Gemma's own checkpoints leave out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ..config import TransformerConfig
from ..model import LanguageModel
from ..tokenizers.sentencepiece_bpe import SentencePieceBPE
from ..transformer import Transformer
from .dequantize import dequantize
from .empty import empty_transformer
from .gguf import GGUF, TensorInfo

GLOBAL_EVERY = 6  # five layers with a window, then one without; not in the file
LOCAL_ROPE_THETA = 10_000.0  # of the layers with a window; not in the file either
SLICE = 2**18  # weights turned to float32 at once: they stay in the processor's cache

TENSOR_NAMES = {  # ours: GGUF's
    "embedding.token": "token_embd",
    "final_norm": "output_norm",
    "head": "output",
    "attention_norm": "attn_norm",
    "attention_post_norm": "post_attention_norm",
    "attention.query": "attn_q",
    "attention.key": "attn_k",
    "attention.value": "attn_v",
    "attention.output": "attn_output",
    "attention.query_norm": "attn_q_norm",
    "attention.key_norm": "attn_k_norm",
    "feedforward_norm": "ffn_norm",
    "feedforward_post_norm": "post_ffw_norm",
    "feedforward.gate": "ffn_gate",
    "feedforward.up": "ffn_up",
    "feedforward.down": "ffn_down",
}


def load_gguf(
    path: str | os.PathLike, device: torch.device, dtype: torch.dtype, name: str
) -> LanguageModel:
    """The model in a GGUF file, in evaluation mode.

    Raises:
        ValueError: a file that is no GGUF, truncated, of another family or of another shape.
    """
    gguf = GGUF(path)
    config = gemma_config(gguf)
    tokenizer = gemma_tokenizer(gguf)
    transformer = empty_transformer(config, device, dtype)
    fill(transformer, gguf)
    return LanguageModel(name, transformer, tokenizer)


def gemma_config(gguf: GGUF) -> TransformerConfig:
    """The shape of the Transformer, from the metadata."""
    family = gguf.metadata.get("general.architecture")
    if family != "gemma3":
        raise ValueError(
            f"{gguf.path} holds a model of the family {family!r}; GGUF files of 'gemma3' can be "
            "read, and other families from a Hugging Face folder"
        )

    def value(key: str):
        try:
            return gguf.metadata[f"{family}.{key}"]
        except KeyError:
            raise ValueError(f"{gguf.path} is altered: it has no {family}.{key}") from None

    if gguf.metadata.get(f"{family}.rope.scaling.type", "none") != "none":
        raise ValueError(f"{gguf.path} scales its rotary positions, which cannot be read yet")
    n_layers, d_model = value("block_count"), value("embedding_length")
    return TransformerConfig(
        vocab_size=len(gguf.metadata["tokenizer.ggml.tokens"]),
        context_length=value("context_length"),
        n_layers=n_layers,
        d_model=d_model,
        n_heads=value("attention.head_count"),
        n_kv_heads=value("attention.head_count_kv"),
        d_head=value("attention.key_length"),
        d_ff=value("feed_forward_length"),
        norm="rmsnorm",
        norm_placement="sandwich",
        norm_eps=float(str(np.float32(value("attention.layer_norm_rms_epsilon")))),
        activation="gelu_tanh",
        gated=True,
        feedforward_bias=False,
        attention_bias=False,
        output_bias=False,
        qk_norm=True,
        sliding_window=value("attention.sliding_window"),
        global_layers=tuple(range(GLOBAL_EVERY - 1, n_layers, GLOBAL_EVERY)),
        positions="rotary",
        rope_theta=value("rope.freq_base"),
        rope_theta_local=LOCAL_ROPE_THETA,
        embedding_scale=d_model**0.5,
        tied_embeddings="output.weight" not in gguf.tensors,
    )


def gemma_tokenizer(gguf: GGUF) -> SentencePieceBPE:
    """The tokenizer, from the metadata."""
    model = gguf.metadata.get("tokenizer.ggml.model")
    if model != "llama":  # GGUF's name for SentencePiece
        raise ValueError(f"{gguf.path} has a tokenizer of kind {model!r}; expected 'llama'")

    def value(key: str, default=None):
        return gguf.metadata.get(f"tokenizer.ggml.{key}", default)

    return SentencePieceBPE(
        value("tokens"),
        value("token_type"),
        bos_id=value("bos_token_id"),
        eos_id=value("eos_token_id"),
        pad_id=value("padding_token_id"),
        add_bos=value("add_bos_token", True),
        add_eos=value("add_eos_token", False),
    )


def fill(transformer: Transformer, gguf: GGUF) -> None:
    """Write the file's weights into the Transformer's parameters, a slice at a time.

    Slices keep the peak of memory at the model itself: its embedding alone is 671 MB in
    float32, so one whole copy of it would be more than everything else together.
    """
    unread = dict(gguf.tensors)
    for name, parameter in transformer.named_parameters():
        tensor = unread.pop(gguf_name(name), None)
        if tensor is None or tensor.shape != tuple(parameter.shape):
            found = "no such tensor" if tensor is None else f"shape {tensor.shape}"
            raise ValueError(
                f"{gguf.path} does not fit its own metadata: {gguf_name(name)} should have "
                f"shape {tuple(parameter.shape)}, found {found}"
            )
        with _one_thread():
            _fill_parameter(parameter, tensor, gguf)
    if unread:
        raise ValueError(f"{gguf.path} has tensors that have no place: {', '.join(sorted(unread))}")


def gguf_name(name: str) -> str:
    """GGUF's name for one of our parameters."""
    block, part = re.fullmatch(r"(?:blocks\.(\d+)\.)?(.+)\.weight", name).groups()
    return ("" if block is None else f"blk.{block}.") + TENSOR_NAMES[part] + ".weight"


def _fill_parameter(parameter: torch.Tensor, tensor: TensorInfo, gguf: GGUF) -> None:
    rows = parameter.data.view(tensor.n_rows, -1)
    step = max(1, SLICE // rows.size(1))
    for start in range(0, len(rows), step):
        stop = min(start + step, len(rows))
        values = torch.from_numpy(dequantize(gguf.read_rows(tensor, start, stop), tensor.type))
        rows[start:stop].copy_(values)


@contextmanager
def _one_thread() -> Iterator[None]:
    # Waking PyTorch's other threads for every slice gains nothing, and on a busy machine it
    # takes ten times as long.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
