"""``llmlab bench training``: tokens a second of a training step, beside nanoGPT's if it is given.

Contenders take turns, round by round, as in ``llmlab bench``. The one that is compared with
nanoGPT has its shape and its weights, and their first losses must agree; the others have about
as many parameters.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from .checkpoints import choose_device
from .config import TransformerConfig
from .doctor import cores, processor
from .training.config import OptimizerConfig
from .training.distributed import Processes
from .training.objective import Objective
from .training.optimizer import make_optimizer
from .training.precision import choose_precision
from .training.sampler import Batch
from .training.step import training_step
from .training.throughput import flops_per_token, peak_flops, synchronize
from .transformer import Transformer

PLAIN = {"attention_bias": False, "output_bias": False, "feedforward_bias": False}
LLAMA = PLAIN | {"norm": "rmsnorm", "activation": "silu", "gated": True, "positions": "rotary"}


@dataclass(frozen=True)
class Shape:
    """The shape that is measured; by default that of ``mini``."""

    vocab_size: int = 8000
    context_length: int = 128
    n_layers: int = 6
    d_model: int = 256
    n_heads: int = 8
    batch_size: int = 16

    def config(self, **changes) -> TransformerConfig:
        values = asdict(self)
        del values["batch_size"]
        return TransformerConfig(**{"d_ff": 4 * self.d_model, **values, **changes})

    def contenders(self) -> dict[str, TransformerConfig]:
        """Configurations of about equal size, the first one nanoGPT's."""
        d_gated = round(8 * self.d_model / 3 / 16) * 16  # three matrices as large as two
        return {
            "llmlab, GPT-2": self.config(),
            "llmlab, GPT-2 without biases, ReLU": self.config(**PLAIN, activation="relu"),
            "llmlab, RMSNorm, SwiGLU, rotary": self.config(**LLAMA, d_ff=d_gated),
        }


def measure(
    against: str | Path | None = None,
    device: str = "cpu",
    rounds: int = 10,
    shape: Shape = Shape(),  # noqa: B008 (frozen)
    compiled: bool = False,
    precision: str = "auto",
) -> dict:
    """All measurements as plain values.

    Args:
        against: a folder with nanoGPT's model.py, which is imported: give one that you trust.
        compiled: also measure ours through ``torch.compile``.
        precision: of matrix products, as in a training's configuration.

    Raises:
        ValueError: rounds below 1, a model.py that is not nanoGPT's, or losses that differ.
        FileNotFoundError: no model.py in the folder.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be a whole number from 1, not {rounds}")
    where = choose_device(device)
    dtype = choose_precision(precision, where)
    torch.manual_seed(0)
    size = (2, shape.batch_size, shape.context_length)
    ids, targets = torch.randint(shape.vocab_size, size)
    contenders: dict[str, Callable[[], float]] = {}
    parameters, flops = {}, {}
    theirs = None
    if against is not None:
        theirs = their_model(Path(against), shape).to(where)
        contenders["nanoGPT"] = their_step(theirs, ids.to(where), targets.to(where), dtype)
        parameters["nanoGPT"] = sum(p.numel() for p in theirs.parameters())
    for number, (name, config) in enumerate(shape.contenders().items()):
        model = Transformer(config).to(where)
        if theirs is not None and number == 0:
            copy_weights(theirs, model)
        flops[name] = flops_per_token(model, shape.context_length)
        parameters[name] = sum(p.numel() for p in model.parameters())
        contenders[name] = our_step(model, ids, targets, where, dtype)
        if compiled:
            contenders[f"{name}, compiled"] = our_step(model, ids, targets, where, dtype, True)
    first = {name: run() for name, run in contenders.items()}
    if theirs is not None and abs(first["nanoGPT"] - first["llmlab, GPT-2"]) > 1e-2:
        raise ValueError(
            f"nanoGPT's first loss is {first['nanoGPT']:.5f} and ours, with its weights, "
            f"{first['llmlab, GPT-2']:.5f}; the model.py in {against} is not the one that was meant"
        )
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            synchronize(where)
            start = time.perf_counter()
            run()
            synchronize(where)
            if turn:  # the first turn only warms up
                seconds[name].append(time.perf_counter() - start)
    n_tokens = shape.batch_size * shape.context_length
    speeds = {name: n_tokens / statistics.median(values) for name, values in seconds.items()}
    peak = peak_flops(where, dtype)
    return {
        "machine": f"{processor()}, {cores()} cores, torch {torch.__version__}, {where}",
        "shape": asdict(shape),
        "dtype": str(dtype).removeprefix("torch."),
        "rounds": rounds,
        "parameters": parameters,
        "tokens_per_second": speeds,
        "fastest_tokens_per_second": {n: n_tokens / min(values) for n, values in seconds.items()},
        "mfu": {name: speeds[name] * flops[name] / peak for name in flops},
        "first_loss": first,
    }


def as_markdown(measured: dict) -> str:
    """A table; where nanoGPT was measured, each speed beside its."""
    base = measured["tokens_per_second"].get("nanoGPT")
    shape = ", ".join(f"{name} {value}" for name, value in measured["shape"].items())
    lines = [
        f"{measured['machine']}, {measured['dtype']}; {shape}; median of {measured['rounds']}",
        "",
        "| step of | parameters | tokens/s | fastest | × nanoGPT | MFU |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, speed in measured["tokens_per_second"].items():
        count = measured["parameters"].get(name.removesuffix(", compiled"), 0)
        times = "–" if base is None else f"{speed / base:.2f}"
        share = measured["mfu"].get(name)
        lines.append(
            f"| {name} | {count:,} | {speed:,.0f} | "
            f"{measured['fastest_tokens_per_second'][name]:,.0f} | {times} | "
            f"{'–' if share is None else f'{share:.0%}'} |"
        )
    return "\n".join(lines)


def as_json(measured: dict) -> str:
    return json.dumps(measured, indent=2)


def our_step(
    model: Transformer, ids: Tensor, targets: Tensor, device, dtype, compiled: bool = False
) -> Callable[[], float]:
    """One step as ``llmlab train`` takes it; returns the loss."""
    objective = Objective(model).train()
    optimizer = make_optimizer(objective, OptimizerConfig(learning_rate=1e-4))
    run = torch.compile(objective) if compiled else objective
    batch = Batch(ids, targets, None, None, ids[:, 0].numpy())
    team = Processes()

    def step() -> float:
        return training_step(run, optimizer, batch, device, dtype=dtype, team=team).loss

    return step


def their_model(folder: Path, shape: Shape) -> torch.nn.Module:
    """nanoGPT's GPT of this shape, with fresh weights.

    Raises:
        FileNotFoundError: no model.py in the folder.
        ValueError: it has no GPT and GPTConfig.
    """
    module = _imported(folder / "model.py")
    try:
        settings = module.GPTConfig(
            block_size=shape.context_length,
            vocab_size=shape.vocab_size,
            n_layer=shape.n_layers,
            n_head=shape.n_heads,
            n_embd=shape.d_model,
            dropout=0.0,
            bias=True,
        )
        with contextlib.redirect_stdout(io.StringIO()):
            return module.GPT(settings).train()
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{folder / 'model.py'} is not nanoGPT's ({error})") from None


def their_step(model, ids: Tensor, targets: Tensor, dtype: torch.dtype) -> Callable[[], float]:
    """One step as nanoGPT's train.py takes it; returns the loss."""
    with contextlib.redirect_stdout(io.StringIO()):
        optimizer = model.configure_optimizers(0.1, 1e-4, (0.9, 0.95), ids.device.type)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(ids.device.type, dtype, enabled=dtype != torch.float32):
            _, loss = model(ids, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return step


@torch.no_grad()
def copy_weights(theirs, ours: Transformer) -> None:
    """nanoGPT's weights into our Transformer of the same shape."""
    state = theirs.state_dict()
    values = {"embedding.token.weight": state["transformer.wte.weight"]}
    values["embedding.position.weight"] = state["transformer.wpe.weight"]
    outer = {"final_norm": "transformer.ln_f"}
    inner = {"attention_norm": "ln_1", "attention.output": "attn.c_proj"}
    inner |= {"feedforward_norm": "ln_2", "feedforward.up": "mlp.c_fc"}
    inner |= {"feedforward.down": "mlp.c_proj"}
    for kind in ("weight", "bias"):
        values |= {f"{one}.{kind}": state[f"{other}.{kind}"] for one, other in outer.items()}
        for layer in range(ours.config.n_layers):
            mine, other = f"blocks.{layer}", f"transformer.h.{layer}"
            values |= {f"{mine}.{a}.{kind}": state[f"{other}.{b}.{kind}"] for a, b in inner.items()}
            parts = state[f"{other}.attn.c_attn.{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), parts, strict=True):
                values[f"{mine}.attention.{name}.{kind}"] = part
    ours.load_state_dict(values)


def _imported(file: Path) -> ModuleType:
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}; give a folder with nanoGPT's model.py")
    found = importlib.util.spec_from_file_location("nanogpt_model", file)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
