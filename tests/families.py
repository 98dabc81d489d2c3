"""Small Hugging Face models of every family, with weights that make a difference."""

from __future__ import annotations

import torch
import transformers as hf
from torch import nn

from llmlab import Transformer
from llmlab.checkpoints.configs import convert_config
from llmlab.checkpoints.state import convert_state

VOCAB = 97
DECODER = {
    "vocab_size": VOCAB,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


def llama_scaling() -> dict:
    return {
        "rope_type": "llama3",
        "rope_theta": 500_000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    }


def gpt2():
    config = hf.GPT2Config(
        vocab_size=VOCAB, n_positions=64, n_embd=48, n_layer=3, n_head=4,
        bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    return hf.GPT2LMHeadModel, config


def llama():
    return hf.LlamaForCausalLM, hf.LlamaConfig(**DECODER, rope_parameters=llama_scaling())


def qwen2():
    """With a window on the last layer only."""
    config = hf.Qwen2Config(
        **DECODER, use_sliding_window=True, sliding_window=5, max_window_layers=2,
        tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip
    return hf.Qwen2ForCausalLM, config


def qwen3():
    """Its d_head is not d_model / n_heads."""
    return hf.Qwen3ForCausalLM, hf.Qwen3Config(**DECODER, head_dim=16)


def gemma3():
    """Windows of five on all layers but the third."""
    config = hf.Gemma3TextConfig(
        **DECODER, head_dim=16, query_pre_attn_scalar=24, sliding_window=5,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
    )  # fmt: skip
    return hf.Gemma3ForCausalLM, config


def bert():
    config = hf.BertConfig(
        vocab_size=VOCAB, hidden_size=48, intermediate_size=80, num_hidden_layers=3,
        num_attention_heads=4, max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    return hf.BertForMaskedLM, config


def marian():
    config = hf.MarianConfig(
        vocab_size=VOCAB, d_model=48, encoder_layers=2, decoder_layers=3, encoder_ffn_dim=80,
        decoder_ffn_dim=80, encoder_attention_heads=4, decoder_attention_heads=4,
        activation_function="swish", scale_embedding=True, max_position_embeddings=64,
        pad_token_id=0, eos_token_id=2, decoder_start_token_id=0, forced_eos_token_id=2,
    )  # fmt: skip
    return hf.MarianMTModel, config


FAMILIES = {f.__name__: f for f in (gpt2, llama, qwen2, qwen3, gemma3, bert, marian)}
DECODERS = ("gpt2", "llama", "qwen2", "qwen3", "gemma3")


def reference(family: str, seed: int = 0) -> nn.Module:
    """A random Hugging Face model, in evaluation mode.

    Fresh models have weights near zero, norms of one and biases of zero, so that a wrong
    mask, scale or bias would hardly show. These are drawn so that logits spread by about one
    or more and every parameter counts.
    """
    kind, config = FAMILIES[family]()
    config._attn_implementation = "eager"  # the others do not return their weights
    torch.manual_seed(seed)
    model = kind(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(0.3 * torch.randn_like(parameter))
            elif "embed_positions" not in name:
                parameter.copy_(torch.randn_like(parameter) * (1.5 / parameter.size(-1) ** 0.5))
        if family == "marian":  # a buffer, zero in a fresh model
            model.final_logits_bias.normal_()
    return model


def ours(model: nn.Module) -> Transformer:
    """Our Transformer with the weights of a Hugging Face model."""
    values = model.config.to_dict()
    config = convert_config(values)
    transformer = Transformer(config)
    transformer.load_state_dict(convert_state(values["model_type"], model.state_dict(), config))
    return transformer.eval()


def pair(family: str, seed: int = 0) -> tuple[nn.Module, Transformer]:
    """Hugging Face's model and ours, with the same weights."""
    model = reference(family, seed)
    return model, ours(model)
