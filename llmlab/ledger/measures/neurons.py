"""Neurons of the feed-forward layers, and parameters that stay as they are."""

from __future__ import annotations

import hashlib

import torch

from ...generation import generate
from ...model import LanguageModel
from .reading import ASKED, GATE, recorded, share
from .stream import TOPICS
from .counts import quoted

SUBJECT, TOPIC = (16, 648), (12, 1166)  # found by chapter 14 and by the long example


def at_colon(model: LanguageModel, topic: str) -> torch.Tensor:
    """Activations at the final colon of "how does one do …", (layer, d_ff)."""
    text = f"问：如何进行{topic}？\n答："
    return recorded(model, text, "feedforward")[:, -1]


def of_the_last_layer(model: LanguageModel) -> dict:
    """The most active neuron of the last layer, over six topics."""
    layers = torch.stack([at_colon(model, topic) for topic in TOPICS])[:, -1]
    best = int(layers[0].abs().argmax())
    return {
        "d_ff": model.config.d_ff,
        "quoted_d_ff": quoted().d_ff,
        "least": float(layers[:, best].min()),
        "most": float(layers[:, best].max()),
        "neuron": best,
    }


def of_a_topic(model: LanguageModel) -> dict:
    """The neuron that stands out for machine learning, and one that is switched off."""
    layers = torch.stack([at_colon(model, topic) for topic in TOPICS])
    layer, neuron = TOPIC
    gap = layers[0].abs() - layers[1:].abs().amax(0)
    best = divmod(int(gap.argmax()), model.config.d_ff)
    text = "机器学习的步骤包括"  # the steps of machine learning include

    def silence(module, inputs):
        hidden = inputs[0].clone()
        hidden[..., SUBJECT[1]] = 0
        return (hidden,)

    whole = share(model, text, "：")
    down = model.transformer.blocks[SUBJECT[0]].feedforward.down
    with down.register_forward_pre_hook(silence):
        without = share(model, text, "：")
    return {
        "layer": best[0],
        "neuron": best[1],
        "topic": float(layers[0, layer, neuron]),
        "other": float(layers[1:, layer, neuron].abs().max()),
        "searched": gap.numel(),
        "whole": whole,
        "without": without,
    }


def fingerprint(model: LanguageModel) -> str:
    """Of every number of the layers."""
    digest = hashlib.sha256()
    for name, parameter in model.transformer.blocks.named_parameters():
        digest.update(name.encode())
        digest.update(parameter.detach().float().numpy().tobytes())
    return digest.hexdigest()


def parameters_stay(model: LanguageModel) -> dict:
    """All numbers before and after writing, and activations in two texts."""
    before = fingerprint(model)
    generate(model, ASKED, max_new_tokens=4, top_k=1)
    after = fingerprint(model)
    one, other = (recorded(model, text, "feedforward")[:, -1] for text in (ASKED, GATE))
    counted = sum(p.numel() for p in model.transformer.blocks.parameters())
    return {
        "changed": int(before != after) * counted,
        "parameters": counted,
        "different": float((one != other).float().mean()),
        "neurons": one.numel(),
    }
