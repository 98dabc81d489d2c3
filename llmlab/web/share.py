"""How much of a model's probability a part of its vocabulary holds."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..model import LanguageModel

LENGTH = 128  # tokens read of each text
SHORTEST = 32  # tokens of a text that is read: prose, not single words
MOST = 16  # texts read: each takes Gemma some seconds


def kept_share(model: LanguageModel, kept: list[int], texts: Iterable[str]) -> float | None:
    """The probability of the next token that falls on these ids, over all places of the first texts.

    Returns:
        The mean, from 0 to 1; None where no text is long enough.
    """
    shares = []
    columns = torch.tensor(kept, device=model.device)
    for text in texts:
        read = model.tokenizer.encode(text, special=True)[:LENGTH]
        if len(read) < SHORTEST:
            continue
        if len(shares) == MOST:
            break
        with torch.inference_mode():
            logits = model.transformer(torch.tensor([read], device=model.device)).logits[0].float()
            mass = (logits[:, columns].logsumexp(-1) - logits.logsumexp(-1)).exp()
        shares.append(mass.cpu())
    return float(torch.cat(shares).mean()) if shares else None
