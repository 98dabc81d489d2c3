"""A run from its first step to its last, or from where it stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ..checkpoints import choose_device
from . import compact
from .checkpoint import TrainingState, find_checkpoint, load_checkpoint
from .config import TrainingConfig, config_from, read_config
from .distributed import local_device, processes
from .trainer import CONFIG, Trainer


def train(
    config: TrainingConfig,
    state: TrainingState | None = None,
    *,
    until: int | None = None,
    progress: bool = False,
) -> Path:
    """Train a model, from the beginning or from a checkpoint's state.

    Args:
        until: stop, with a checkpoint, when so many steps are done; None: ``config.steps``.
        progress: show a bar on standard error.

    Returns:
        The folder of the run; the trained model lies in its folder ``model``.

    Raises:
        ValueError: data, tokenizer and model that do not fit each other, a folder that holds
            another run, or a loss that is not finite (``NotFinite``).
        OSError: a file that is not there or could not be written.
        KeyboardInterrupt: the run was interrupted, and has saved a checkpoint.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = local_device(choose_device(config.device))
    with processes(device) as team:
        team.share(config.batch_size)
        trainer = Trainer(config, device, team, state)
        with trainer.closing(), _interruptible() as interrupted:
            trainer.run(min(until or config.steps, config.steps), interrupted, progress)
    return Path(config.folder)


def resume(
    folder: str | Path,
    config: TrainingConfig | None = None,
    *,
    until: int | None = None,
    progress: bool = False,
) -> Path:
    """Go on with a run from its last checkpoint, from another of them, or from a compact one.

    Args:
        folder: of the run, of a checkpoint, or of a compact checkpoint.
        config: in the place of the one that was saved; a run that is carried to another machine
            finds its data through it.

    Raises as ``train``, and:
        FileNotFoundError: no run lies there.
        DamagedCheckpoint: the checkpoint is cut short; the sentence names the last good one.
    """
    folder = Path(folder).expanduser().resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; expected a run or a checkpoint")
    if compact.is_compact(folder):
        state = compact.load_compact(folder)
        config = config or config_from(state.config, folder)
        compact.restore_metrics(folder, Path(config.folder))
        return train(config, state, until=until, progress=progress)
    checkpoint = find_checkpoint(folder)
    if checkpoint is None:
        if not (folder / CONFIG).is_file():
            raise FileNotFoundError(f"{folder} holds no run: it has no {CONFIG} and no checkpoint")
        config = config or read_config(folder / CONFIG)
        return train(config, until=until, progress=progress)
    state = load_checkpoint(checkpoint)
    config = config or config_from(state.config, checkpoint.parent.parent)
    return train(config, state, until=until, progress=progress)


@contextmanager
def _interruptible() -> Iterator[Callable[[], int]]:
    """While inside, Ctrl-C and SIGTERM only raise a flag, so that a step ends before the run."""
    seen = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    handlers = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        handlers[number] = signal.signal(number, lambda *_: seen.append(True))
    try:
        yield lambda: len(seen)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
