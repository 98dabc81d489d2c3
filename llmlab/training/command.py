"""What ``llmlab train`` does: begin a run, go on with one, or make it small enough to carry."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import compact
from .checkpoint import find_checkpoint, load_checkpoint
from .config import read_config
from .loop import resume, train


def run(options: argparse.Namespace) -> Path:
    """
    Args:
        options: config, a YAML file; resume, a folder; compact, a folder to write; until, a
            step; each may be None.

    Returns:
        The folder of the run, or of the compact checkpoint.

    Raises:
        ValueError: neither a configuration nor a run was given, or they do not fit.
        OSError: a file that is not there or could not be written.
    """
    if options.until is not None and options.until < 1:
        raise ValueError(f"--until must be a whole number from 1, not {options.until}")
    if options.compact is not None:
        return _make_compact(options)
    config = read_config(options.config) if options.config else None
    if options.resume is not None:
        return resume(options.resume, config, until=options.until, progress=True)
    if config is None:
        raise ValueError("give a configuration, llmlab train CONFIG.yaml, or --resume FOLDER")
    return train(config, until=options.until, progress=True)


def _make_compact(options: argparse.Namespace) -> Path:
    if options.resume is None or options.config is not None:
        raise ValueError("--compact needs the run: llmlab train --resume RUN --compact FOLDER")
    checkpoint = find_checkpoint(Path(options.resume).expanduser().resolve())
    if checkpoint is None:
        raise FileNotFoundError(f"{options.resume} holds no checkpoint yet")
    state, run_folder = load_checkpoint(checkpoint), checkpoint.parent.parent
    folder = Path(options.compact).expanduser().resolve()
    compact.save_compact(folder, state, run_folder)
    return folder
