"""One step of generation, as it is kept: the candidates, the draw, and the token it chose."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from .tokenizers.token import Token

if TYPE_CHECKING:
    from .model import LanguageModel
    from .tracing import Trace

STEP_FORMAT = "llmlab.step/1"


@dataclass(frozen=True)
class Candidate:
    """One line of a step's table.

    Attributes:
        logit: what the model gave, before any filter.
        probability: over the whole vocabulary, at temperature 1.
        kept: whether top-k and top-p leave it in.
        sampling_probability: after temperature, top-k and top-p; 0 where it is not kept.
        cumulative: the sum of sampling probabilities down to this line.
    """

    id: int
    text: str
    logit: float
    probability: float
    kept: bool
    sampling_probability: float
    cumulative: float


@dataclass(frozen=True)
class Tail:
    """All logits that are not among the candidates, as a histogram of bins 1/16 of a logit wide.

    The mass of the rest at temperature T is the sum of ``counts · exp(logits / T)``, to about
    0.02 % of itself at T = 1. Tokens whose logit is -inf have no mass and are not counted.

    Attributes:
        logits: the mean logit of each bin that is not empty, falling, rounded to float32.
        counts: how many tokens lie in it.
    """

    logits: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One generated token and everything that led to it.

    Attributes:
        index: 0 for the first generated token.
        candidates: the most probable tokens, falling, ties by rising id; the chosen one stands
            last where it is not among them.
        draw: the number in [0, 1) that chose: the first token whose cumulative sampling
            probability exceeds it, in falling order over all that are kept.
        trace: what was recorded of the new position alone, where asked for: its ``tokens`` are
            all tokens read, its query or position axis has length one.
    """

    index: int
    candidates: tuple[Candidate, ...]
    tail: Tail
    draw: float
    chosen: Token
    temperature: float
    top_k: int | None
    top_p: float | None
    trace: Trace | None = field(default=None, compare=False, repr=False)

    def to_json(self, precision: str = "float32") -> str:
        """This step as JSON (``trace.schema.json``); ``precision`` is that of its trace."""
        return json.dumps(step_to_record(self, precision))

    @classmethod
    def from_json(cls, text: str, model: LanguageModel | None = None) -> Step:
        """Read a step back.

        Raises:
            ValueError: not a step of this version, or a part of it missing.
        """
        from .serialization import read_record

        return step_from_record(read_record(text, STEP_FORMAT, "step"), model)


def step_to_record(step: Step, precision: str = "float32") -> dict:
    """A step as plain values, as JSON holds them."""
    from .serialization import array_to_json, token_to_json

    trace = None if step.trace is None else json.loads(step.trace.to_json(precision))
    return {
        "format": STEP_FORMAT,
        "index": step.index,
        "candidates": [dataclasses.asdict(candidate) for candidate in step.candidates],
        "tail": {
            "logits": array_to_json(torch.tensor(step.tail.logits, dtype=torch.float32)),
            "counts": array_to_json(torch.tensor(step.tail.counts, dtype=torch.float32)),
        },
        "draw": step.draw,
        "chosen": token_to_json(step.chosen),
        "temperature": step.temperature,
        "top_k": step.top_k,
        "top_p": step.top_p,
        "trace": trace,
    }


def step_from_record(record: dict, model: LanguageModel | None = None) -> Step:
    """The inverse of ``step_to_record``."""
    from .serialization import array_from_json, token_from_json
    from .tracing import Trace

    try:
        trace = record["trace"]
        return Step(
            index=record["index"],
            candidates=tuple(Candidate(**candidate) for candidate in record["candidates"]),
            tail=Tail(
                tuple(array_from_json(record["tail"]["logits"]).tolist()),
                tuple(array_from_json(record["tail"]["counts"]).int().tolist()),
            ),
            draw=record["draw"],
            chosen=token_from_json(record["chosen"]),
            temperature=record["temperature"],
            top_k=record["top_k"],
            top_p=record["top_p"],
            trace=None if trace is None else Trace.from_json(json.dumps(trace), model),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a step with a part missing or of the wrong kind: {error}") from None
