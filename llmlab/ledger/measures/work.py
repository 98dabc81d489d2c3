"""Operations: of four tokens, of an answer, of a training."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from ...config import TransformerConfig
from ...transformer import Transformer
from .counts import gpt3, quoted

SAID_TOTAL, SAID_ANSWER = 260e6, 26e9
A100 = 312e12  # operations a second in 16-bit numbers, by its data sheet (NVIDIA, 2021)
# Brown et al. (2020), table 2.1 and appendix D.
GPT3_TOKENS, GPT3_BATCH, GPT3_OPERATIONS = 300e9, 3.2e6, 3.14e23


def by_rule(config: TransformerConfig, new: int, keys: int) -> int:
    """Two operations for each parameter of a matrix and token, attention's products, one head."""
    matrices = 12 * config.n_layers * config.d_model**2
    pairs = 4 * config.n_layers * new * keys * config.d_model
    return 2 * new * matrices + pairs + 2 * config.vocab_size * config.d_model


def counted(config: TransformerConfig, tokens: int) -> int:
    """What PyTorch counts, with no weights in memory."""
    with torch.device("meta"), torch.no_grad():
        network = Transformer(config).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, tokens, dtype=torch.long), last_only=True)
    return counter.get_total_flops()


def four_tokens() -> dict:
    config, d = quoted(), quoted().d_model
    total = counted(config, 4)
    head = 2 * config.vocab_size * d
    return {
        "copied": 4 * d,
        "attention": 2 * 4 * 4 * d**2 + 4 * 4 * 4 * d,
        "attention_parameters": 4 * d**2,
        "feedforward": 2 * 4 * 8 * d**2,
        "feedforward_parameters": 8 * d**2,
        "layers": total - head,
        "layers_parameters": 36 * 12 * d**2,
        "head": head,
        "total": total,
        "rule": by_rule(config, 4, 4),
        "times": total / SAID_TOTAL,
    }


def hundred_tokens() -> dict:
    config = quoted()
    cached = by_rule(config, 4, 4) + sum(by_rule(config, 1, keys) for keys in range(5, 104))
    again = sum(by_rule(config, n, n) for n in range(4, 104))
    return {
        "cached": cached,
        "again": again,
    }


def training_of_gpt3() -> dict:
    """The published numbers of GPT-3's training, put together."""
    total = gpt3()[1].total
    rule = 6 * total * GPT3_TOKENS
    return {
        "updates": round(GPT3_TOKENS / GPT3_BATCH),
        "predictions": GPT3_TOKENS,
        "rule": rule,
        "reported": GPT3_OPERATIONS,
        "years": GPT3_OPERATIONS / A100 / 86_400 / 365.25,
        "days": GPT3_OPERATIONS / A100 / 86_400 / 1000,
    }


def petabyte() -> dict:
    return {"decimal": 10**15 // 10**12, "binary": 2**50 // 2**40}
