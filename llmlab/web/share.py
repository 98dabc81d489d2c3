"""How much of a model's probability a part of its vocabulary holds."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..model import LanguageModel

LENGTH = 128  # tokens read of each text


def kept_share(model: LanguageModel, kept: list[int], texts: Iterable[str]) -> float | None:
    """The probability of the next token that falls on these ids, over all places of some texts.

    Returns:
        The mean, from 0 to 1; None without a text.
    """
    shares = []
    columns = torch.tensor(kept, device=model.device)
    for text in texts:
        read = model.tokenizer.encode(text, special=True)[:LENGTH]
        with torch.inference_mode():
            logits = model.transformer(torch.tensor([read], device=model.device)).logits[0].float()
            mass = (logits[:, columns].logsumexp(-1) - logits.logsumexp(-1)).exp()
        shares.append(mass.cpu())
    return float(torch.cat(shares).mean()) if shares else None
