"""What a ResidualView shows, computed once: every readout, and what each part adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..attribution import RECORD, logit_contributions, logits_are_sums
from ..checks import is_integer
from .base import array, visible

if TYPE_CHECKING:
    from ..model import LanguageModel
    from ..tracing import Trace

MOST_POSITIONS = 32  # a grid of more is no longer read, and each is read out with each layer


def lens_state(
    trace: Trace, k: int, target: str | int | None
) -> tuple[dict[str, Any], dict[str, Tensor | None]]:
    """The view's state, with the id of the token asked for as "followed", and its numbers.

    The tokens that can be followed at a position are those that lead one of its rows, those in
    the last row's table, and the one asked for.

    Raises:
        ValueError: see ``ResidualView``.
    """
    stream = recorded_stream(trace)
    model = trace._need_model()
    if not is_integer(k) or not 1 <= k <= 20:
        raise ValueError(f"k={k!r} is outside the whole numbers 1 … 20")
    followed = None if target is None else _token_id(trace, target)
    reason = _missing(trace)
    places: dict[int, int] = {}  # of an id in words

    def place(id: int) -> int:
        return places.setdefault(id, len(places))

    top, shares, targets, counts, through, logits, added = [], [], [], [], [], [], []
    for index in range(stream.size(1)):
        position = index - stream.size(1)
        read = read_out(model, stream[:, position])  # (layer + 1, vocab)
        normaliser = read.logsumexp(dim=-1, keepdim=True)
        best = read.topk(k)
        ids = list(dict.fromkeys([*best.indices[-1].tolist(), *best.indices[:, 0].tolist()]))
        if followed is not None and followed not in ids:
            ids.append(followed)
        top.append([[place(id) for id in row] for row in best.indices.tolist()])
        shares.append((best.values - normaliser).exp())
        targets += [place(id) for id in ids]
        counts.append(len(ids))
        through.append((read[:, ids] - normaliser).exp().T)
        logits.append(read[-1, ids])
        if not reason:
            added.append(logit_contributions(trace, ids, position))
    numbers = {
        "word_ids": torch.tensor(list(places)),  # (word,)
        "top": torch.tensor(top).transpose(0, 1),  # (layer + 1, position, k)
        "targets": torch.tensor(targets),  # (target,)
        "probabilities": torch.stack(shares, dim=1),  # (layer + 1, position, k)
        "target_probabilities": torch.cat(through),  # (target, layer + 1)
        "target_logits": torch.cat(logits),  # (target,)
        "contributions": torch.cat(added) if added else None,  # (target, 2 · layer + 2)
    }
    token = model.tokenizer.token
    read_tokens = trace.tokens[-stream.size(1) :]
    state = {
        "model_name": trace.model_name,
        "tokens": [{"id": each.id, "text": visible(each.text)} for each in read_tokens],
        "words": [visible(token(id).text) for id in places],
        "target_counts": counts,
        "missing": reason,
        "followed": followed,
        **{
            name: None if values is None else array(values, "float32")
            for name, values in numbers.items()
        },
    }
    return state, numbers


def recorded_stream(trace: Trace) -> Tensor:
    """(layer + 1, position, d_model)"""
    stream = trace._get("residual")
    if stream.size(1) > MOST_POSITIONS:
        raise ValueError(
            f"this trace has {stream.size(1)} positions, and at most {MOST_POSITIONS} are shown; "
            "trace a shorter text"
        )
    rows_without_numbers = (~stream.isfinite()).flatten(1).any(dim=1).nonzero()
    if len(rows_without_numbers):
        raise ValueError(
            f"the stream after {rows_without_numbers[0].item()} layers is not a number: the model "
            'overflowed its dtype; load it with dtype="float32" and trace again'
        )
    return stream


def read_out(model: LanguageModel, stream: Tensor) -> Tensor:
    """The logits of a recorded stream's vectors, (…, d_model) → (…, vocab), on the CPU."""
    x = stream.to(model.device, model.transformer.stream_dtype)
    with torch.inference_mode():
        return model.transformer.readout(x).float().cpu()


def _missing(trace: Trace) -> str:
    """Why no contributions can be shown: "recorded", "sum", or "" where they can."""
    if not logits_are_sums(trace.config):
        return "sum"
    return "" if set(RECORD) <= set(trace.recorded) else "recorded"


def _token_id(trace: Trace, target: str | int) -> int:
    """The id of the token to follow, given by its id or its text."""
    model = trace._need_model()
    if is_integer(target):
        if 0 <= target < model.config.vocab_size:
            return int(target)
        raise ValueError(f"target is {target}; ids are 0 to {model.config.vocab_size - 1:,}")
    ids = model.tokenizer.encode(target) if isinstance(target, str) else []
    if len(ids) != 1:
        raise ValueError(
            f"target is {target!r}, and that is {len(ids)} tokens to {trace.model_name}; give the "
            "text or the id of one"
        )
    return ids[0]
