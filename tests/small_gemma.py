"""A GGUF file of Gemma's family, small enough to be made anew in each test.

The `gguf` package writes it, so that our reader is compared with something independent.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from gguf.gguf_writer import GGUFValue

VOCABULARY = 264


def write_small_gemma(
    path: Path, *, d_ff=32, architecture="gemma3", leave_out=(), more=(), values=()
) -> Path:
    """Write the file.

    Args:
        leave_out: names of tensors.
        more: names and shapes of tensors.
        values: names of metadata → what stands there instead, (value, gguf's kind of it); None:
            nothing.
    """
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(d_ff)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_key_length(8)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_sliding_window(16)
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    kinds = [3, 3, 3, 2] + [6] * 256
    pieces, kinds = [*pieces, "a", "b", "▁", "ab"], [*kinds, 1, 1, 1, 1]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    for name, value in dict(values).items():
        writer.kv_data[0].pop(name, None)
        if value is not None:
            writer.kv_data[0][name] = GGUFValue(*value)
    shapes = {"token_embd": (VOCABULARY, 32), "output_norm": (32,)}
    for block in ("blk.0", "blk.1"):
        shapes |= {
            f"{block}.attn_q": (16, 32), f"{block}.attn_k": (8, 32), f"{block}.attn_v": (8, 32),
            f"{block}.attn_output": (32, 16), f"{block}.attn_q_norm": (8,),
            f"{block}.attn_k_norm": (8,), f"{block}.attn_norm": (32,),
            f"{block}.post_attention_norm": (32,), f"{block}.ffn_norm": (32,),
            f"{block}.post_ffw_norm": (32,), f"{block}.ffn_gate": (32, 32),
            f"{block}.ffn_up": (32, 32), f"{block}.ffn_down": (32, 32),
        }  # fmt: skip
    random = np.random.default_rng(0)
    for name, shape in (shapes | dict(more)).items():
        if name not in leave_out:
            writer.add_tensor(f"{name}.weight", random.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
