"""The training benchmark, beside a small model.py with nanoGPT's interface."""

import json

import pytest

from llmlab.bench_training import Shape, as_json, as_markdown, measure
from llmlab.training.config import read_config
from llmlab.transformer import Transformer

SMALL = Shape(vocab_size=50, context_length=8, n_layers=2, d_model=16, n_heads=2, batch_size=2)
PEER = """
from dataclasses import dataclass
import torch
from torch import nn
import torch.nn.functional as F

@dataclass
class GPTConfig:
    block_size: int
    vocab_size: int
    n_layer: int
    n_head: int
    n_embd: int
    dropout: float
    bias: bool

class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n_head = c.n_head
        self.c_attn, self.c_proj = nn.Linear(c.n_embd, 3 * c.n_embd), nn.Linear(c.n_embd, c.n_embd)
    def forward(self, x):
        parts = self.c_attn(x).chunk(3, -1)
        parts = (part.unflatten(-1, (self.n_head, -1)).transpose(1, 2) for part in parts)
        heads = F.scaled_dot_product_attention(*parts, is_causal=True)
        return self.c_proj(heads.transpose(1, 2).flatten(2))

class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(c.n_embd), nn.LayerNorm(c.n_embd)
        self.attn = Attention(c)
        d = c.n_embd
        self.mlp = nn.ModuleDict(dict(c_fc=nn.Linear(d, 4 * d), c_proj=nn.Linear(4 * d, d)))
    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp.c_proj(F.gelu(self.mlp.c_fc(self.ln_2(x))))

class GPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.transformer = nn.ModuleDict(dict(
            wte=nn.Embedding(c.vocab_size, c.n_embd), wpe=nn.Embedding(c.block_size, c.n_embd),
            h=nn.ModuleList(Block(c) for _ in range(c.n_layer)), ln_f=nn.LayerNorm(c.n_embd)))
        self.lm_head = nn.Linear(c.n_embd, c.vocab_size, bias=False)
        self.transformer.wte.weight = self.lm_head.weight
    def configure_optimizers(self, decay, rate, betas, device):
        print("noise")
        return torch.optim.AdamW(self.parameters(), lr=rate, betas=betas)
    def forward(self, ids, targets):
        x = self.transformer.wte(ids) + self.transformer.wpe.weight[: ids.size(1)]
        for block in self.transformer.h:
            x = block(x)
        logits = self.lm_head(self.transformer.ln_f(x)) * FACTOR
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())
"""


def test_both_are_measured_from_the_same_weights(tmp_path, capsys):
    (tmp_path / "model.py").write_text(PEER.replace("FACTOR", "1"))
    measured = measure(tmp_path, rounds=2, shape=SMALL, precision="float32")
    first = measured["first_loss"]
    assert first["nanoGPT"] == pytest.approx(first["llmlab, GPT-2"], abs=1e-4)
    assert first["nanoGPT"] != pytest.approx(first["llmlab, RMSNorm, SwiGLU, rotary"], abs=1e-4)
    assert measured["parameters"]["nanoGPT"] == measured["parameters"]["llmlab, GPT-2"]
    text = as_markdown(measured)
    assert "| nanoGPT | " in text and "| 1.00 |" in text and text.count("\n") == 7
    assert json.loads(as_json(measured)) == measured
    assert capsys.readouterr().out == ""


def test_another_model_is_noticed(tmp_path):
    (tmp_path / "model.py").write_text(PEER.replace("FACTOR", "3"))
    with pytest.raises(ValueError, match="not the one that was meant"):
        measure(tmp_path, rounds=1, shape=SMALL)
    (tmp_path / "model.py").write_text("GPTConfig = dict")
    with pytest.raises(ValueError, match="not nanoGPT's"):
        measure(tmp_path, rounds=1, shape=SMALL)
    with pytest.raises(FileNotFoundError, match="model.py"):
        measure(tmp_path / "nowhere", rounds=1, shape=SMALL)
    with pytest.raises(ValueError, match="rounds"):
        measure(rounds=0)


def test_the_shapes_are_about_equal_in_size():
    counts = [
        sum(p.numel() for p in Transformer(config).parameters())
        for config in Shape().contenders().values()
    ]
    assert max(counts) < 1.01 * min(counts)


@pytest.mark.parametrize("name, least, most", [("mini", 5e6, 8e6), ("mini-translate", 3e6, 5e6)])
def test_the_books_own_configurations(name, least, most):
    from pathlib import Path

    config = read_config(Path(__file__).parent.parent / "training" / f"{name}.yaml")
    count = sum(p.numel() for p in Transformer(config.transformer(8000)).parameters())
    assert least < count < most
