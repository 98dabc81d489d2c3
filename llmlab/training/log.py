"""What a run writes down: a line of JSON for each step, TensorBoard's files, a plot."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from .files import full_disk_named, write_file

METRICS = "metrics.jsonl"


class Log:
    """``metrics.jsonl`` and ``tensorboard/`` of a run.

    Taken up again at a step, it forgets what was written after that step.
    """

    def __init__(self, run: Path, step: int) -> None:
        self._path = run / METRICS
        kept = [entry for entry in read_metrics(run) if entry["step"] <= step]
        lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in kept)
        write_file(self._path, lambda file: file.write(lines.encode()))
        self._file = open(self._path, "a", encoding="utf-8")
        with full_disk_named(self._path):
            self._board = Board(run / "tensorboard", step)

    def add(self, step: int, **values: float | str) -> None:
        """Values of one step: numbers become curves, texts are kept as they are."""
        with full_disk_named(self._path):
            self._file.write(json.dumps({"step": step, **values}, ensure_ascii=False) + "\n")
            self._file.flush()
            self._board.add(step, values)

    def sync(self) -> None:
        """Put everything so far on the disk."""
        with full_disk_named(self._path):
            os.fsync(self._file.fileno())
            self._board.flush()

    def close(self) -> None:
        """Let go of the files; what a full disk does not take was said before."""
        for file in (self._file, self._board):
            with suppress(OSError):
                file.close()


class Board:
    """TensorBoard's event files, written at once.

    tensorboardX's own SummaryWriter writes in a thread, and when the disk is full that thread
    ends without a word and the next value waits for it for ever.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboardX import summary
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto import event_pb2

        self._summary, self._events = summary, event_pb2
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"), f".{time.time_ns()}")
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._write(step + 1, session_log=start)  # forget what an earlier file has from here on

    def add(self, step: int, values: Mapping[str, float | str]) -> None:
        for name, value in values.items():
            make = self._summary.text if isinstance(value, str) else self._summary.scalar
            self._write(step, summary=make(name, value))

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def _write(self, step: int, **content) -> None:
        event = self._events.Event(step=step, wall_time=time.time(), **content)
        self._writer.write_event(event)


def read_metrics(run: Path) -> list[dict]:
    """The entries of a run's log, in order; a last line that a kill cut short is left out."""
    return list(_entries(run / METRICS))


def curve(run: Path, name: str) -> list[tuple[int, float]]:
    """(step, value) of every entry that has the name: "loss", "validation_loss", …"""
    return [(entry["step"], entry[name]) for entry in read_metrics(run) if name in entry]


def _entries(path: Path) -> Iterator[dict]:
    if not path.exists():
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                return


def plot(run: Path) -> Path:
    """Draw the losses and the learning rate into ``loss.png``; returns its path."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    axes.plot(*_columns(run, "loss"), color="#9ecae1", linewidth=0.8, label="training")
    axes.plot(*_columns(run, "validation_loss"), color="#d95f02", marker="o", label="validation")
    axes.set_ylabel("loss, nats per token")
    axes.legend()
    below.plot(*_columns(run, "learning_rate"), color="#555555")
    below.set_ylabel("learning rate")
    below.set_xlabel("step")
    path = run / "loss.png"
    write_file(path, lambda file: figure.savefig(file, format="png", dpi=120))
    return path


def _columns(run: Path, name: str) -> tuple[list, list]:
    points = curve(run, name)
    return [step for step, _ in points], [value for _, value in points]
