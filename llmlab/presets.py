"""Published models as configurations, with exact parameter counts."""

from __future__ import annotations

import difflib

from .config import RopeScaling, TransformerConfig

# Radford et al. (2019), table 2; the released checkpoints.
GPT2 = dict(
    vocab_size=50_257,
    context_length=1024,
    n_layers=12,
    d_model=768,
    n_heads=12,
    d_ff=3072,
    activation="gelu_tanh",
    dropout=0.1,
)

# Brown et al. (2020), table 2.1. Every other layer of GPT-3 looks through a sparse, banded
# mask that was never published in full; a mask has no parameters, so the count is exact.
GPT3 = GPT2 | dict(context_length=2048, n_layers=96, d_model=12_288, n_heads=96, d_ff=49_152)

# Grattafiori et al. (2024), table 3.
LLAMA_3_1_8B = dict(
    vocab_size=128_256,
    context_length=131_072,
    n_layers=32,
    d_model=4096,
    n_heads=32,
    n_kv_heads=8,
    d_ff=14_336,
    norm="rmsnorm",
    activation="silu",
    gated=True,
    feedforward_bias=False,
    attention_bias=False,
    output_bias=False,
    positions="rotary",
    rope_theta=500_000.0,
    rope_scaling=RopeScaling(),
    tied_embeddings=False,
)

# Yang et al. (2024, 2025), tables 1.
QWEN_2_0_5B = LLAMA_3_1_8B | dict(
    vocab_size=151_936,
    context_length=32_768,
    n_layers=24,
    d_model=896,
    n_heads=14,
    n_kv_heads=2,
    d_ff=4864,
    norm_eps=1e-6,
    attention_bias=True,
    rope_theta=1_000_000.0,
    rope_scaling=None,
    tied_embeddings=True,
)
QWEN_3_0_6B = QWEN_2_0_5B | dict(
    context_length=40_960,
    n_layers=28,
    d_model=1024,
    n_heads=16,
    n_kv_heads=8,
    d_head=128,
    d_ff=3072,
    attention_bias=False,
    qk_norm=True,
)

# Gemma Team (2025), and the released checkpoint's own configuration.
GEMMA_3_270M = dict(
    vocab_size=262_144,
    context_length=32_768,
    n_layers=18,
    d_model=640,
    n_heads=4,
    n_kv_heads=1,
    d_head=256,
    d_ff=2048,
    norm="rmsnorm",
    norm_placement="sandwich",
    norm_eps=1e-6,
    activation="gelu_tanh",
    gated=True,
    feedforward_bias=False,
    attention_bias=False,
    output_bias=False,
    qk_norm=True,
    sliding_window=512,
    global_layers=(5, 11, 17),
    positions="rotary",
    rope_theta=1_000_000.0,
    rope_theta_local=10_000.0,
    embedding_scale=640**0.5,
)

# Devlin et al. (2019), section 3.
BERT_BASE = dict(
    vocab_size=30_522,
    context_length=512,
    n_layers=12,
    d_model=768,
    n_heads=12,
    d_ff=3072,
    architecture="encoder",
    norm_placement="post",
    norm_eps=1e-12,
    embedding_norm=True,
    n_token_types=2,
    head_bias=True,
    head_transform=True,
    dropout=0.1,
)

# Vaswani et al. (2017), table 3, with its 37,000 shared byte-pair tokens.
TRANSFORMER_BASE = dict(
    vocab_size=37_000,
    context_length=512,
    n_layers=6,
    d_model=512,
    n_heads=8,
    d_ff=2048,
    architecture="encoder-decoder",
    norm_placement="post",
    activation="relu",
    attention_bias=False,
    output_bias=False,
    positions="sinusoidal",
    embedding_scale=512**0.5,
    dropout=0.1,
)

PRESETS = {
    "gpt2": GPT2,
    "gpt2-medium": GPT2 | dict(n_layers=24, d_model=1024, n_heads=16, d_ff=4096),
    "gpt2-large": GPT2 | dict(n_layers=36, d_model=1280, n_heads=20, d_ff=5120),
    "gpt2-xl": GPT2 | dict(n_layers=48, d_model=1600, n_heads=25, d_ff=6400),
    "gpt3-175b": GPT3,
    "llama-3.1-8b": LLAMA_3_1_8B,
    "qwen2-0.5b": QWEN_2_0_5B,
    "qwen3-0.6b": QWEN_3_0_6B,
    "gemma-3-270m": GEMMA_3_270M,
    "bert-base": BERT_BASE,
    "transformer-base": TRANSFORMER_BASE,
}


def preset(name: str) -> TransformerConfig:
    """The configuration of a published model.

    Raises:
        ValueError: an unknown name; the message offers near ones.
    """
    try:
        fields = PRESETS[name]
    except (KeyError, TypeError):
        near = difflib.get_close_matches(str(name), PRESETS, n=3, cutoff=0.4) or list(PRESETS)
        raise ValueError(
            f"there is no preset {name!r}; did you mean {' or '.join(map(repr, near))}?"
        ) from None
    return TransformerConfig(**fields)
