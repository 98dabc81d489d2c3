"""Generation: one token after another, and a record of how each was chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from . import sampling
from .checks import check_count
from .distribution import Distribution
from .model import LanguageModel
from .recording import names_of
from .run import Run
from .sampling import check_sampling
from .step import Candidate, Step
from .stopping import continuation, find_stop, readable_text, stop_strings
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
    return collect(
        model,
        prompt,
        steps,
        seed=seed,
        max_new_tokens=max_new_tokens,
        stop=stop,
        n_candidates=n_candidates,
    )


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
    check_count("max_new_tokens", max_new_tokens)
    check_count("n_candidates", n_candidates)
    stops = stop_strings(stop)
    ids, source = model_input(model, prompt)
    record = names_of(record, model.config.architecture)
    settings = (temperature, top_k, top_p, n_candidates)
    return steps_after(model, ids, source, [], max_new_tokens, int(seed), settings, stops, record)


def steps_after(
    model: LanguageModel,
    ids: Tensor,  # (1, position): the decoder's, before the first step
    source: Tensor | None,  # (1, source position)
    chosen: Sequence[Token],  # of the steps that are there already
    max_new_tokens: int,
    seed: int,
    settings: tuple[float, int | None, float | None, int],  # from `temperature` in make_step
    stops: Sequence[str] = (),
    record: Sequence[str] = (),
) -> Iterator[Step]:
    """The steps that follow those that chose these tokens, each as soon as it is there."""
    chosen, tokenizer, before = list(chosen), model.tokenizer, int(ids[0, -1])
    n_steps = len(chosen) + max_new_tokens
    logits_of = next_logits(model, ids, source, n_steps, record)
    while len(chosen) < n_steps:
        if chosen and chosen[-1].id in tokenizer.eos_ids:
            return
        if stops and find_stop(readable_text(tokenizer, chosen, before), stops) is not None:
            return
        if ids.size(1) + len(chosen) > model.config.context_length:
            return
        logits, trace = logits_of(chosen)
        index = len(chosen)
        step = make_step(model, logits, index, sampling.draw(seed, index), *settings, trace)
        chosen.append(step.chosen)
        yield step


def make_step(
    model: LanguageModel,
    logits: Tensor,  # (vocab,)
    index: int,
    draw: float,  # in [0, 1)
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
    # Columns at once: a NumPy number taken out by itself costs more than all it is needed for.
    columns = (
        found.ids,
        found.logits,
        found.probabilities,
        found.sampling_probabilities,
        found.cumulative,
    )
    candidates = tuple(
        Candidate(id, token(id).text, logit, p, rank < found.n_kept, sampling_p, cumulative)
        for rank, id, logit, p, sampling_p, cumulative in zip(
            ranks, *(column[ranks].tolist() for column in columns), strict=True
        )
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
    n_candidates: int = 50,
) -> Run:
    """The run that these steps of ``stream`` make."""
    tokenizer, stops = model.tokenizer, stop_strings(stop)
    text, reason = text_and_reason(model, prompt, steps, max_new_tokens, stops)
    return Run(
        model_name=model.name,
        prompt=prompt,
        prompt_tokens=tuple(map(tokenizer.token, tokenizer.encode(prompt, special=True))),
        steps=tuple(steps),
        text=text,
        seed=int(seed),
        stop_reason=reason,
        stop=stops,
        n_candidates=n_candidates,
        model=model,
    )


def text_and_reason(
    model: LanguageModel,
    prompt: str,
    steps: Sequence[Step],
    max_new_tokens: int,
    stops: Sequence[str],
) -> tuple[str, str]:
    """The text of these steps up to the first stop string, and why there are no more."""
    tokens = [step.chosen.id for step in steps]
    text = continuation(model.tokenizer, int(model_input(model, prompt)[0][0, -1]), tokens)
    cut = find_stop(text, stops)
    if tokens and tokens[-1] in model.tokenizer.eos_ids:
        reason = "end"
    elif cut is not None:
        reason = "stop"
    else:
        reason = "length" if len(tokens) >= max_new_tokens else "context"
    return text[:cut], reason


def model_input(model: LanguageModel, prompt: str) -> tuple[Tensor, Tensor | None]:
    """Decoder ids and, for an encoder-decoder, source ids: (1, position) each."""
    architecture = model.config.architecture
    if architecture == "encoder":
        raise ValueError(f"{model.name} is an encoder and cannot continue a text; load a decoder")
    ids = model.encode(prompt)
    return (ids, None) if architecture == "decoder" else (model.encode_target(), ids)


def next_logits(
    model: LanguageModel,
    ids: Tensor,  # (1, position)
    source: Tensor | None,  # (1, source position)
    max_new_tokens: int,
    record: Sequence[str],
) -> Callable[[Sequence[Token]], tuple[Tensor, Trace | None]]:
    """A function from the tokens chosen so far to the next logits, (vocab,), and their trace.

    It reads what it has not read yet: at first ``ids`` and all that is chosen, then one token.
    """
    length = min(ids.size(1) + max_new_tokens, model.config.context_length)
    cache = model.transformer.new_cache(1, length)
    token = model.tokenizer.token
    read_before = tuple(map(token, ids[0].tolist()))
    source_tokens = () if source is None else tuple(map(token, source[0].tolist()))

    def logits_of(chosen: Sequence[Token]) -> tuple[Tensor, Trace | None]:
        n_read = max(cache.length - ids.size(1), 0)  # of the chosen
        unread = [token.id for token in chosen[n_read:]]
        new = torch.tensor([unread], dtype=torch.long, device=ids.device)
        if cache.length == 0:
            new = torch.cat((ids, new), dim=1)
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
