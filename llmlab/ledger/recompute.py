"""Measuring again, and what then differs from the file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import yaml

from ..model import LanguageModel
from .claims import Claim, read
from .shown import Value, kept, placeholders, shown

MODEL = "gemma-3-270m"


@dataclass(frozen=True)
class Difference:
    """A value of a row that is shown otherwise in the file than it is measured."""

    claim: Claim
    name: str
    stored: str
    measured: str

    def __str__(self) -> str:
        return f"{self.claim.id}: {self.name} is {self.stored} in the file, now {self.measured}"


def load() -> LanguageModel:
    """The model of the claims about models.

    In float32, as the chapters have it: the ledger then shows the digits that they show.
    """
    from ..checkpoints import load as load_model

    return load_model(MODEL, "cpu", "float32")


def function(name: str) -> Callable[..., dict[str, Value]]:
    """The measure with a name such as "counts.gpt3_attention".

    Raises:
        ValueError: there is none.
    """
    module, _, rest = name.partition(".")
    try:
        return getattr(import_module(f".measures.{module}", __package__), rest)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(f"there is no measure {name!r} in llmlab.ledger.measures") from error


def measure(name: str, model: Callable[[], LanguageModel]) -> dict[str, Value]:
    """What a measure finds now.

    Args:
        name: "module.function".
        model: called for a measure that asks for a model.
    """
    run = function(name)
    return run(model()) if "model" in inspect.signature(run).parameters else run()


def differences(claim: Claim, found: dict[str, Value]) -> Iterator[Difference]:
    """The values of a row that are shown otherwise than they are measured now.

    Raises:
        ValueError: its finding shows a value that its measure does not find.
    """
    stored, wanted = claim.measured or {}, placeholders(claim.finding)
    for name in stored.keys() - wanted.keys():
        yield Difference(claim, name, str(stored[name]), "no longer shown")
    for name, spec in wanted.items():
        if name not in found:
            raise ValueError(f"{claim.id} shows {name!r}, and {claim.measure} finds {list(found)}")
        before = shown(stored[name], spec) if name in stored else "missing"
        now = shown(found[name], spec)
        if before != now:
            yield Difference(claim, name, before, now)


def write(path: Path, found: dict[str, dict[str, Value]], changed: Iterable[Difference]) -> None:
    """Store the measured values of the rows that changed; all else stays as it is.

    Args:
        found: by the name of a measure, what it found.
        changed: what differs.
    """
    text = path.read_text(encoding="utf-8")
    comment = "".join(takewhile(lambda line: line.startswith("#"), text.splitlines(keepends=True)))
    data = yaml.safe_load(text)
    ids = {difference.claim.id for difference in changed}
    for row in data["claims"]:
        if row["id"] in ids:
            values = found[row["measure"]]
            specs = placeholders(row["finding"])
            row["measured"] = {name: kept(values[name], spec) for name, spec in specs.items()}
    lines = yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=96)
    path.write_text(comment + lines.replace("\n- id:", "\n\n- id:"), encoding="utf-8")
    read(path)

