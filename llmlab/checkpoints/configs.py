"""Hugging Face's config.json as a ``TransformerConfig``, one function a family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..config import TransformerConfig
from .config_values import activation, global_layers, refuse, rotary


def convert_config(values: dict[str, Any]) -> TransformerConfig:
    """The Transformer that a config.json describes.

    Args:
        values: config.json as read, written by transformers 4 or 5.

    Raises:
        ValueError: a family we do not know, a value that is missing, or a part we lack.
    """
    family = values.get("model_type")
    if family not in FAMILIES:
        raise ValueError(
            f"config.json has model_type {family!r}; these can be read: {', '.join(FAMILIES)}"
        )
    refuse(values, "quantization_config")
    try:
        return FAMILIES[family](values)
    except KeyError as missing:
        raise ValueError(
            f"config.json of model_type {family!r} has no {missing}; take the whole file from "
            "where the weights come from"
        ) from None


def gpt2(values: dict) -> TransformerConfig:
    refuse(values, "scale_attn_by_inverse_layer_idx", "add_cross_attention")
    return TransformerConfig(
        vocab_size=values["vocab_size"],
        context_length=values["n_positions"],
        n_layers=values["n_layer"],
        d_model=values["n_embd"],
        n_heads=values["n_head"],
        d_ff=values.get("n_inner") or 4 * values["n_embd"],
        norm_eps=values.get("layer_norm_epsilon", 1e-5),
        activation=activation(values, "activation_function", "gelu_new"),
        attention_scale=0.0 if values.get("scale_attn_weights", True) else 1.0,
        tied_embeddings=values.get("tie_word_embeddings", True),
        dropout=values.get("resid_pdrop", 0.1),
    )


def llama(values: dict, **more) -> TransformerConfig:
    """Llama, and what Qwen and Gemma share with it."""
    bias = values.get("attention_bias", False)
    n_heads = values["num_attention_heads"]
    theta, scaling = rotary(values, "full_attention")
    shared = {
        "vocab_size": values["vocab_size"],
        "context_length": values["max_position_embeddings"],
        "n_layers": values["num_hidden_layers"],
        "d_model": values["hidden_size"],
        "n_heads": n_heads,
        "n_kv_heads": values.get("num_key_value_heads") or n_heads,
        "d_head": values.get("head_dim") or 0,
        "d_ff": values["intermediate_size"],
        "norm": "rmsnorm",
        "norm_eps": values.get("rms_norm_eps", 1e-6),
        "activation": activation(values, "hidden_act", "silu"),
        "gated": True,
        "feedforward_bias": values.get("mlp_bias", False),
        "attention_bias": bias,
        "output_bias": bias,
        "positions": "rotary",
        "rope_theta": theta,
        "rope_scaling": scaling,
        "tied_embeddings": values.get("tie_word_embeddings", False),
        "dropout": values.get("attention_dropout", 0.0),
    }
    return TransformerConfig(**{**shared, **more})


def qwen2(values: dict, **more) -> TransformerConfig:
    more = {"attention_bias": True, "output_bias": False, **more}
    n_layers, window = values["num_hidden_layers"], values.get("sliding_window")
    if not values.get("use_sliding_window") or window is None:
        return llama(values, **more)
    first = values.get("max_window_layers", 28)  # layers below it have no window
    kinds = ["full_attention" if i < first else "sliding_attention" for i in range(n_layers)]
    return llama(values, sliding_window=window, global_layers=global_layers(values, kinds), **more)


def qwen3(values: dict) -> TransformerConfig:
    bias = values.get("attention_bias", False)
    d_head = values.get("head_dim", 128)
    return qwen2(values, attention_bias=bias, output_bias=bias, qk_norm=True, d_head=d_head)


def gemma3(values: dict) -> TransformerConfig:
    refuse(
        values, "use_bidirectional_attention", "final_logit_softcapping", "attn_logit_softcapping"
    )
    # The larger models' files leave out what is as in the smallest of their kind.
    values = {
        "vocab_size": 262_208,
        "max_position_embeddings": 131_072,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "rope_theta": 1_000_000.0,
        "tie_word_embeddings": True,
        **values,
    }
    period = values.get("sliding_window_pattern") or values.get("_sliding_window_pattern") or 6
    kinds = [
        "sliding_attention" if (i + 1) % period else "full_attention"
        for i in range(values["num_hidden_layers"])
    ]
    return llama(
        values,
        norm_placement="sandwich",
        activation=activation(values, "hidden_activation", "gelu_pytorch_tanh"),
        attention_scale=values.get("query_pre_attn_scalar", 256) ** -0.5,
        qk_norm=True,
        sliding_window=values.get("sliding_window", 4096),
        global_layers=global_layers(values, kinds),
        rope_theta_local=rotary(values, "sliding_attention")[0],
        embedding_scale=values["hidden_size"] ** 0.5,
    )


def bert(values: dict) -> TransformerConfig:
    refuse(values, "is_decoder", "add_cross_attention")
    return TransformerConfig(
        vocab_size=values["vocab_size"],
        context_length=values["max_position_embeddings"],
        n_layers=values["num_hidden_layers"],
        d_model=values["hidden_size"],
        n_heads=values["num_attention_heads"],
        d_ff=values["intermediate_size"],
        architecture="encoder",
        norm_placement="post",
        norm_eps=values.get("layer_norm_eps", 1e-12),
        embedding_norm=True,
        activation=activation(values, "hidden_act", "gelu"),
        n_token_types=values.get("type_vocab_size", 2),
        tied_embeddings=values.get("tie_word_embeddings", True),
        head_bias=True,
        head_transform=True,
        dropout=values.get("hidden_dropout_prob", 0.1),
    )


def marian(values: dict) -> TransformerConfig:
    for part in ("attention_heads", "ffn_dim"):
        if values[f"encoder_{part}"] != values[f"decoder_{part}"]:
            raise ValueError(
                f"config.json has encoder_{part}={values[f'encoder_{part}']} and "
                f"decoder_{part}={values[f'decoder_{part}']}; both must be the same here"
            )
    if not values.get("share_encoder_decoder_embeddings", True):
        raise ValueError(
            "config.json has share_encoder_decoder_embeddings=false; one shared embedding can "
            "be read"
        )
    return TransformerConfig(
        vocab_size=values["vocab_size"],
        context_length=values["max_position_embeddings"],
        n_layers=values["decoder_layers"],
        n_encoder_layers=values["encoder_layers"],
        d_model=values["d_model"],
        n_heads=values["decoder_attention_heads"],
        d_ff=values["decoder_ffn_dim"],
        architecture="encoder-decoder",
        norm_placement="post",
        activation=activation(values, "activation_function", "gelu"),
        positions="sinusoidal_halves",
        embedding_scale=values["d_model"] ** 0.5 if values.get("scale_embedding") else 1.0,
        tied_embeddings=values.get("tie_word_embeddings", True),
        head_bias=True,
        dropout=values.get("dropout", 0.1),
    )


FAMILIES: dict[str, Callable[[dict], TransformerConfig]] = {
    "gpt2": gpt2,
    "llama": llama,
    "qwen2": qwen2,
    "qwen3": qwen3,
    "gemma3_text": gemma3,
    "gemma3": lambda values: gemma3(values["text_config"]),  # with its image part left out
    "bert": bert,
    "marian": marian,
}
