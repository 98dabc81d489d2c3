"""The parts of encoders and decoders, in small untrained networks of their published form."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F

from ...model import LanguageModel
from ...norm import layer_norm
from ...presets import preset
from ...transformer import Transformer
from .reading import GATE, recorded

SMALL = dict(vocab_size=50, d_model=64, n_heads=4, n_kv_heads=0, d_head=0, d_ff=256,
             attention_scale=0, dropout=0.0)  # fmt: skip


def small(name: str, **changes) -> Transformer:
    """A network of a published form, narrow, with fresh weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = dataclasses.replace(preset(name), **{**SMALL, "embedding_scale": 1.0}, **changes)
        return Transformer(config).double().eval()


def encoder_layer() -> dict:
    """One encoder layer of 2017 beside its five lines written out."""
    network = small("transformer-base")
    block = network.encoder_blocks[0]
    x = torch.randn(1, 7, 64, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    with torch.inference_mode():
        norm = lambda part, y: layer_norm(y, part.weight, part.bias, part.eps)  # noqa: E731
        y = norm(block.attention_norm, x + block.attention(x))
        up = F.relu(block.feedforward.up(y))
        by_hand = norm(block.feedforward_norm, y + block.feedforward.down(up))
        apart = float((block(x) - by_hand).abs().max())
        backwards = float((x + block.attention(block.attention_norm(x)) - y).abs().max())
    paper = preset("transformer-base")
    return {
        "apart": apart,
        "norm_first": backwards,
        "norms": sum("norm" in name for name, _ in block.named_children()),
        "width": paper.d_model,
        "inner": paper.d_ff,
    }


def decoder_layer() -> dict:
    """An encoder–decoder of 2017 on seven source and four target tokens."""
    network = small("transformer-base")
    source, other = torch.arange(7)[None], torch.arange(7, 14)[None]
    target = torch.arange(20, 24)[None]
    cross, queries = network.blocks[0].cross_attention, []
    note = lambda module, inputs, output: queries.append(output)  # noqa: E731
    with cross.query.register_forward_hook(note), torch.inference_mode():
        names = ("attention", "cross_attention")
        run = network(target, source=source, record=names).recording
        second = network(target, source=other, record=names).recording
    above = torch.ones(4, 4, dtype=torch.bool).triu(1)
    return {
        "decoder": sum(block.cross_attention is not None for block in network.blocks),
        "encoder": sum(block.cross_attention is not None for block in network.encoder_blocks),
        "layers": len(network.blocks),
        "above": float(run["attention"][0, :, :, above].max()),
        "targets": run["cross_attention"].size(-2),
        "sources": run["cross_attention"].size(-1),
        "query_changed": float((queries[0] - queries[1]).abs().max()),
        "weights_changed": float((run["cross_attention"] - second["cross_attention"]).abs().max()),
    }


def encoder_output() -> dict:
    """How many vectors an encoder makes of five and of nine tokens."""
    network = small("bert-base", n_layers=2)
    with torch.inference_mode():
        five, nine = (network.before_head(torch.arange(n)[None]) for n in (5, 9))
    return {"five": five.size(1), "nine": nine.size(1)}


def normalised(model: LanguageModel) -> dict:
    """The stream of 我爱北京天安 before and after a LayerNorm with no learned part."""
    stream = recorded(model, GATE, "residual")[:, 1:]  # (layer + 1, position, d)
    d = stream.size(-1)
    after = layer_norm(stream, torch.ones(d), torch.zeros(d))
    lengths = stream.norm(dim=-1)
    return {
        "mean": float(after.mean(dim=-1).abs().max()),
        "variance": float(after.var(dim=-1, correction=0).mean()),
        "shortest": float(lengths.min()),
        "longest": float(lengths.max()),
        "after": float(after.norm(dim=-1).mean()),
    }


def feedforward_by_itself(model: LanguageModel) -> dict:
    """The feed-forward network of layer 9 on a whole text and on its tokens one at a time."""
    block = model.transformer.blocks[9]
    x = recorded(model, GATE, "residual")[9]
    with torch.inference_mode():
        normed = block.feedforward_norm(x)[None]
        whole = block.feedforward(normed)
        single = torch.cat([block.feedforward(part) for part in normed.split(1, dim=1)], dim=1)
    matrices = [name for name, _ in block.feedforward.named_children()]
    return {
        "apart": float((whole - single).norm() / whole.norm()),
        "tokens": x.size(0),
        "matrices": len(matrices),
        "biases": sum(getattr(block.feedforward, name).bias is not None for name in matrices),
        "inner": model.config.d_ff,
        "width": model.config.d_model,
    }
