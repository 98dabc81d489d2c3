"""Branching: another token in the place of one that was drawn, and the text it leads to."""

from __future__ import annotations

import dataclasses

import torch

from .generation import Run, next_logits, make_step, model_input
from .sampling import check_sampling, draw
from .step import Step


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
    ``llmlab.generate``; so the branch with the token that was drawn, under the same settings, is
    the run itself. The draw of the branching step is kept, though it no longer explains the token.

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
    if not 0 <= step < len(run.steps):
        raise ValueError(f"step is {step}; the run has steps 0 to {len(run.steps) - 1}")
    if token_id not in {candidate.id for candidate in run.steps[step].candidates}:
        raise ValueError(
            f"token {token_id} is not a candidate of step {step}; take one of its table"
        )
    check_sampling(temperature, top_k, top_p)
    replaced = dataclasses.replace(run.steps[step], chosen=model.tokenizer.token(token_id))
    steps = [*run.steps[:step], replaced]
    reason = _continue(run, steps, max_new_tokens, (temperature, top_k, top_p))
    text = model.tokenizer.decode([kept.chosen.id for kept in steps])
    return dataclasses.replace(run, steps=tuple(steps), text=text, stop_reason=reason)


def _continue(run: Run, steps: list[Step], max_new_tokens: int, settings: tuple) -> str:
    """Append the steps that follow, and return why they end."""
    model = run.model
    ids, source = model_input(model, run.prompt)
    before = torch.tensor([[step.chosen.id for step in steps]], device=ids.device)
    ids = torch.cat((ids, before), dim=1)
    n_candidates = len(run.steps[0].candidates)
    logits_of = next_logits(model, ids, source, max_new_tokens, ())
    chosen = []
    for _ in range(max_new_tokens):
        if steps[-1].chosen.id in model.tokenizer.eos_ids:
            return "end"
        if ids.size(1) + len(chosen) > model.config.context_length:
            return "context"
        logits, _ = logits_of(chosen)
        index = len(steps)
        steps.append(
            make_step(model, logits, index, draw(run.seed, index), *settings, n_candidates)
        )
        chosen.append(steps[-1].chosen)
    return "end" if steps[-1].chosen.id in model.tokenizer.eos_ids else "length"
