"""What a decoder-only model expects to come next in texts, a batch of texts at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..model import LanguageModel

LOGITS_AT_ONCE = 1 << 24  # 64 MB in float32
NO_TARGET = -1


@dataclass(frozen=True, eq=False)
class Scored:
    """A batch of texts and the logits of all their tokens.

    Attributes:
        rows: which of the given texts these are.
        logits: (row, position, vocab), float32.
        targets: (row, position), the token that follows, <eos> at last; NO_TARGET in the padding.
    """

    rows: list[int]
    logits: Tensor
    targets: Tensor

    @property
    def is_target(self) -> Tensor:
        return self.targets != NO_TARGET


def text_ids(model: LanguageModel, text: str) -> list[int]:
    """A text's tokens between the one that begins a text and the one that ends it, both included.

    A tokenizer without a beginning token has the end of the text before instead.

    Raises:
        ValueError: a tokenizer without a token that ends a text, or a text longer than the
            context.
    """
    tokenizer = model.tokenizer
    if not tokenizer.eos_ids:
        raise ValueError(f"{model.name} has no token that ends a text; evaluation needs one")
    eos = min(tokenizer.eos_ids)
    begin = eos if tokenizer.bos_id is None else tokenizer.bos_id
    ids = [begin, *tokenizer.encode(text), eos]
    if len(ids) - 1 > model.config.context_length:
        raise ValueError(
            f"a text has {len(ids) - 1:,} tokens and {model.name} reads at most "
            f"{model.config.context_length:,}: {text[:40]!r}…"
        )
    return ids


@torch.inference_mode()
def scored(model: LanguageModel, texts: Sequence[str]) -> Iterator[Scored]:
    """The logits of all texts, in batches of texts of like length.

    Padding stands at the end, where a causal model does not see it, so that no mask is needed.

    Raises:
        ValueError: a model that is no decoder alone, or what ``text_ids`` raises.
    """
    if model.config.architecture != "decoder":
        raise ValueError(
            f"{model.name} is an {model.config.architecture}; the probability of a text needs a "
            "decoder-only model"
        )
    sequences = [text_ids(model, text) for text in texts]
    most = max(1, LOGITS_AT_ONCE // model.config.vocab_size)
    for rows in batches([len(ids) - 1 for ids in sequences], most):
        length = max(len(sequences[row]) for row in rows)
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        targets = torch.full((len(rows), length - 1), NO_TARGET)
        for i, row in enumerate(rows):
            here = torch.tensor(sequences[row])
            ids[i, : len(here)] = here
            targets[i, : len(here) - 1] = here[1:]
        logits = model.transformer(ids[:, :-1].to(model.device)).logits
        yield Scored(rows, logits.float(), targets.to(model.device))


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Rows of like length together, shortest first; padded, no batch is larger than ``most``."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
        if batch and (len(batch) + 1) * lengths[row] > most:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def log_probabilities(model: LanguageModel, texts: Sequence[str]) -> list[float]:
    """log p of each text and its end, in nats, cut into tokens as the tokenizer cuts it.

    Another cutting would spell the same text; what the model gives to those is not counted, so
    that this is a lower bound, and nearly all there is.
    """
    found = [0.0] * len(texts)
    for batch in scored(model, texts):
        chosen = batch.logits.gather(-1, batch.targets.clamp_min(0)[..., None])[..., 0]
        each = (chosen - batch.logits.logsumexp(-1)).masked_fill(~batch.is_target, 0.0)
        for row, total in zip(batch.rows, each.double().sum(1).tolist(), strict=True):
            found[row] = total
    return found
