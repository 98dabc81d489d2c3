"""Greedy decoding of many prompts side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor

from ..checks import check_count
from ..model import LanguageModel

ROWS = 64


def greedy(
    model: LanguageModel, prompts: Sequence[str], max_new_tokens: int, rows: int = ROWS
) -> list[str]:
    """The most probable token, again and again, to <eos> or so many tokens: a text a prompt.

    For an encoder-decoder the prompts are sources. As ``llmlab.generate`` with ``top_k=1``, for
    many prompts at once: those of equal length go through a decoder together, and sources of
    like length, padded, through an encoder.

    Args:
        rows: how many go together at most.

    Raises:
        ValueError: an empty prompt, one longer than the context, an encoder, or a count below 1.
    """
    check_count("max_new_tokens", max_new_tokens)
    check_count("rows", rows)
    architecture = model.config.architecture
    if architecture == "encoder":
        raise ValueError(f"{model.name} is an encoder and cannot continue a text; load a decoder")
    ids = [model.encode(prompt)[0] for prompt in prompts]
    texts = [""] * len(prompts)
    for batch in _batches(ids, rows, same_length=architecture == "decoder"):
        if architecture == "decoder":
            start, source, mask = torch.stack([ids[i] for i in batch]), None, None
        else:
            start = model.encode_target().expand(len(batch), -1)
            source, mask = padded([ids[i] for i in batch], _padding(model))
        chosen = _continue(model, start, source, mask, max_new_tokens)
        for i, row in zip(batch, chosen.tolist(), strict=True):
            texts[i] = model.tokenizer.decode(up_to_end(row, model.tokenizer.eos_ids))
    return texts


def padded(sequences: Sequence[Tensor], padding: int) -> tuple[Tensor, Tensor]:
    """Sequences as rows of one length, (row, position), and where they have real tokens."""
    lengths = torch.tensor([len(s) for s in sequences], device=sequences[0].device)
    ids = torch.nn.utils.rnn.pad_sequence(list(sequences), True, padding)
    return ids, torch.arange(ids.size(1), device=ids.device) < lengths[:, None]


def up_to_end(ids: Sequence[int], eos_ids: frozenset[int]) -> list[int]:
    """The ids before the first that ends a text."""
    at = next((i for i, id in enumerate(ids) if id in eos_ids), len(ids))
    return list(ids[:at])


@torch.inference_mode()
def _continue(
    model: LanguageModel,
    ids: Tensor,  # (row, position)
    source: Tensor | None,  # (row, source position)
    source_mask: Tensor | None,
    max_new_tokens: int,
) -> Tensor:
    """The chosen tokens, (row, step); what stands behind a row's <eos> has no meaning."""
    length = min(ids.size(1) + max_new_tokens, model.config.context_length + 1)
    cache = model.transformer.new_cache(len(ids), length)
    ends = torch.tensor(sorted(model.tokenizer.eos_ids), device=ids.device)
    is_done = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    new, chosen = ids, []
    for _ in range(length - ids.size(1)):
        output = model.transformer(
            new, source=source, source_mask=source_mask, cache=cache, last_only=True
        )
        new = output.logits[:, -1].argmax(-1, keepdim=True)
        chosen.append(new)
        is_done |= torch.isin(new[:, 0], ends)
        if is_done.all():
            break
    return torch.cat(chosen, dim=1)


def _batches(ids: Sequence[Tensor], rows: int, same_length: bool) -> Iterator[list[int]]:
    order = sorted(range(len(ids)), key=lambda i: (len(ids[i]), i))
    groups = [list(g) for _, g in groupby(order, key=lambda i: len(ids[i]))]
    for group in groups if same_length else [order]:
        yield from (group[at : at + rows] for at in range(0, len(group), rows))


def _padding(model: LanguageModel) -> int:
    return 0 if model.tokenizer.pad_id is None else model.tokenizer.pad_id
