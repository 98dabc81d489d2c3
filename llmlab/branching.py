"""Branching: another token in the place of one that was drawn, and the text it leads to."""

from __future__ import annotations

import dataclasses

from .checks import check_count, is_integer
from .generation import model_input, steps_after, text_and_reason
from .run import Run
from .sampling import check_sampling


def branch(
    run: Run,
    step: int,
    token_id: int,
    max_new_tokens: int = 20,
    temperature: float = 0.7,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Run:
    """A run like this one up to `step`, where it takes `token_id` and is generated on.

    The draw of each later step is that of the run's seed and the step's number, as in
    ``llmlab.generate``, and it ends at the same stop strings; so the branch with the token that
    was drawn, under the same settings, is the run itself. The draw of the branching step is kept,
    though it no longer explains the token.

    Args:
        step: the step whose token is replaced, from 0.
        max_new_tokens: how many tokens to generate after the replaced one.

    Raises:
        ValueError: a run without its model, a step or a candidate that is not there, or a
            setting out of range.
    """
    model = run.model
    if model is None:
        raise ValueError(
            "the run has no model to continue with; read it with Run.from_json(text, model)"
        )
    if not is_integer(step) or not 0 <= step < len(run.steps):
        raise ValueError(f"step is {step!r}; the run has steps 0 to {len(run.steps) - 1}")
    if token_id not in {candidate.id for candidate in run.steps[step].candidates}:
        raise ValueError(
            f"token {token_id} is not a candidate of step {step}; take one of its table"
        )
    check_sampling(temperature, top_k, top_p)
    check_count("max_new_tokens", max_new_tokens)
    replaced = dataclasses.replace(run.steps[step], chosen=model.tokenizer.token(token_id))
    steps = [*run.steps[:step], replaced]
    ids, source = model_input(model, run.prompt)
    chosen = [kept.chosen for kept in steps]
    settings = (temperature, top_k, top_p, run.n_candidates)
    steps += steps_after(model, ids, source, chosen, max_new_tokens, run.seed, settings, run.stop)
    n_tokens = len(chosen) + max_new_tokens
    text, reason = text_and_reason(model, run.prompt, steps, n_tokens, run.stop)
    return dataclasses.replace(run, steps=tuple(steps), text=text, stop_reason=reason)
