"""Checkpoints: all that a run needs to go on as if nothing had happened.

A checkpoint is a folder ``step-00001000`` with the weights and AdamW's two moments as
safetensors, and ``state.json``: the configuration, the step, the sampler, the random states,
and the size and SHA-256 of each file. It is filled under another name and moved in place when
it lies on the disk, so that a folder of this name is whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from .files import PARTIAL, new_folder, remove_folder

KEPT = 2
FORMAT = 1
STATE = "state.json"


class DamagedCheckpoint(ValueError):
    """A checkpoint that is cut short or altered."""


@dataclass(frozen=True)
class TrainingState:
    """
    Attributes:
        step: how many steps are done.
        weights, exp_avg, exp_avg_sq: name of a parameter → float32 tensor of its shape.
        config: of the run, as plain values.
        sampler: its state.
        random: of each process.
        evaluation: the last one's numbers.
    """

    step: int
    weights: Mapping[str, Tensor]
    exp_avg: Mapping[str, Tensor]
    exp_avg_sq: Mapping[str, Tensor]
    config: dict
    sampler: dict
    random: list[dict]
    evaluation: dict | None = None


def checkpoint_folder(run: Path, step: int) -> Path:
    return run / "checkpoints" / f"step-{step:08d}"


def save_checkpoint(run: Path, state: TrainingState) -> Path:
    """Write a checkpoint and remove all but the last two.

    Checkpoints of later steps are removed too: they belong to a run that was taken up again
    from an earlier one.

    Raises:
        OSError: it could not be written; those before it stand as they were.
    """
    folder = checkpoint_folder(run, state.step)
    tensors = {"model": state.weights, "optimizer": _moments(state)}
    with new_folder(folder) as partial:
        sums = {}
        for name, group in tensors.items():
            data = save(dict(group))
            (partial / f"{name}.safetensors").write_bytes(data)
            sums[f"{name}.safetensors"] = checksum(data)
        values = {"format": FORMAT, "kind": "full", "files": sums, **plain_values(state)}
        (partial / STATE).write_text(json.dumps(values), encoding="utf-8")
    steps = found_steps(run)
    earlier = [step for step in steps if step <= state.step]
    for step in set(steps) - set(earlier[-KEPT:]):
        remove_folder(checkpoint_folder(run, step))
    for left in folder.parent.glob(f"*{PARTIAL}"):  # of a process that was killed
        remove_folder(left)
    return folder


def load_checkpoint(folder: Path) -> TrainingState:
    """Read a checkpoint, after making sure that it is whole.

    Raises:
        DamagedCheckpoint: a file is missing, cut short or altered.
    """
    values = read_state(folder)
    tensors = {}
    for name in values["files"]:
        try:
            tensors[name] = load_file(folder / name)
        except SafetensorError as error:
            raise DamagedCheckpoint(f"{folder / name} cannot be read ({error})") from None
    moments = tensors["optimizer.safetensors"]
    pick = lambda kind: {  # noqa: E731
        name.removeprefix(f"{kind}."): moment
        for name, moment in moments.items()
        if name.startswith(f"{kind}.")
    }
    return make_state(
        values, tensors["model.safetensors"], pick("exp_avg"), pick("exp_avg_sq")
    )


def read_state(folder: Path) -> dict:
    """state.json of a checkpoint whose files are all there and unaltered.

    Raises:
        DamagedCheckpoint: they are not.
    """
    file = folder / STATE
    if not file.is_file():
        raise DamagedCheckpoint(f"the checkpoint {folder} is cut short: it has no {STATE}")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        files, version = values["files"], values["format"]
    except (ValueError, KeyError, TypeError):
        why = f"the checkpoint {folder} is cut short: {STATE} ends early"
        raise DamagedCheckpoint(why) from None
    if version != FORMAT:
        raise ValueError(f"{file} is of format {version}; this version of llmlab reads {FORMAT}")
    for name, expected in files.items():
        if not (folder / name).is_file():
            raise DamagedCheckpoint(f"the checkpoint {folder} is cut short: it has no {name}")
        data = (folder / name).read_bytes()
        if len(data) != expected["bytes"]:
            raise DamagedCheckpoint(
                f"the checkpoint {folder} is cut short: {name} has {len(data):,} of "
                f"{expected['bytes']:,} bytes"
            )
        if checksum(data) != expected:
            raise DamagedCheckpoint(f"the checkpoint {folder} was altered: {name} has another sum")
    return values


def find_checkpoint(folder: Path) -> Path | None:
    """The checkpoint to go on from: the folder itself, or the last one of a run.

    Returns:
        None for a run that has none yet.

    Raises:
        DamagedCheckpoint: it is cut short; the sentence names the last good one.
    """
    if (folder / STATE).exists() or re.fullmatch(r"step-\d+", folder.name):
        run, chosen = folder.parent.parent, folder
    else:
        run, steps = folder, found_steps(folder)
        if not steps:
            return None
        chosen = checkpoint_folder(folder, steps[-1])
    try:
        read_state(chosen)
    except DamagedCheckpoint as error:
        raise DamagedCheckpoint(f"{error}; {_last_good(run, chosen)}") from None
    return chosen


def found_steps(run: Path) -> list[int]:
    """The steps of a run's checkpoints, in order."""
    names = [path.name for path in (run / "checkpoints").glob("step-*")]
    return sorted(int(name[5:]) for name in names if re.fullmatch(r"step-\d{8,}", name))


def _last_good(run: Path, damaged: Path) -> str:
    for step in reversed(found_steps(run)):
        folder = checkpoint_folder(run, step)
        if folder == damaged:
            continue
        try:
            read_state(folder)
        except DamagedCheckpoint:
            continue
        return f"the last good one is {folder}; give that to --resume"
    return "there is no other; remove it and begin again"


def checksum(data: bytes) -> dict:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def plain_values(state: TrainingState) -> dict:
    """All of a state that is no tensor."""
    names = ("step", "config", "sampler", "random", "evaluation")
    return {name: getattr(state, name) for name in names}


def make_state(values: dict, weights, exp_avg, exp_avg_sq) -> TrainingState:
    """The reverse of ``plain_values``, with the tensors."""
    names = ("step", "config", "sampler", "random", "evaluation")
    plain = {name: values[name] for name in names}
    return TrainingState(weights=weights, exp_avg=exp_avg, exp_avg_sq=exp_avg_sq, **plain)


def _moments(state: TrainingState) -> dict[str, Tensor]:
    return {f"exp_avg.{name}": value for name, value in state.exp_avg.items()} | {
        f"exp_avg_sq.{name}": value for name, value in state.exp_avg_sq.items()
    }
