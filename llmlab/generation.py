"""Generation: one token after another, and a record of how each was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from .model import LanguageModel
from .recording import Recorder
from .run import Run
from .sampling import Distribution, check_sampling, draw, is_integer
from .step import Candidate, Step
from .stopping import find_stop, readable_text, stop_strings
from .tokenizers.token import Token
from .tracing import Trace


def generate(
    model: LanguageModel,
    prompt: str,
    max_new_tokens: int = 20,
    temperature: float = 0.7,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    stop: str | Sequence[str] | None = None,
    record: Iterable[str] | None = None,
    n_candidates: int = 50,
) -> Run:
    """Continue a prompt, and keep how every token was chosen.

    Args:
        temperature: divides the logits; for greedy decoding use ``top_k=1``.
        top_k: keep the k most probable tokens; None keeps all.
        top_p: keep the most probable tokens that together reach this mass; None keeps all.
        seed: with the same model and settings, the same seed gives the same text.
        stop: generation ends when one of these strings stands in the generated text.
        record: quantities of each new position to keep in ``step.trace``; see ``llmlab.trace``.
        n_candidates: rows of each step's table.

    For an encoder-decoder the prompt is the source, and the run is what its decoder writes.

    Raises:
        ValueError: an empty prompt, one longer than the context, or a setting out of range.
    """
    options = (max_new_tokens, temperature, top_k, top_p, seed, stop, record, n_candidates)
    steps = tuple(stream(model, prompt, *options))
    return collect(model, prompt, steps, seed=seed, stop=stop, max_new_tokens=max_new_tokens)


def stream(
    model: LanguageModel,
    prompt: str,
    max_new_tokens: int = 20,
    temperature: float = 0.7,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    stop: str | Sequence[str] | None = None,
    record: Iterable[str] | None = None,
    n_candidates: int = 50,
) -> Iterator[Step]:
    """``generate``, one ``Step`` at a time, each as soon as it is there."""
    check_sampling(temperature, top_k, top_p, seed)
    for name, value in (("max_new_tokens", max_new_tokens), ("n_candidates", n_candidates)):
        if not is_integer(value) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1, not {value!r}")
    stops = stop_strings(stop)
    ids, source = model_input(model, prompt)
    record = Recorder(record).names if record else None

    def steps() -> Iterator[Step]:
        chosen: list[Token] = []
        logits_of = next_logits(model, ids, source, max_new_tokens, record)
        for index in range(max_new_tokens):
            logits, trace = logits_of(chosen)
            number = draw(int(seed), index)
            step = make_step(
                model, logits, index, number, temperature, top_k, top_p, n_candidates, trace
            )
            chosen.append(step.chosen)
            yield step
            text = readable_text(model.tokenizer, chosen) if stops else ""
            if step.chosen.id in model.tokenizer.eos_ids or find_stop(text, stops) is not None:
                return
            if ids.size(1) + len(chosen) > model.config.context_length:
                return

    return steps()


def make_step(
    model: LanguageModel,
    logits: Tensor,  # (vocab,)
    index: int,
    draw: float,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    n_candidates: int = 50,
    trace: Trace | None = None,
) -> Step:
    """The step that these logits and this draw make."""
    found = Distribution(logits, temperature, top_k, top_p, draw, n_candidates)
    rank = found.choose(draw)
    ranks = list(range(min(n_candidates, len(found.ids))))
    if rank >= n_candidates:
        ranks.append(rank)
    token = model.tokenizer.token
    candidates = tuple(
        Candidate(
            id=int(found.ids[i]),
            text=token(int(found.ids[i])).text,
            logit=float(found.logits[i]),
            probability=float(found.probabilities[i]),
            kept=i < found.n_kept,
            sampling_probability=float(found.sampling_probabilities[i]),
            cumulative=float(found.cumulative[i]),
        )
        for i in ranks
    )
    return Step(
        index=index,
        candidates=candidates,
        tail=found.tail(np.array(ranks)),
        draw=draw,
        chosen=token(int(found.ids[rank])),
        temperature=float(temperature),
        top_k=None if top_k is None else int(top_k),
        top_p=None if top_p is None else float(top_p),
        trace=trace,
    )


def collect(
    model: LanguageModel,
    prompt: str,
    steps: Sequence[Step],
    *,
    seed: int,
    max_new_tokens: int,
    stop: str | Sequence[str] | None = None,
) -> Run:
    """The run that these steps of ``stream`` make."""
    ids, _ = model_input(model, prompt)
    tokenizer, tokens = model.tokenizer, [step.chosen for step in steps]
    text = tokenizer.decode([token.id for token in tokens])
    cut = find_stop(text, stop_strings(stop))
    if tokens and tokens[-1].id in tokenizer.eos_ids:
        reason = "end"
    elif cut is not None:
        reason = "stop"
    else:
        reason = "length" if len(tokens) >= max_new_tokens else "context"
    return Run(
        model_name=model.name,
        prompt=prompt,
        prompt_tokens=tuple(map(tokenizer.token, tokenizer.encode(prompt, special=True))),
        steps=tuple(steps),
        text=text[:cut],
        seed=int(seed),
        stop_reason=reason,
        model=model,
    )


def model_input(model: LanguageModel, prompt: str) -> tuple[Tensor, Tensor | None]:
    """Decoder ids and, for an encoder-decoder, source ids: (1, position) each."""
    architecture = model.config.architecture
    if architecture == "encoder":
        raise ValueError(f"{model.name} is an encoder and cannot continue a text; load a decoder")
    ids = model.encode(prompt)
    if architecture == "decoder":
        return ids, None
    tokenizer = model.tokenizer
    start = tokenizer.pad_id if tokenizer.bos_id is None else tokenizer.bos_id  # Marian: the pad
    return torch.tensor([[start]], device=model.device), ids


def next_logits(model, ids, source, max_new_tokens, record):
    """A function from the tokens chosen so far to the next logits, (vocab,), and their trace."""
    length = min(ids.size(1) + max_new_tokens, model.config.context_length)
    cache = model.transformer.new_cache(1, length)
    token = model.tokenizer.token
    read_before = tuple(map(token, ids[0].tolist()))
    source_tokens = () if source is None else tuple(map(token, source[0].tolist()))

    def logits_of(chosen: list[Token]) -> tuple[Tensor, Trace | None]:
        new = torch.tensor([[chosen[-1].id]], device=ids.device) if chosen else ids
        with torch.inference_mode():
            output = model.transformer(
                new, source=source, cache=cache, record=record, last_only=True
            )
        trace = None
        if record:
            # The second axis from the right is the query or the position; the last is the new one.
            kept = {
                name: (value[0] if name == "encoder_attention" else value[0, ..., -1:, :])
                for name, value in output.recording.items()
            }
            trace = Trace(
                model_name=model.name,
                config=model.config,
                tokens=read_before + tuple(chosen),
                source=source_tokens,
                model=model,
                **{name: value.float().cpu().clone() for name, value in kept.items()},
            )
        return output.logits[0, -1], trace

    return logits_of
