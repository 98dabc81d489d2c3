"""Where Hugging Face's checkpoints keep each of our parameters, one small table a family.

A table names modules, ours → theirs; ``.weight`` or ``.bias`` is carried over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """How one family's checkpoint holds our parameters.

    Attributes:
        outside: modules that stand once.
        inside: modules of a block.
        stacks: our list of blocks → theirs.
        prefixes: what a checkpoint of the family may put before every name.
        left_out: a pattern of names that hold no parameter of ours.
        convert: (our parameter's name, their tensor) → our tensor.
    """

    outside: dict[str, str]
    inside: dict[str, str]
    stacks: dict[str, str]
    prefixes: tuple[str, ...] = ("model.",)
    left_out: str = ""
    convert: Callable[[str, Tensor], Tensor] = lambda name, tensor: tensor

    def source_of(self, name: str) -> str:
        """The checkpoint's name, without its prefix, of our parameter ``name``."""
        table, place = self.outside, ""
        stack, _, rest = name.partition(".")
        if stack in self.stacks:
            layer, _, name = rest.partition(".")
            table, place = self.inside, f"{self.stacks[stack]}.{layer}."
        if name in table:
            return place + table[name]
        module, _, kind = name.rpartition(".")
        return f"{place}{table[module]}.{kind}"


def _split_fused(name: str, tensor: Tensor) -> Tensor:
    """GPT-2 keeps matrices as (in, out), and query, key and value in one."""
    if tensor.dim() == 2 and name.startswith("blocks."):
        tensor = tensor.T
    for part, projection in enumerate(("query", "key", "value")):
        if f".attention.{projection}." in name:
            return tensor.chunk(3)[part]
    return tensor


def _add_one(name: str, tensor: Tensor) -> Tensor:
    """Gemma keeps the weights of its norms less one; the sum is made in float32."""
    return tensor.float() + 1 if name.endswith("norm.weight") else tensor


def _without_batch_axis(name: str, tensor: Tensor) -> Tensor:
    """Marian keeps the head's bias as (1, vocab)."""
    return tensor.squeeze(0) if name == "head.bias" else tensor


GPT2 = Layout(
    outside={
        "embedding.token": "wte",
        "embedding.position": "wpe",
        "final_norm": "ln_f",
        "head": "lm_head",
    },
    inside={
        "attention_norm": "ln_1",
        "attention.query": "attn.c_attn",
        "attention.key": "attn.c_attn",
        "attention.value": "attn.c_attn",
        "attention.output": "attn.c_proj",
        "feedforward_norm": "ln_2",
        "feedforward.up": "mlp.c_fc",
        "feedforward.down": "mlp.c_proj",
    },
    stacks={"blocks": "h"},
    prefixes=("transformer.",),
    left_out=r"h\.\d+\.attn\.(masked_)?bias",  # the causal mask, as a buffer
    convert=_split_fused,
)

LLAMA = Layout(
    outside={"embedding.token": "embed_tokens", "final_norm": "norm", "head": "lm_head"},
    inside={
        "attention_norm": "input_layernorm",
        "attention.query": "self_attn.q_proj",
        "attention.query_norm": "self_attn.q_norm",  # Qwen 3 and Gemma 3
        "attention.key": "self_attn.k_proj",
        "attention.key_norm": "self_attn.k_norm",
        "attention.value": "self_attn.v_proj",
        "attention.output": "self_attn.o_proj",
        "feedforward_norm": "post_attention_layernorm",
        "feedforward.gate": "mlp.gate_proj",
        "feedforward.up": "mlp.up_proj",
        "feedforward.down": "mlp.down_proj",
    },
    stacks={"blocks": "layers"},
    left_out=r".*\.rotary_emb\.inv_freq",
)

GEMMA3 = Layout(
    outside=LLAMA.outside,
    inside=LLAMA.inside
    | {
        "attention_post_norm": "post_attention_layernorm",
        "feedforward_norm": "pre_feedforward_layernorm",
        "feedforward_post_norm": "post_feedforward_layernorm",
    },
    stacks=LLAMA.stacks,
    prefixes=("model.language_model.", "language_model.model.", "model.", "language_model."),
    left_out=r"(vision_tower|multi_modal_projector)\..*",
    convert=_add_one,
)

BERT = Layout(
    outside={
        "embedding.token": "embeddings.word_embeddings",
        "embedding.position": "embeddings.position_embeddings",
        "embedding.token_type": "embeddings.token_type_embeddings",
        "embedding.norm": "embeddings.LayerNorm",
        "head.transform": "cls.predictions.transform.dense",
        "head.norm": "cls.predictions.transform.LayerNorm",
        "head.weight": "cls.predictions.decoder.weight",
        "head.bias": "cls.predictions.bias",
    },
    inside={
        "attention.query": "attention.self.query",
        "attention.key": "attention.self.key",
        "attention.value": "attention.self.value",
        "attention.output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "feedforward.up": "intermediate.dense",
        "feedforward.down": "output.dense",
        "feedforward_norm": "output.LayerNorm",
    },
    stacks={"blocks": "encoder.layer"},
    prefixes=("bert.",),
    # Other heads, and twins of the token embedding and of the head's bias.
    left_out=r"pooler\..*|cls\.seq_relationship\..*|embeddings\.position_ids"
    r"|cls\.predictions\.decoder\.(weight|bias)",
)

MARIAN = Layout(
    outside={"embedding.token": "shared", "head": "lm_head", "head.bias": "final_logits_bias"},
    inside={
        "attention.query": "self_attn.q_proj",
        "attention.key": "self_attn.k_proj",
        "attention.value": "self_attn.v_proj",
        "attention.output": "self_attn.out_proj",
        "attention_norm": "self_attn_layer_norm",
        "cross_attention.query": "encoder_attn.q_proj",
        "cross_attention.key": "encoder_attn.k_proj",
        "cross_attention.value": "encoder_attn.v_proj",
        "cross_attention.output": "encoder_attn.out_proj",
        "cross_attention_norm": "encoder_attn_layer_norm",
        "feedforward.up": "fc1",
        "feedforward.down": "fc2",
        "feedforward_norm": "final_layer_norm",
    },
    stacks={"blocks": "decoder.layers", "encoder_blocks": "encoder.layers"},
    left_out=r"(encoder|decoder)\.embed_(tokens|positions)\.weight",  # shared, and computed
    convert=_without_batch_axis,
)

LAYOUTS = {
    "gpt2": GPT2,
    "llama": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "gemma3_text": GEMMA3,
    "gemma3": GEMMA3,
    "bert": BERT,
    "marian": MARIAN,
}
