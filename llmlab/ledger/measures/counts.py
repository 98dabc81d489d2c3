"""Parameters and shapes of published models, exact and without their weights."""

from __future__ import annotations

import dataclasses
import functools

from ...config import TransformerConfig
from ...parameters import parameter_table
from ...presets import PRESETS, preset

SAID_TOTAL = 175e9  # what GPT-3 is named after


@functools.cache
def gpt3() -> tuple[TransformerConfig, object]:
    config = preset("gpt3-175b")
    return config, parameter_table(config)


def gpt3_attention() -> dict:
    config, table = gpt3()
    matrix = config.d_model**2
    by_width = dict(n_kv_heads=0, d_head=0, attention_scale=0)  # 0: as the width says
    one_head = dataclasses.replace(config, n_heads=1, **by_width)
    return {
        "matrix": matrix,
        "product": 4 * matrix * config.n_layers,
        "of_said": 4 * matrix * config.n_layers / SAID_TOTAL,
        "layers": config.n_layers,
        "heads": config.n_heads,
        "d_head": config.d_head,
        "head_matrix": config.d_model * config.d_head,
        "attention": table["attention"].count,
        "share": table["attention"].share,
        "one_head": parameter_table(one_head)["attention"].count,
    }


def gpt3_tokens() -> dict:
    config, table = gpt3()
    tokens = table["token embedding"]
    gemma = parameter_table(preset("gemma-3-270m"))
    return {
        "vocabulary": config.vocab_size,
        "merges": config.vocab_size - 256 - 1,
        "width": config.d_model,
        "count": tokens.count,
        "share": tokens.share,
        "twice": 2 * tokens.count / SAID_TOTAL,
        "total": table.total,
        "gemma_share": gemma["token embedding"].share,
    }


def gpt3_feedforward() -> dict:
    config, table = gpt3()
    product = 2 * config.d_model * config.d_ff * config.n_layers
    return {
        "product": product,
        "count": table["feed-forward"].count,
        "biases": table["feed-forward"].count - product,
        "share": table["feed-forward"].share,
        "of_said": product / SAID_TOTAL,
        "gemma_biases": int(preset("gemma-3-270m").feedforward_bias),
    }


def quoted() -> TransformerConfig:
    """36 layers of width 768 with 12 heads and a vocabulary of 50,000."""
    return dataclasses.replace(preset("gpt2"), n_layers=36, vocab_size=50_000)


def quoted_model() -> dict:
    gpt2, large = preset("gpt2"), preset("gpt2-large")
    total = parameter_table(quoted()).total
    return {
        "total": total,
        "times": SAID_TOTAL / total,
        "d_head": quoted().d_head,
        "gpt2_layers": gpt2.n_layers,
        "gpt2_width": gpt2.d_model,
        "gpt2_heads": gpt2.n_heads,
        "large_layers": large.n_layers,
        "large_width": large.d_model,
        "large_heads": large.n_heads,
    }


def published_models() -> dict:
    """The smallest and the largest of the configurations that llmlab knows."""
    configs = {name: preset(name) for name in PRESETS}
    totals = {name: parameter_table(config).total for name, config in configs.items()}
    decoders = {n: c for n, c in configs.items() if c.architecture == "decoder"}
    widths = sorted({config.d_model for config in configs.values()})
    return {
        "least": min(totals.values()),
        "most": max(totals.values()),
        "llama": totals["llama-3.1-8b"],
        "gemma": totals["gemma-3-270m"],
        "fewest_layers": min(c.n_layers for c in decoders.values()),
        "gemma_layers": configs["gemma-3-270m"].n_layers,
        "llama_layers": configs["llama-3.1-8b"].n_layers,
        "most_layers": max(c.n_layers for c in decoders.values()),
        "widths": ", ".join(f"{width:,}" for width in widths),
        "bert_width": configs["bert-base"].d_model,
        "medium_width": configs["gpt2-medium"].d_model,
    }


def architectures() -> dict:
    kinds = {name: preset(name).architecture for name in PRESETS}
    parts = [row.part for row in gpt3()[1].rows]
    return {
        "decoders": sum(kind == "decoder" for kind in kinds.values()),
        "encoders": ", ".join(name for name, kind in kinds.items() if kind == "encoder"),
        "pairs": ", ".join(name for name, kind in kinds.items() if kind == "encoder-decoder"),
        "of": len(kinds),
        "gpt3_parts": ", ".join(parts),
        "gpt3_cross": parts.count("cross-attention"),
    }


def activations() -> dict:
    configs = {name: preset(name) for name in PRESETS}

    def those(*wanted) -> str:
        return ", ".join(n for n, c in configs.items() if (c.activation, c.gated) in wanted)

    return {
        "swiglu": those(("silu", True)),
        "geglu": those(("gelu_tanh", True)),
        "gelu": sum(not c.gated and c.activation.startswith("gelu") for c in configs.values()),
        "relu": those(("relu", False)),
    }


def heads_of_2017() -> dict:
    """The attention layer of the first Transformer with other numbers of heads."""
    paper = preset("transformer-base")
    by_width = dict(n_kv_heads=0, d_head=0, attention_scale=0)  # 0: as the width says
    one, eight = (
        parameter_table(dataclasses.replace(paper, n_heads=n, **by_width)).total for n in (1, 8)
    )
    gemma = preset("gemma-3-270m")
    return {
        "one": one,
        "eight": eight,
        "slice": paper.d_model * paper.d_head,
        "gemma_queries": gemma.n_heads,
        "gemma_keys": gemma.n_kv_heads,
    }
