"""What a TrainingView is given, read: a run's folder, a model's, a model, or the record itself."""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checks import is_integer, is_number

CURVES = ("loss", "learning_rate", "gradient_norm", "tokens_per_second")
EVALUATION = ("validation_loss", "perplexity", "bits_per_character")
LOG, RECORD, CONFIG = "metrics.jsonl", "training.json", "config.yaml"


@dataclass(frozen=True)
class RunRecord:
    """
    Attributes:
        name: of the run.
        steps: that have a value of some curve, in order.
        curves: name → one value for each of ``steps``; NaN where none, or no finite one, stands.
        evaluations: {step} and what of EVALUATION was measured there, in order.
        samples: step → {prompt: text}, in order.
    """

    name: str
    steps: list[int]
    curves: dict[str, list[float]]
    evaluations: list[dict[str, float]]
    samples: dict[int, dict[str, str]]

    @property
    def checkpoints(self) -> list[int]:
        """The steps at which it was evaluated or wrote samples."""
        return sorted({entry["step"] for entry in self.evaluations} | set(self.samples))


def read_run(given: Any, name: str = "") -> RunRecord:
    """
    Args:
        given: a run's folder, a model's folder with its training.json, the name of one of the
            book's own models, a LanguageModel loaded from either, or what training.json holds.
        name: what to call it; the run's own name if empty.

    Raises:
        FileNotFoundError: no record lies there.
        ValueError: a record that is none, is altered, or has no step yet.
    """
    if isinstance(given, Mapping):
        where, own_name, entries = "the record", _name_in(given.get("config")), _unrolled(given)
    else:
        folder = _folder_of(given)
        where, own_name, entries = _read_folder(folder)
        own_name = own_name or folder.resolve().name
    return _record(name or own_name or "run", entries, where)


def is_record(given: Mapping) -> bool:
    """Whether a mapping is one run's record, and not names of runs."""
    return any(isinstance(given.get(key), (Mapping, list)) for key in ("curves", "evaluations"))


def _folder_of(given: Any) -> Path:
    from ..checkpoints.load import OWN_MODELS, own_models
    from ..model import LanguageModel

    given = given.name if isinstance(given, LanguageModel) else given
    if not isinstance(given, (str, os.PathLike)):
        raise ValueError(
            f"a run is a folder, a model of ours, or a record of plain values, not "
            f"{type(given).__name__}"
        )
    if given in own_models():
        return OWN_MODELS / given
    return Path(given).expanduser()


def _read_folder(folder: Path) -> tuple[str, str, Iterable[Mapping]]:
    """Where the record lies, the run's name in it ("" where it has none), and its entries."""
    from ..training.log import read_metrics

    if (folder / LOG).is_file():
        return str(folder / LOG), _name_in(_config_of(folder)), read_metrics(folder)
    for file in (folder / RECORD, folder / "model" / RECORD):
        if file.is_file():
            try:
                record = json.loads(file.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ValueError(f"{file} is not JSON: {error}") from None
            if not isinstance(record, Mapping):
                raise ValueError(f"{file} holds no record: expected an object with curves")
            return str(file), _name_in(record.get("config")), _unrolled(record)
    beside = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
    near = difflib.get_close_matches(folder.name, beside, n=1)
    hint = f"; did you mean {folder.parent / near[0]}?" if near and not folder.exists() else ""
    raise FileNotFoundError(
        f"no record of a training lies in {folder}: expected {LOG}, as `llmlab train` writes it, "
        f"or {RECORD} beside a model{hint}"
    )


def _config_of(folder: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):  # a log can be shown without it
        return None


def _name_in(config: Any) -> str:
    name = config.get("name") if isinstance(config, Mapping) else None
    return name if isinstance(name, str) else ""


def _unrolled(record: Mapping) -> list[Mapping]:
    """A record's curves, evaluations and samples as the entries of a log."""
    curves = record.get("curves") or {}
    try:
        entries = [
            {"step": step, name: value}
            for name in CURVES
            for step, value in curves.get(name) or ()
        ]
        return [*entries, *(record.get("evaluations") or ()), *(record.get("samples") or ())]
    except (AttributeError, TypeError, ValueError):
        raise ValueError(
            "the record is altered: expected curves, name to [[step, value], …], and lists of "
            "evaluations and samples"
        ) from None


def _record(name: str, entries: Iterable[Mapping], where: str) -> RunRecord:
    rows: dict[int, dict[str, float]] = {}
    evaluations: dict[int, dict[str, float]] = {}
    samples: dict[int, dict[str, str]] = {}
    for entry in entries:
        step = entry.get("step") if isinstance(entry, Mapping) else None
        if not is_integer(step) or step < 0:
            raise ValueError(f"{where} is altered: {_short(entry)} has no step, a whole number")
        for key in CURVES:
            if key in entry:
                rows.setdefault(int(step), {})[key] = _number(entry[key], key, where)
        if EVALUATION[0] in entry:
            found = {key: _number(entry[key], key, where) for key in EVALUATION if key in entry}
            finite = {key: value for key, value in found.items() if math.isfinite(value)}
            evaluations[int(step)] = {"step": int(step), **finite}
        if "text" in entry:
            prompt, text = entry.get("prompt", ""), entry["text"]
            if not isinstance(prompt, str) or not isinstance(text, str):
                raise ValueError(f"{where} is altered: {_short(entry)} is no sample of text")
            samples.setdefault(int(step), {})[prompt] = text
    if not rows and not evaluations:
        raise ValueError(f"{where} has no step yet; look again when the first is done")
    steps = sorted(rows)
    names = [key for key in CURVES if any(key in row for row in rows.values())]
    return RunRecord(
        name,
        steps,
        {key: [rows[step].get(key, math.nan) for step in steps] for key in names},
        [evaluations[step] for step in sorted(evaluations)],
        {step: samples[step] for step in sorted(samples)},
    )


def _number(value: Any, key: str, where: str) -> float:
    """The value; NaN for what is not finite, so that a curve has a gap there."""
    if value is None:
        return math.nan
    if not is_number(value):
        raise ValueError(f"{where} is altered: {key} is {_short(value)}, expected a number")
    return float(value) if math.isfinite(float(value)) else math.nan


def _short(value: object) -> str:
    return " ".join(repr(value).split())[:60]
