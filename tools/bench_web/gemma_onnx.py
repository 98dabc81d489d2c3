"""Gemma as an ONNX file for onnxruntime-web: one step over a cache, int8, the same vocabulary.

The graph is Gemma's own formula, written once more in plain operations, because a cache that is
written in place cannot be exported. Windows are left out: the benchmark's texts are shorter.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import llmlab
from llmlab.block import Block
from llmlab.positions import rotary


class OnePass(nn.Module):
    """ids, and each layer's keys and values so far → the last logits, and the longer caches."""

    def __init__(self, model: llmlab.LanguageModel, kept: list[int]) -> None:
        super().__init__()
        self.transformer, self.config = model.transformer, model.config
        everything = model.transformer.embedding.token.weight.detach()
        self.table = nn.Parameter(everything[torch.tensor(kept)].float(), requires_grad=False)
        # The head multiplies with a matrix of its own: tied, the export would keep it in float32.
        self.head = nn.Parameter(self.table.T.clone(), requires_grad=False)

    def norm(self, x: Tensor, module: nn.Module) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + module.eps) * module.weight

    def attend(self, block: Block, layer: int, x: Tensor, past: tuple[Tensor, Tensor]):
        attention, config = block.attention, self.config
        n, width = x.size(1), config.d_head

        def heads(projection: nn.Module) -> Tensor:
            return F.linear(x, projection.weight).view(1, n, -1, width).transpose(1, 2)

        query = self.norm(heads(attention.query), attention.query_norm)
        key = self.norm(heads(attention.key), attention.key_norm)
        start = past[0].size(2)
        cosine, sine = rotary(torch.arange(start, start + n), config, layer)
        query, key = (
            each * cosine + torch.cat((each[..., width // 2 :], each[..., : width // 2]), -1) * sine
            for each in (query, key)
        )
        key = torch.cat((past[0], key), dim=2)
        value = torch.cat((past[1], heads(attention.value)), dim=2)
        scores = query @ key.transpose(-1, -2) * config.attention_scale
        later = torch.arange(start + n)[None] > torch.arange(start, start + n)[:, None]
        weights = scores.masked_fill(later, -1e9).softmax(dim=-1)
        mixed = (weights @ value).transpose(1, 2).reshape(1, n, -1)
        return F.linear(mixed, attention.output.weight), (key, value)

    def forward(self, ids: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        x = self.table[ids] * self.config.embedding_scale
        caches: list[Tensor] = []
        for layer, block in enumerate(self.transformer.blocks):
            change, cache = self.attend(
                block, layer, self.norm(x, block.attention_norm), past[2 * layer : 2 * layer + 2]
            )
            caches.extend(cache)
            x = x + self.norm(change, block.attention_post_norm)
            h, parts = self.norm(x, block.feedforward_norm), block.feedforward
            gate = F.gelu(F.linear(h, parts.gate.weight), approximate="tanh")
            change = F.linear(gate * F.linear(h, parts.up.weight), parts.down.weight)
            x = x + self.norm(change, block.feedforward_post_norm)
        return self.norm(x[:, -1], self.transformer.final_norm) @ self.head, *caches


def names(n_layers: int, when: str) -> list[str]:
    """The caches' names, in the graph's order: past.0.key, past.0.value, …"""
    return [f"{when}.{layer}.{part}" for layer in range(n_layers) for part in ("key", "value")]


@torch.inference_mode()
def export(kept: list[int], path: Path) -> None:
    """Write the graph with its matrices in int8 (dynamic quantization, a scale a column)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = llmlab.load("gemma-3-270m", "cpu", "float32")
    graph, config = OnePass(model, kept).eval(), model.config
    ids = model.encode("我爱北京天安") % len(kept)  # any three or more serve to record the graph
    empty = torch.zeros(1, config.n_kv_heads, 2, config.d_head)
    past = [empty] * (2 * config.n_layers)
    whole = path.with_suffix(".float32.onnx")
    before, after = (names(config.n_layers, when) for when in ("past", "now"))
    lengths = {name: {2: name.split(".")[0]} for name in before + after}  # of the caches
    torch.onnx.export(
        graph,
        (ids, *past),
        str(whole),
        dynamo=False,
        input_names=["ids", *before],
        output_names=["logits", *after],
        dynamic_axes={"ids": {1: "n"}, **lengths},
        opset_version=17,
    )
    quantize_dynamic(str(whole), str(path), weight_type=QuantType.QInt8, per_channel=True)
    whole.unlink()


if __name__ == "__main__":
    import json

    export(json.loads(Path(sys.argv[1]).read_text())["kept"], Path(sys.argv[2]))
