"""The same Gemma in Hugging Face transformers, for ``llmlab bench`` to measure beside ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor

from .checkpoints.load import GGUF_MODELS
from .config import TransformerConfig
from .model import LanguageModel
from .quantized import dense

BLOCK_NAMES = {  # ours: theirs
    "attention_norm": "input_layernorm",
    "attention_post_norm": "post_attention_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "attention.query_norm": "self_attn.q_norm",
    "attention.key_norm": "self_attn.k_norm",
    "feedforward_norm": "pre_feedforward_layernorm",
    "feedforward_post_norm": "post_feedforward_layernorm",
    "feedforward.gate": "mlp.gate_proj",
    "feedforward.up": "mlp.up_proj",
    "feedforward.down": "mlp.down_proj",
}
OUTER_NAMES = {"embedding.token": "model.embed_tokens", "final_norm": "model.norm"}


def in_transformers(model: LanguageModel):
    """Gemma3ForCausalLM with the weights of a Gemma of ours, which it shares where it can.

    Raises:
        ModuleNotFoundError: transformers is not installed.
        ValueError: a model that is not Gemma 3.
    """
    try:
        from transformers import Gemma3ForCausalLM
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "to measure against transformers, run `pip install transformers`"
        ) from None
    if model.config.norm_placement != "sandwich" or not model.config.qk_norm:
        raise ValueError(f"only a Gemma 3 can be measured against transformers, not {model.name}")
    weights = {}
    for name, weight in model.transformer.named_parameters():
        layer, part = re.fullmatch(r"(?:blocks\.(\d+)\.)?(.+)\.weight", name).groups()
        their_name = OUTER_NAMES[part] if layer is None else BLOCK_NAMES[part]
        prefix = "" if layer is None else f"model.layers.{layer}."
        # Theirs keep a norm's weight without the one that Gemma adds to it.
        value = dense(weight.data)
        value = value - 1 if part.endswith("norm") else value
        weights[f"{prefix}{their_name}.weight"] = value
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    with torch.device("meta"):
        theirs = Gemma3ForCausalLM(their_config(model.config))
    theirs.load_state_dict(weights, assign=True)
    theirs.tie_weights()
    # Buffers are no weights: made without memory they are empty, so they are made anew.
    theirs.model.rotary_emb = type(theirs.model.rotary_emb)(theirs.config)
    theirs.model.embed_tokens.embed_scale = torch.tensor(model.config.embedding_scale)
    return theirs.eval().requires_grad_(False).to(model.device)


def their_config(config: TransformerConfig):
    """Our configuration in their words."""
    from transformers import Gemma3TextConfig

    is_global = [config.window(layer) is None for layer in range(config.n_layers)]
    return Gemma3TextConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.d_model,
        intermediate_size=config.d_ff,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        num_key_value_heads=config.n_kv_heads,
        head_dim=config.d_head,
        query_pre_attn_scalar=round(config.attention_scale**-2),
        sliding_window=config.sliding_window,
        layer_types=["full_attention" if full else "sliding_attention" for full in is_global],
        max_position_embeddings=config.context_length,
        rms_norm_eps=config.norm_eps,
        eos_token_id=None,  # so that it always writes as many tokens as it is asked for
    )


def their_loading(name: str) -> Callable | None:
    """Loads the same GGUF file through their own loader; None where what that needs is missing."""
    if name not in GGUF_MODELS or not (find_spec("accelerate") and find_spec("gguf")):
        return None
    path = GGUF_MODELS[name]()

    def run():
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32
        )

    return run


def their_speaker(theirs, ids: Tensor, n_tokens: int) -> Callable[[], list[int]]:
    """Their greedy generation, with the attention they choose by default; returns the new ids."""

    def run() -> list[int]:
        theirs.set_attn_implementation("sdpa")
        options = {"max_new_tokens": n_tokens, "do_sample": False, "pad_token_id": 0}
        written = theirs.generate(ids, attention_mask=torch.ones_like(ids), **options)
        return written[0, ids.size(1) :].tolist()

    return run


def their_forward(theirs, ids: Tensor) -> Callable:
    """Their forward with attentions, for which they need the attention they call eager."""

    def run():
        theirs.set_attn_implementation("eager")
        with torch.inference_mode():
            return theirs(ids, output_attentions=True, output_hidden_states=True)

    return run
