"""Compact checkpoints: small enough to be carried, in parts, from one machine to the next.

Weights stay float32. AdamW's moments are running means that forget, so they may be rounded: the
first to 8 bits with one scale for each block of 128 (Dettmers et al., 2022), the second, which
is never negative and spans many powers of two, to 8 bits of its logarithm.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from .checkpoint import (
    FORMAT,
    STATE,
    DamagedCheckpoint,
    TrainingState,
    checksum,
    make_state,
    plain_values,
    read_state,
)
from .files import new_folder
from .log import METRICS

BLOCK = 128  # values that share a scale
OCTAVES = 32.0  # how far below its block's largest a second moment may lie: 2^-32
LEVELS = 254  # of the second moment's logarithm; 0 stands for zero
PART_BYTES = 14_000_000


def quantize_first(moment: Tensor) -> tuple[Tensor, Tensor]:
    """int8 values (block, BLOCK) and float32 scales (block, 1)."""
    blocks = _blocks(moment)
    scale = blocks.abs().amax(1, keepdim=True) / 127
    return (blocks / scale.clamp_min(1e-38)).round().to(torch.int8), scale


def dequantize_first(values: Tensor, scale: Tensor, shape: torch.Size) -> Tensor:
    return _unblocked(values.float() * scale, shape)


def quantize_second(moment: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 levels of log2(value / largest), (block, BLOCK), and each block's largest."""
    blocks = _blocks(moment)
    largest = blocks.amax(1, keepdim=True)
    below = -(blocks / largest.clamp_min(1e-38)).log2()  # 0 … OCTAVES, infinite for zero
    level = LEVELS + 1 - (below / OCTAVES * LEVELS).round()
    return level.clamp(0, LEVELS + 1).to(torch.uint8), largest


def dequantize_second(level: Tensor, largest: Tensor, shape: torch.Size) -> Tensor:
    below = (LEVELS + 1 - level.float()) * (OCTAVES / LEVELS)
    return _unblocked(torch.where(level == 0, 0.0, (-below).exp2() * largest), shape)


def save_compact(
    folder: Path, state: TrainingState, run: Path, part_bytes: int = PART_BYTES
) -> None:
    """Write a compact checkpoint: ``state.json``, the log, and parts of at most so many bytes.

    Raises:
        ValueError: a single tensor is larger than a part.
        OSError: it could not be written.
    """
    with new_folder(Path(folder)) as partial:
        sums = {}
        for number, part in enumerate(_parts(_packed(state), part_bytes), 1):
            name = f"part-{number:03d}.safetensors"
            data = save(part)
            (partial / name).write_bytes(data)
            sums[name] = checksum(data)
        if (run / METRICS).is_file():
            data = (run / METRICS).read_bytes()
            (partial / METRICS).write_bytes(data)
        values = {"format": FORMAT, "kind": "compact", "files": sums, **plain_values(state)}
        (partial / STATE).write_text(json.dumps(values), encoding="utf-8")


def is_compact(folder: Path) -> bool:
    """Whether a folder holds a compact checkpoint, whole or not."""
    return any(folder.glob("part-*.safetensors"))


def load_compact(folder: Path) -> TrainingState:
    """
    Raises:
        DamagedCheckpoint: a part is missing, cut short or altered.
    """
    values = read_state(folder)
    tensors: dict[str, Tensor] = {}
    for name in values["files"]:
        try:
            tensors |= load((folder / name).read_bytes())
        except SafetensorError as error:
            raise DamagedCheckpoint(f"{folder / name} cannot be read ({error})") from None
    names = [name.removeprefix("weight.") for name in tensors if name.startswith("weight.")]
    weights = {name: tensors[f"weight.{name}"] for name in names}

    def moments(kind: str, restore: Callable) -> dict[str, Tensor]:
        return {
            name: restore(tensors[f"{kind}.{name}"], tensors[f"{kind}_scale.{name}"], weight.shape)
            for name, weight in weights.items()
        }

    first = moments("exp_avg", dequantize_first)
    return make_state(values, weights, first, moments("exp_avg_sq", dequantize_second))


def restore_metrics(folder: Path, run: Path) -> None:
    """The log that was carried along, where the run has none here."""
    if (folder / METRICS).is_file() and not (run / METRICS).exists():
        run.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / METRICS, run / METRICS)


def _packed(state: TrainingState) -> dict[str, Tensor]:
    tensors = {}
    for name, weight in state.weights.items():
        tensors[f"weight.{name}"] = weight.contiguous()
        first, scale = quantize_first(state.exp_avg[name])
        tensors |= {f"exp_avg.{name}": first, f"exp_avg_scale.{name}": scale}
        second, largest = quantize_second(state.exp_avg_sq[name])
        tensors |= {f"exp_avg_sq.{name}": second, f"exp_avg_sq_scale.{name}": largest}
    return tensors


def _parts(tensors: Mapping[str, Tensor], most: int) -> list[dict[str, Tensor]]:
    """The tensors in groups that fit a part each: the largest first, each where it fits."""
    room = most - 100 * len(tensors) - 1000  # for names and shapes in a part's head
    parts: list[dict[str, Tensor]] = []
    sizes: list[int] = []
    for name, tensor in sorted(tensors.items(), key=lambda item: -item[1].nbytes):
        if tensor.nbytes > room:
            raise ValueError(f"{name} has {tensor.nbytes:,} bytes, more than a part of {most:,}")
        at = next((i for i, size in enumerate(sizes) if size + tensor.nbytes <= room), len(parts))
        if at == len(parts):
            parts.append({})
            sizes.append(0)
        parts[at][name] = tensor
        sizes[at] += tensor.nbytes
    return parts


def _blocks(tensor: Tensor) -> Tensor:
    flat = tensor.float().flatten()
    return F.pad(flat, (0, -flat.numel() % BLOCK)).view(-1, BLOCK)


def _unblocked(blocks: Tensor, shape: torch.Size) -> Tensor:
    return blocks.flatten()[: shape.numel()].view(shape)
