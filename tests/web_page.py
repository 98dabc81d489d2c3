"""A page with the browser engine, and models small enough to be exported in each run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

import llmlab
from llmlab.config import TransformerConfig
from llmlab.model import LanguageModel
from llmlab.quantized import quantize
from llmlab.transformer import Transformer
from llmlab.web.export import export_web

WEB = Path(llmlab.__file__).parent / "web"
SIZES = dict(
    context_length=128, n_layers=3, d_model=64, n_heads=4, d_ff=96, norm="rmsnorm",
    activation="silu", gated=True, attention_bias=False, output_bias=False,
    feedforward_bias=False, positions="rotary", tied_embeddings=True,
)  # fmt: skip
FAMILIES = {
    "decoder": {},
    "gemma-like": dict(
        norm_placement="sandwich", activation="gelu_tanh", n_kv_heads=2, d_head=32, qk_norm=True,
        sliding_window=5, global_layers=(1,), rope_theta=1e6, rope_theta_local=1e4,
        embedding_scale=8.0, attention_scale=0.2,
    ),
    "translator": dict(architecture="encoder-decoder", n_encoder_layers=2),
}  # fmt: skip


def random_model(name: str, tokenizer, seed: int = 0) -> LanguageModel:
    """A model of random weights, each of them one that blocks of int8 hold exactly."""
    torch.manual_seed(seed)
    config = TransformerConfig(vocab_size=tokenizer.vocab_size, **{**SIZES, **FAMILIES[name]})
    transformer = Transformer(config).eval().requires_grad_(False)
    for parameter in transformer.parameters():
        if parameter.dim() == 2:
            parameter.mul_(4)  # fresh weights attend almost evenly; larger ones make choices
            parameter.copy_(quantize(parameter).dequantize())
        else:
            parameter.copy_(1 + torch.randn_like(parameter) / 4)
    return LanguageModel(name, transformer, tokenizer)


def publish(folder: Path, models: dict[str, LanguageModel], **options) -> Path:
    """A folder to serve: an empty page, the engine, and each model under its name."""
    (folder / "index.html").write_text("<!doctype html><title>engine</title>", encoding="utf-8")
    (folder / "favicon.ico").touch()
    shutil.copytree(WEB / "engine", folder / "engine")
    shutil.copy(WEB / "kernel.wasm", folder / "kernel.wasm")
    for name, model in models.items():
        export_web(model, folder / name, **options)
    return folder


# Every view of a page brought to the screen; whether each was drawn, when the engine has come too.
SETTLED = """async () => {
  for (const view of document.querySelectorAll(".llmlab-view")) {
    view.scrollIntoView();
    for (let i = 0; i < 300 && !("ready" in view.dataset || "error" in view.dataset); i++) {
      await new Promise((go) => setTimeout(go, 100));
    }
  }
  await window.llmlabWake?.({ name: "" });
  return [...document.querySelectorAll(".llmlab-view")].map(
    (view) => "ready" in view.dataset && !("error" in view.dataset));
}"""
ASK = """async ([name, action, values, units, several]) => {
  const { Engine } = await import("/engine/engine.js");
  window.engines ??= {};
  const engine = (window.engines[name] ??= new Engine(name));
  const texts = units.map((each) => String.fromCharCode(...each));
  return JSON.stringify(await engine[action](several ? texts : texts[0], ...values));
}"""


def ask(page, name: str, action: str, text: str | list[str], *values):
    """What the engine on a page answers: `ask(page, "decoder", "trace", "我爱", {"lens": 2})`.

    Texts travel as code units, for a lone surrogate would not arrive.
    """
    several = isinstance(text, list)
    units = [_code_units(each) for each in (text if several else [text])]
    return json.loads(page.evaluate(ASK, [name, action, list(values), units, several]))


def _code_units(text: str) -> list[int]:
    data = text.encode("utf-16-le", "surrogatepass")
    return [data[i] | data[i + 1] << 8 for i in range(0, len(data), 2)]


def python_trace(model, text, record, **options):
    """What Python records of a text, which a translator's encoder reads."""
    if model.config.architecture == "encoder-decoder":
        return llmlab.trace(model, "", record, source=text, **options)
    return llmlab.trace(model, text, record, **options)


def page_trace(page, model, text, **options):
    """The same from the engine on a page."""
    if model.config.architecture == "encoder-decoder":
        return ask(page, model.name, "trace", "", {"source": text, **options})
    return ask(page, model.name, "trace", text, options)
