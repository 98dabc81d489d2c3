"""Several heads: what they share, what they do, and what happens without them."""

from __future__ import annotations

import itertools

import torch

from ...attention import MultiHeadAttention, attention
from ...model import LanguageModel
from ...presets import preset
from ...recording import Recorder
from .reading import EIGHT_TEXTS, GATE, head, id_of, weights

NAME = "张梵烁住在河边。有一天，张梵"  # Zhang Fanshuo lives by the river. One day, Zhang Fan…


def eight_of_sixty_four() -> dict:
    """The attention layer of 2017 on ten positions, from width to width."""
    config = preset("transformer-base")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer, x = MultiHeadAttention(config), torch.randn(1, 10, config.d_model)
    recorder = Recorder(("heads",))
    with torch.inference_mode():
        parts = (layer.query, layer.key, layer.value)
        query, key, value = (layer.split_heads(part(x)) for part in parts)
        mixed, seen = attention(query, key, value)
        joined = mixed.transpose(1, 2).flatten(-2)
        output = layer(x, recorder=recorder)
    added = recorder.stacked()["heads"][0, 0].sum(dim=0)
    return {
        "heads": seen.size(1),
        "d_head": mixed.size(-1),
        "joined": joined.size(-1),
        "output": output.size(-1),
        "apart": float((added - output[0]).abs().max()),
    }


def one_row_two_looks() -> dict:
    """狗追猫 and 猫追狗 (dog chases cat, cat chases dog), with chosen numbers."""
    query = torch.tensor([[3.0, 0.0, 0.0, 3.0]])
    key = torch.tensor([[2.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2.0], [0, 0, 0, 0]])
    dog, cat, other = [1.0, 0, 1, 0], [0, 1.0, 0, 1], [0.0] * 4
    orders = [torch.tensor(rows) for rows in ((dog, other, cat, other), (cat, other, dog, other))]
    one = [attention(query, key, value) for value in orders]
    halves = [tensor.unflatten(-1, (2, 2)).transpose(0, 1) for tensor in (query, key)]
    two = [attention(*halves, value.unflatten(-1, (2, 2)).transpose(0, 1)) for value in orders]
    return {
        "each": float(one[0][1][0, 0]),
        "one_apart": float((one[0][0] - one[1][0]).abs().max()),
        "two_each": float(two[0][1][0, 0, 0]),
        "two_apart": float((two[0][0] - two[1][0]).abs().max()),
    }


def overlap(model: LanguageModel) -> dict:
    """How much weight two heads of a layer put on the same tokens, in eight texts."""
    pairs = list(itertools.combinations(range(model.config.n_heads), 2))
    found = []
    for text in EIGHT_TEXTS:
        rows = weights(model, text)[:, :, 2:]  # without <bos> and the first word
        both = [torch.minimum(rows[:, i], rows[:, j]).sum(dim=-1) for i, j in pairs]
        found.append(torch.stack(both, dim=1))
    each = torch.cat(found, dim=-1).mean(dim=-1)  # (layer, pair)
    return {"mean": float(each.mean()), "least": float(each.min()), "most": float(each.max())}


def habits(model: LanguageModel) -> dict:
    """How much each head looks at the token before and at the first one, in eight texts."""
    previous, first = [], []
    for text in EIGHT_TEXTS:
        seen = weights(model, text)
        previous.append(seen.diagonal(offset=-1, dim1=-2, dim2=-1)[..., 1:])
        first.append(seen[:, :, 1:, 0])
    previous, first = (torch.cat(p, dim=-1).mean(dim=-1).flatten() for p in (previous, first))
    return {
        "previous_head": head(int(previous.argmax()), model),
        "previous": float(previous.max()),
        "first_head": head(int(first.argmax()), model),
        "first": float(first.max()),
        "first_mean": float(first.mean()),
    }


def switched_off(model: LanguageModel) -> dict:
    """Two texts read without each head in turn."""

    def shares(text: str, word: str) -> torch.Tensor:  # (layer, head)
        ids, target = model.encode(text), id_of(model, word)
        n, rows = model.config.n_heads, []
        for block in model.transformer.blocks:

            def silence(module, inputs):  # text i of the batch runs without head i
                mixed = inputs[0].unflatten(-1, (n, -1)).clone()
                mixed[torch.arange(n), :, torch.arange(n)] = 0
                return (mixed.flatten(-2),)

            output = block.attention.output
            with output.register_forward_pre_hook(silence), torch.inference_mode():
                logits = model.transformer(ids.repeat(n, 1), last_only=True).logits
            rows.append(logits[:, -1].softmax(dim=-1)[:, target])
        return torch.stack(rows)

    name, gate = shares(NAME, "烁"), shares(GATE, "门")
    kept = (name > 0.7) & (gate > 0.7)
    return {"kept": int(kept.sum()), "of": kept.numel(), "lowest": float(gate.min())}
