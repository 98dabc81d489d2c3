"""What a ContextView shows, computed once: a token's vector after each layer, in two sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import is_integer
from .base import array, visible
from .residual_state import read_out, recorded_stream

if TYPE_CHECKING:
    from ..model import LanguageModel
    from ..tracing import Trace

MOST_SHARED = 8  # tokens to choose from


def context_state(first: Trace, second: Trace, k: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The view's state and its numbers.

    A token that stands more than once in a sentence is looked at where it stands last.

    Raises:
        ValueError: see ``ContextView``.
    """
    if not is_integer(k) or not 1 <= k <= 20:
        raise ValueError(f"k={k!r} is outside the whole numbers 1 … 20")
    traces = (first, second)
    model = _one_model(traces)
    own = [_own_tokens(model, each) for each in traces]  # a sentence's {id: positions}
    shared = [id for id in own[0] if id in own[1]][:MOST_SHARED]
    if not shared:
        raise ValueError(f"the sentences share no token of {model.name}; give two that share one")
    if own[0].keys() | own[1].keys() == set(shared[:1]):
        raise ValueError("both sentences are the same token and nothing else; add some context")
    streams = [recorded_stream(each) for each in traces]  # (layer + 1, position, d_model)
    units = [F.normalize(_normed(model, stream), dim=-1) for stream in streams]

    places: dict[int, int] = {}  # of an id in words
    at, cosines, others, top, shares = [], [], [], [], []
    for id in shared:
        here = [each[id][-1] for each in own]
        one, other = (vectors[:, place] for vectors, place in zip(units, here))
        at.append(here)
        cosines.append((one * other).sum(dim=-1))
        crossed = [_to_others(one, units[1], own[1], id), _to_others(other, units[0], own[0], id)]
        others.append(torch.cat(crossed, dim=1).mean(dim=1))
        for stream, place in zip(streams, here):
            rows = read_out(model, stream[:, place])  # (layer + 1, vocab)
            best = rows.topk(k)
            ids = best.indices.flatten().tolist()
            top.append([places.setdefault(each, len(places)) for each in ids])
            shares.append((best.values - rows.logsumexp(dim=-1, keepdim=True)).exp())
    shape = (len(shared), 2, len(units[0]), k)
    numbers = {
        "at": torch.tensor(at),  # (shared, sentence)
        "cosines": torch.stack(cosines),  # (shared, layer + 1)
        "others": torch.stack(others),  # (shared, layer + 1)
        "top": torch.tensor(top).reshape(shape),
        "probabilities": torch.stack(shares).reshape(shape),
    }
    token = model.tokenizer.token
    state = {
        "model_name": model.name,
        "causal": model.config.architecture == "decoder",
        "sentences": [[visible(each.text) for each in trace.tokens] for trace in traces],
        "shared": [visible(token(id).text) for id in shared],
        "words": [visible(token(id).text) for id in places],
        **{name: array(values, "float32") for name, values in numbers.items()},
    }
    return state, numbers


def _one_model(traces: tuple[Trace, Trace]) -> LanguageModel:
    models = [each._need_model() for each in traces]
    if models[0] is not models[1]:
        raise ValueError("the two traces are of two models; trace both sentences with one")
    if models[0].config.architecture == "encoder-decoder":
        raise ValueError(f"{models[0].name} reads a source as well; give traces of one stack")
    return models[0]


def _own_tokens(model: LanguageModel, trace: Trace) -> dict[int, list[int]]:
    """The positions of each token, special ones such as <bos> left out."""
    found: dict[int, list[int]] = {}
    for position, token in enumerate(trace.tokens):
        if model.tokenizer.decode([token.id]):
            found.setdefault(token.id, []).append(position)
    return found


def _normed(model: LanguageModel, stream: Tensor) -> Tensor:
    """The stream as the head would read it, (layer + 1, position, d_model).

    The final norm is part of it: in the raw stream of a large model a few coordinates outgrow all
    others, and every two vectors look alike.
    """
    transformer = model.transformer
    if transformer.final_norm is None:
        return stream
    x = stream.to(model.device, transformer.stream_dtype)
    with torch.inference_mode():
        return transformer.final_norm(x).float().cpu()


def _to_others(vector: Tensor, units: Tensor, own: dict[int, list[int]], id: int) -> Tensor:
    """Cosines of a token's vector with the other tokens of a sentence, (layer + 1, token)."""
    places = [place for each, found in own.items() if each != id for place in found]
    return (vector[:, None] * units[:, places]).sum(dim=-1)
