"""A training: its curves, and how the text that the model writes changes as it learns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from ..checks import is_integer, is_number
from .base import View
from .training_record import CURVES, EVALUATION
from .training_state import kept_samples, records_of, references_of, run_state

if TYPE_CHECKING:
    from ..model import LanguageModel

SCALES = ("linear", "log")
BELOW = (*CURVES[1:], *EVALUATION[1:])  # what the second drawing can show


class TrainingView(View):
    """A run's loss and samples, step by step; or several runs', to compare them.

    A long record is thinned for the drawing (`training_state.thinned` has the rule): its ends,
    its extremes and every checkpoint stay exact, and no value is averaged.

    Args:
        run: a run's folder, a model's folder with its training.json, a model of ours, or what
            training.json holds; or up to 5 of these by the names to show them under.
        references: losses in nats to hold the curve against, by name: the entropy of the text,
            or ln(vocabulary), what guessing costs.
        scale: of the steps, "linear" or "log".
        smoothing: the share of the steps behind that one must go back for half the weight in
            the smoothed training loss; 0: no smoothing.

    Raises:
        FileNotFoundError: no record lies there.
        ValueError: a record that is none or has no step yet, more runs or references than fit,
            or a reference that is not finite.
    """

    _name: ClassVar[str] = "training"

    runs = traitlets.List(
        help="{name, recorded, steps, curves, evaluations, prompts, samples}"
    ).tag(sync=True)
    references = traitlets.List(help="{name, value}: losses in nats").tag(sync=True)
    moments = traitlets.List(help="steps with an evaluation or samples, of any run").tag(sync=True)
    moment = traitlets.Int(0, help="the place among them that is shown").tag(sync=True)
    shown = traitlets.Int(0, help="the run whose samples are shown").tag(sync=True)
    scale = traitlets.Enum(SCALES, "linear", help="of the steps").tag(sync=True)
    below = traitlets.Unicode("", help="what the second drawing shows; empty: none").tag(sync=True)

    def __init__(
        self,
        run: str | os.PathLike | LanguageModel | Mapping[str, Any],
        *,
        references: Mapping[str, float] | None = None,
        scale: str = "linear",
        smoothing: float = 0.04,
    ) -> None:
        if not is_number(smoothing) or not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must be a share from 0 to below 1, not {smoothing!r}")
        if scale not in SCALES:
            raise ValueError(f"scale={scale!r} is not known; choose one of {SCALES}")
        records = records_of(run)
        moments = sorted(
            {entry["step"] for record in records for entry in record.evaluations}
            | {step for record in records for step in kept_samples(record)}
        )
        runs = [run_state(record, moments, float(smoothing)) for record in records]
        super().__init__(
            runs=runs,
            references=references_of(references),
            moments=moments,
            moment=max(len(moments) - 1, 0),
            shown=next((i for i, each in enumerate(runs) if each["samples"]), 0),
            scale=scale,
            below=next((name for name in BELOW if any(_has(each, name) for each in runs)), ""),
        )

    @traitlets.validate("moment")
    def _valid_moment(self, proposal: dict[str, Any]) -> int:
        return _within("moment", proposal["value"], max(len(self.moments), 1))

    @traitlets.validate("shown")
    def _valid_shown(self, proposal: dict[str, Any]) -> int:
        return _within("shown", proposal["value"], len(self.runs))

    @traitlets.validate("below")
    def _valid_below(self, proposal: dict[str, Any]) -> str:
        there = [name for name in BELOW if any(_has(run, name) for run in self.runs)]
        if proposal["value"] not in (there or [""]):
            raise ValueError(f"below={proposal['value']!r} is not recorded; there are: {there}")
        return proposal["value"]

    def picture(self) -> bytes:
        from .training_picture import training_picture  # matplotlib loads when it is needed

        return training_picture(self.state(), self._samples(3))

    def alt(self) -> str:
        from .training_words import run_in_words, sample_in_words

        lines = [run_in_words(run) for run in self.runs]
        held = ", ".join(f"{each['name']} {each['value']:.4g}" for each in self.references)
        lines += [f"References: {held} nats."] if held else []
        texts = self._samples(3)
        if texts:
            step = self.moments[self.moment]
            written = "; ".join(sample_in_words(*pair) for pair in texts)
            lines.append(f"At step {step:,} {self.runs[self.shown]['name']} writes: {written}.")
        return " ".join(lines)

    def _samples(self, most: int) -> list[tuple[str, str]]:
        """The shown run's last samples up to the shown moment: (prompt, text)."""
        run, step = self.runs[self.shown], (self.moments or [0])[self.moment]
        written = [each["texts"] for each in run["samples"] if each["step"] <= step]
        pairs = zip(run["prompts"], written[-1]) if written else ()
        return [(prompt, text) for prompt, text in pairs if text is not None][:most]

    def __repr__(self) -> str:
        return f"<TrainingView of {', '.join(run['name'] for run in self.runs)}>"


def _has(run: dict[str, Any], name: str) -> bool:
    return name in run["curves"] or any(name in each for each in run["evaluations"])


def _within(name: str, value: int, count: int) -> int:
    if not is_integer(value) or not 0 <= value < count:
        raise ValueError(f"{name} is {value!r}; expected a whole number from 0 to {count - 1}")
    return int(value)
