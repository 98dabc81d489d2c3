"""The compiled step of one token, against the blocks it stands for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from llmlab.config import TransformerConfig
from llmlab.decoding import Decoder, decoder
from llmlab.decoding_kernels import ACTIVATIONS
from llmlab.feedforward import ACTIVATIONS as FORMULAS
from llmlab.quantized import quantize
from llmlab.transformer import Transformer
from tests.conftest import ROOT

SHAPES = {
    "Llama": {"n_kv_heads": 2},
    "Gemma": {
        "n_kv_heads": 1, "d_head": 32, "norm_placement": "sandwich", "qk_norm": True,
        "activation": "gelu_tanh", "attention_scale": 0.3, "sliding_window": 4,
        "global_layers": (1,), "rope_theta_local": 100.0, "embedding_scale": 8.0,
    },
    "one head a key": {"activation": "gelu"},
    "ReLU, large matrices": {"activation": "relu", "d_ff": 2048},
}  # fmt: skip


def model(**changes) -> Transformer:
    """A small model whose matrices are blocks, with norms that are not all ones."""
    torch.manual_seed(0)
    values = {
        "vocab_size": 50, "context_length": 64, "n_layers": 3, "d_model": 64, "n_heads": 4,
        "d_ff": 96, "norm": "rmsnorm", "activation": "silu", "gated": True, "positions": "rotary",
        "attention_bias": False, "output_bias": False, "feedforward_bias": False,
    }  # fmt: skip
    transformer = Transformer(TransformerConfig(**values | changes)).eval()
    for part in transformer.modules():
        if isinstance(part, nn.Linear):
            weight = quantize(torch.randn(part.weight.shape) / part.in_features**0.5)
            part.weight = nn.Parameter(weight, requires_grad=False)
        elif hasattr(part, "eps"):
            nn.init.normal_(part.weight, 1.0, 0.3)
    return transformer


IDS = torch.randint(0, 50, (1, 12), generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def token_by_token(transformer: Transformer, compiled: bool, start: int = 3):
    """Logits after each token from `start`, (position, vocab), and the cache."""
    cache = transformer.new_cache(1, IDS.size(1))
    if not compiled:
        cache.decoder = None
    transformer(IDS[:, :start], cache=cache)
    rows = [transformer(token, cache=cache).logits[0] for token in IDS[:, start:].split(1, dim=1)]
    return torch.cat(rows), cache


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("name", SHAPES)
def test_it_computes_what_the_blocks_compute(name, n_threads):
    transformer = model(**SHAPES[name])
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        found, cache = token_by_token(transformer, compiled=True)
        expected, plain = token_by_token(transformer, compiled=False)
    finally:
        torch.set_num_threads(before)
    assert isinstance(cache.decoder, Decoder) and plain.decoder is None
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)
    with torch.inference_mode():
        whole = transformer(IDS).logits[0, 3:]
    torch.testing.assert_close(found, whole, atol=2e-5, rtol=1e-5)
    for ours, theirs in zip(cache.layers, plain.layers, strict=True):
        assert ours.length == theirs.length == 12
        torch.testing.assert_close(ours.key, theirs.key, atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(ours.value, theirs.value, atol=2e-5, rtol=1e-5)


def test_it_begins_with_the_first_token_too():
    transformer = model(**SHAPES["Gemma"])
    found, cache = token_by_token(transformer, compiled=True, start=1)
    expected, _ = token_by_token(transformer, compiled=False, start=1)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)


def test_activations_are_those_of_the_feedforward_layer():
    assert set(ACTIVATIONS) == set(FORMULAS)


def test_a_full_cache_is_refused():
    transformer = model()
    _, cache = token_by_token(transformer, compiled=True)
    with torch.inference_mode(), pytest.raises(ValueError, match="holds 12 .* position 13"):
        transformer(IDS[:, :1], cache=cache)


@pytest.mark.parametrize(
    "changes",
    [
        {"norm": "layernorm"},
        {"norm_placement": "post"},
        {"positions": "learned"},
        {"gated": False},
        {"attention_bias": True},
        {"architecture": "encoder-decoder"},
    ],
    ids=str,
)
def test_other_models_go_through_their_blocks(changes):
    transformer = model(**changes)
    assert decoder(transformer.blocks, transformer.new_cache(1, 4)) is None


def test_plain_matrices_several_texts_and_hooks_go_through_the_blocks():
    transformer = model()
    assert decoder(transformer.blocks, transformer.new_cache(2, 4)) is None
    seen = []
    hook = transformer.blocks[1].attention.output.register_forward_hook(
        lambda module, taken, given: seen.append(given.shape)
    )
    token_by_token(transformer, compiled=True)
    assert len(seen) == 10  # the prompt, and each of nine tokens
    hook.remove()
    transformer.blocks[2].feedforward.down.weight = nn.Parameter(torch.zeros(64, 96))
    assert decoder(transformer.blocks, transformer.new_cache(1, 4)) is None


@torch.inference_mode()
def test_recorded_and_padded_steps_go_through_the_blocks():
    transformer = model()
    _, cache = token_by_token(transformer, compiled=True)
    for layer in cache.layers:
        layer.length = 11
    recorded = transformer(IDS[:, 11:], cache=cache, record=["attention"])
    assert recorded.recording["attention"].shape == (1, 3, 4, 1, 12)
    for layer in cache.layers:
        layer.length = 11
    mask = torch.ones(1, 12, dtype=torch.bool)
    mask[0, 2] = False
    hidden = transformer(IDS[:, 11:], cache=cache, mask=mask).logits
    assert not torch.allclose(hidden, recorded.logits, atol=1e-3)


def test_compiled_code_is_kept_for_the_next_process(tmp_path):
    """Products first, then tokens, then tokens from what lies on the disk: each by itself."""
    products = (
        "import torch; from llmlab.quantized import quantize; torch.set_num_threads(2); "
        "quantize(torch.randn(2048, 64)).multiply(torch.randn(1, 64))"
    )
    tokens = (
        "import torch; from tests.test_decoding import model, token_by_token; "
        "torch.set_num_threads(2); token_by_token(model(d_ff=2048), compiled=True)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for code in (products, tokens, tokens):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
