"""What ``llmlab evaluate`` does: load a model, measure it, print tables, write JSON."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from ..checkpoints import load
from ..checkpoints.own import load_tokenizer
from ..model import LanguageModel
from ..terminal import Printer
from ..tokenizers import Tokenizer
from ..training.checkpoint import STATE, find_checkpoint, load_checkpoint, read_state
from ..training.config import config_from
from ..training.token_file import TokenFile
from ..transformer import Transformer
from .report import lines, to_json
from .suite import QUICK, Sizes, evaluate
from .texts import fingerprint, is_of_this_world


def run(options: argparse.Namespace) -> int:
    """
    Args:
        options: model, a name, file or folder; quick; json, a file to write, or None.

    Raises:
        ValueError: a model that cannot be evaluated.
        OSError: a file that is not there or could not be written.
    """
    model, out, results = open_model(options.model), Printer(), {}
    if changed := changed_world(options.model, model.tokenizer):
        out.line(changed, "yellow")
    world = fingerprint()
    for name, result in evaluate(model, QUICK if options.quick else Sizes()):
        results[name] = result
        out.line(("\n" if len(results) > 1 else "") + name, "bold")
        for line in lines(result):
            out.line(line)
        if options.json:  # after each, so that what is measured is not lost
            partial = options.json.with_name(options.json.name + ".partial")
            partial.write_text(to_json(model.name, world, results), encoding="utf-8")
            os.replace(partial, options.json)
    return 0


def open_model(name: str) -> LanguageModel:
    """A model, or the last checkpoint of a run, on the CPU in float32.

    In narrower numbers the differences to be measured would partly be those of rounding.

    Raises as ``llmlab.load`` and, for a run, ``training.checkpoint.find_checkpoint``.
    """
    folder = Path(name).expanduser()
    if is_run(folder):
        return model_of_a_run(folder.resolve(), name)
    return load(name, "cpu", "float32")


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run or of one of its checkpoints."""
    return (folder / "checkpoints").is_dir() or (folder / STATE).is_file()


def changed_world(name: str, tokenizer: Tokenizer) -> str | None:
    """A sentence, where a run's data come from another state of the world than this one."""
    folder = Path(name).expanduser().resolve()
    checkpoint = find_checkpoint(folder) if is_run(folder) else None
    if checkpoint is None:
        return None
    config = config_from(read_state(checkpoint)["config"], checkpoint.parent.parent)
    train = Path(config.data.train)
    if train.suffix != ".bin" or not train.is_file():
        return None
    if is_of_this_world(TokenFile.open(train), tokenizer):
        return None
    return (
        f"{train} is not what the world writes now: its words or frames have changed, or it is "
        "another corpus. A part of the gap is that change; write the data again and train anew"
    )


def model_of_a_run(folder: Path, name: str) -> LanguageModel:
    """The model that a run has come to, from its last checkpoint or from the one given.

    Raises:
        FileNotFoundError: a run without a checkpoint yet, or without its tokenizer.
        DamagedCheckpoint: it is cut short.
    """
    checkpoint = find_checkpoint(folder)
    if checkpoint is None:
        raise FileNotFoundError(f"{folder} holds no checkpoint yet; wait for its first")
    state = load_checkpoint(checkpoint)
    config = config_from(state.config, checkpoint.parent.parent)
    tokenizer = load_tokenizer(config.data.tokenizer)
    transformer = Transformer(config.transformer(tokenizer.vocab_size))
    with torch.no_grad():
        for key, parameter in transformer.named_parameters():
            parameter.copy_(state.weights[key])
    return LanguageModel(f"{name}, step {state.step:,}", transformer.eval(), tokenizer)
