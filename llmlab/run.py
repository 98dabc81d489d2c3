"""A run: a prompt, and what a model wrote after it, step by step."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from .model import LanguageModel
from .serialization import read_record, token_from_json, token_to_json
from .step import Step, step_from_record, step_to_record
from .tokenizers.token import Token

RUN_FORMAT = "llmlab.run/1"


@dataclass(frozen=True, eq=False)
class Run:
    """A prompt and what a model wrote after it.

    Attributes:
        prompt_tokens: what the model read, special tokens included.
        steps: one for each generated token.
        text: the generated text, without special tokens, up to the stop string.
        stop: the strings at which the text was to end.
        n_candidates: rows of each step's table.
        stop_reason: "end" (the model ended the text), "stop" (a stop string), "length"
            (max_new_tokens) or "context" (no room for more).
        model: the model that ran; None in a run read from JSON without one.
    """

    model_name: str
    prompt: str
    prompt_tokens: tuple[Token, ...]
    steps: tuple[Step, ...]
    text: str
    seed: int
    stop_reason: str
    stop: tuple[str, ...] = ()
    n_candidates: int = 50
    model: LanguageModel | None = field(default=None, repr=False)

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The generated tokens, one a step."""
        return tuple(step.chosen for step in self.steps)

    def to_json(self, precision: str = "float32") -> str:
        """This run as JSON (``trace.schema.json``); ``precision`` is that of recorded traces."""
        return json.dumps(
            {
                "format": RUN_FORMAT,
                "model": self.model_name,
                "prompt": self.prompt,
                "prompt_tokens": [token_to_json(token) for token in self.prompt_tokens],
                "steps": [step_to_record(step, precision) for step in self.steps],
                "text": self.text,
                "seed": self.seed,
                "stop_reason": self.stop_reason,
                "stop": list(self.stop),
                "n_candidates": self.n_candidates,
            }
        )

    @classmethod
    def from_json(cls, text: str, model: LanguageModel | None = None) -> Run:
        """Read a run back.

        Raises:
            ValueError: not a run of this version, or a part of it missing.
        """
        record = read_record(text, RUN_FORMAT, "run")
        try:
            return cls(
                model_name=record["model"],
                prompt=record["prompt"],
                prompt_tokens=tuple(map(token_from_json, record["prompt_tokens"])),
                steps=tuple(step_from_record(step, model) for step in record["steps"]),
                text=record["text"],
                seed=record["seed"],
                stop_reason=record["stop_reason"],
                stop=tuple(record["stop"]),
                n_candidates=record["n_candidates"],
                model=model,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a run with a part missing or of the wrong kind: {error}") from None
