"""What several measures ask a model."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...model import LanguageModel

ASKED = "问：如何进行机器学习？\n答："  # "Q: How does one do machine learning? A:"
DRINK = "小明今天感冒了。他应该多喝"  # Xiaoming has a cold today. He should drink more …
GATE = "我爱北京天安"  # I love Beijing's Tian'an-…
QUICKSORT = "请用 Python 写一个快速排序\n```python\n"
# Apples; Wang and Li; a cold; machine learning; Tian'anmen; three in English or code.
EIGHT_TEXTS = (
    "我喜欢吃苹果，因为苹果又甜又脆。",
    "小王把苹果递给了小李，因为他饿了。",
    "小明今天感冒了。他应该多喝水。",
    "如何进行机器学习？",
    "我爱北京天安门。",
    "The cat sat on the mat and looked at the moon.",
    "I like to eat apples because they are sweet.",
    "def add(a, b):\n    return a + b\n",
)


def shares(model: LanguageModel, text: str) -> Tensor:
    """The probability of each token to come next, (vocab,)."""
    return shares_after(model, model.encode(text))


def shares_after(model: LanguageModel, ids: Tensor) -> Tensor:
    """The same after ids, (1, position)."""
    with torch.inference_mode():
        logits = model.transformer(ids, last_only=True).logits[0, -1]
    return logits.double().softmax(dim=-1)


def id_of(model: LanguageModel, token: str) -> int:
    """The id of a text that is one token.

    Raises:
        ValueError: it is several.
    """
    ids = model.tokenizer.encode(token)
    if len(ids) != 1:
        raise ValueError(f"{token!r} is {len(ids)} tokens of {model.name}, and one is needed")
    return ids[0]


def share(model: LanguageModel, text: str, token: str) -> float:
    """The probability that a token comes next."""
    return float(shares(model, text)[id_of(model, token)])


def chance(model: LanguageModel, text: str, *tokens: str) -> float:
    """The probability that these tokens come next, one after another."""
    ids, found = model.encode(text), []
    for token in tokens:
        id = id_of(model, token)
        found.append(float(shares_after(model, ids)[id]))
        ids = torch.cat([ids, torch.tensor([[id]])], dim=1)
    return math.prod(found)


def rank(model: LanguageModel, text: str, token: str) -> int:
    """The place of a token in the next-token table, from 1."""
    all_shares = shares(model, text)
    return int((all_shares > all_shares[id_of(model, token)]).sum()) + 1


def recorded(model: LanguageModel, text: str, name: str) -> Tensor:
    """One quantity of a run, as in a trace, without the logits of every position."""
    with torch.inference_mode():
        run = model.transformer(model.encode(text), record=(name,), last_only=True)
    return run.recording[name][0]


def weights(model: LanguageModel, text: str) -> Tensor:
    """Attention, (layer, head, query, key)."""
    return recorded(model, text, "attention")


def of_ids(model: LanguageModel, pieces: tuple[str, ...], *record: str) -> dict[str, Tensor]:
    """A recording of a text that is given as tokens, whatever the tokenizer would make of it."""
    ids = [model.tokenizer.bos_id, *(id_of(model, piece) for piece in pieces)]
    with torch.inference_mode():
        run = model.transformer(torch.tensor([ids]), record=record, last_only=True)
    return {name: value[0] for name, value in run.recording.items()}


def head(index: int, model: LanguageModel) -> str:
    """A head's name, "layer.head", from its place among all heads."""
    return f"{index // model.config.n_heads}.{index % model.config.n_heads}"


def alike(a: Tensor, b: Tensor) -> float:
    """The cosine of the angle between two vectors."""
    return float(torch.cosine_similarity(a, b, dim=-1))
