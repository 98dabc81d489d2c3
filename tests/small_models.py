"""Small Transformers with random weights: real attention, without a trained model."""

from __future__ import annotations

import torch

from llmlab.config import TransformerConfig
from llmlab.tokenizers.token import Token
from llmlab.tracing import Trace
from llmlab.transformer import Transformer

SENTENCE = ("<bos>", "我", "喜欢", "吃", "苹果")

# What a vocabulary or a reader may bring into a page, and none of it may act there.
HOSTILE = (
    "<bos>",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "${alert(3)}",
    "a\u200f\u202eb",
    "\x00",
    "\ud800",
    "\n",
    " \t",
    "\u0301",
    "$x^2$",
    "&lt;b&gt;",
)


def small_trace(
    texts: tuple[str, ...] = SENTENCE,
    record: tuple[str, ...] = ("attention", "scores"),
    seed: int = 0,
    **changes: object,
) -> Trace:
    """A trace of a random Transformer over as many ids as there are texts.

    `changes` replace fields of its configuration (3 layers, 2 heads, d_model 32).
    """
    torch.manual_seed(seed)
    sizes = dict(vocab_size=512, context_length=512, n_layers=3, n_heads=2, d_model=32, d_ff=64)
    config = TransformerConfig(**{**sizes, **changes})
    transformer = Transformer(config).eval()
    for parameter in transformer.parameters():
        parameter.data *= 4  # fresh weights attend almost evenly; larger ones make choices
    with torch.inference_mode():
        recording = transformer(torch.arange(len(texts))[None], record=record).recording
    tensors = {name: value[0].float() for name, value in recording.items()}
    return Trace("small", config, _tokens(texts), **tensors)


def small_translation(
    source: tuple[str, ...] = SENTENCE,
    texts: tuple[str, ...] = ("<bos>", " I", " like", " to", " eat", " apples", "."),
    seed: int = 0,
) -> Trace:
    """A trace of a random encoder-decoder, with all its kinds of attention."""
    torch.manual_seed(seed)
    config = TransformerConfig(
        vocab_size=512, context_length=512, n_layers=2, n_encoder_layers=3, n_heads=2,
        d_model=32, d_ff=64, architecture="encoder-decoder",
    )  # fmt: skip
    transformer = Transformer(config).eval()
    for parameter in transformer.parameters():
        parameter.data *= 4
    record = ("attention", "scores", "cross_attention", "encoder_attention")
    with torch.inference_mode():
        recording = transformer(
            torch.arange(len(texts))[None], source=torch.arange(len(source))[None], record=record
        ).recording
    tensors = {name: value[0].float() for name, value in recording.items()}
    return Trace("small", config, _tokens(texts), source=_tokens(source), **tensors)


def _tokens(texts: tuple[str, ...]) -> tuple[Token, ...]:
    return tuple(
        Token(id, text, text.encode("utf-8", "surrogatepass")) for id, text in enumerate(texts)
    )
