"""Positions: what tells a model the order of words."""

from __future__ import annotations

import torch

from ...config import TransformerConfig
from ...model import LanguageModel
from ...positions import rotary, sinusoidal
from ...presets import PRESETS, preset
from ...transformer import Transformer
from .reading import EIGHT_TEXTS, GATE, id_of, share


def one_frequency() -> dict:
    """The table as it is written, sin(p) and cos(p) in all columns, and the real one."""
    found = {}
    for name, table in (
        ("same", sinusoidal(torch.arange(100), 2).repeat(1, 384)),
        ("many", sinusoidal(torch.arange(100), 768)),
    ):
        unit = table / table.norm(dim=-1, keepdim=True)
        found[name] = float(unit[44] @ unit[0])
    return found | {"frequencies": 384}


def without_positions() -> dict:
    """狗咬人 and 咬狗人 (dog bites man, bites dog man), read at 人 by untrained networks."""

    def apart(architecture: str, n_layers: int, positions: str) -> float:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = Transformer(TransformerConfig(
                vocab_size=10, context_length=64, n_layers=n_layers, d_model=32, n_heads=4,
                d_ff=64, architecture=architecture, positions=positions,
            )).double()  # fmt: skip
        with torch.inference_mode():
            first, second = network(torch.tensor([[1, 2, 3], [2, 1, 3]])).logits[:, -1]
        return float((first - second).abs().max())

    return {
        "encoder": apart("encoder", 6, "none"),
        "decoder_one": apart("decoder", 1, "none"),
        "decoder_two": apart("decoder", 2, "none"),
    }


def added_and_read_back(model: LanguageModel) -> dict:
    """Sinusoids added to real rows: can both be told again?"""
    network, d = model.transformer, model.config.d_model
    ids = [id for text in EIGHT_TEXTS for id in model.tokenizer.encode(text)]
    tokens = torch.tensor(list(dict.fromkeys(ids)))
    places = 4 * torch.arange(len(tokens))
    clocks = sinusoidal(torch.arange(512), d)
    with torch.inference_mode():
        rows = network.embedding(tokens[None], places)[0]
        mixture = rows + clocks[places]
        head = [network.head(part, network.embedding.token) for part in mixture.split(32)]
        read = torch.cat([part.argmax(dim=-1) for part in head])
        found = network.embedding(read[None], places)[0]
    read_places = ((mixture - found) @ clocks.T).argmax(dim=-1)
    return {
        "tokens": len(tokens),
        "tokens_read": int((read == tokens).sum()),
        "places_read": int((read_places == places).sum()),
    }


def rotation_off(model: LanguageModel) -> dict:
    """我爱北京天安 with every token at position 0."""
    network, config, ids = model.transformer, model.config, model.encode(GATE)
    nowhere = torch.zeros(ids.size(1), dtype=torch.long)
    with torch.inference_mode():
        x = network.embedding(ids, torch.arange(ids.size(1)))
        for layer, block in enumerate(network.blocks):
            x = block(x, causal=True, rotation=rotary(nowhere, config, layer))
        off = float(network.readout(x)[0, -1].softmax(dim=-1)[id_of(model, "门")])
    kinds = [preset(name).positions for name in PRESETS]
    return {
        "on": share(model, GATE, "门"),
        "off": off,
        "learned": kinds.count("learned"),
        "sinusoidal": kinds.count("sinusoidal"),
        "rotary": kinds.count("rotary"),
        "of": len(kinds),
    }
