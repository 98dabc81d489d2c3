"""Next-token probabilities beside the exact ones of the small world.

The world speaks of characters and a model of tokens. Both are compared at places where the two
mean the same: where the tokens so far are those of the text so far whatever comes next, so that
no token that could have reached further has been ruled out. What is compared there is the
distribution of the character that begins the next token (after a space: of the space and the
character behind it), or that the text ends. Where a word with a space before it begins as one
token and some longer word does not, the model's probability of a bare space counts as misplaced:
there the comparison errs against the model.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..corpus.world import Text, World
from ..model import LanguageModel
from .reliability import EDGES, Bins, Reliability
from .scoring import text_ids
from .spans import token_spans

SHORTEST = 4  # characters: the world takes long to sum over all that begins with fewer
END = ""


@dataclass(frozen=True)
class Following:
    """A place in a text, and what can come next there.

    Attributes:
        ids: the tokens up to there.
        probabilities: of each beginning of a token; "" is the end of the text.
    """

    text: str
    ids: tuple[int, ...]
    probabilities: dict[str, float]


@dataclass(frozen=True)
class ExactComparison:
    """A model's next-character distributions beside the world's.

    Attributes:
        n: how many places were compared.
        divergence: mean Kullback–Leibler divergence of the model from the world, nats.
        total_variation: mean of half the sum of |difference|: the probability misplaced.
        entropy: of the world's distributions, mean, nats; the divergence comes on top of it.
        reliability: predicted probabilities against the exact ones.
    """

    n: int
    divergence: float
    total_variation: float
    entropy: float
    reliability: Reliability


def compare_with_exact(
    model: LanguageModel, world: World, texts: Sequence[Text], seed: int = 0
) -> ExactComparison:
    """Compare at one place of each text, those left out that have no fitting one.

    Raises:
        ValueError: no text has a place where tokens and characters can be compared.
    """
    pick, labels = random.Random(seed), beginnings(model)
    found = (place(model, labels, world, text, pick) for text in texts)
    places = [following for following in found if following is not None]
    if not places:
        raise ValueError("no text has a place where tokens and characters can be compared")
    names = sorted(set(labels))
    number = {name: i for i, name in enumerate(names)}
    index = torch.tensor([number[label] for label in labels])
    bins = Bins(EDGES)
    divergence = variation = entropy = 0.0
    for following in places:
        ids = torch.tensor([following.ids], device=model.device)
        with torch.inference_mode():
            logits = model.transformer(ids, last_only=True).logits[0, -1].double().cpu()
        log_total = logits.logsumexp(0)
        summed = torch.zeros(len(names), dtype=torch.float64)
        predicted = summed.index_add(0, index, (logits - log_total).exp()).numpy()
        true = np.zeros(len(names))
        for name, probability in following.probabilities.items():
            true[number[name]] = probability
        bins.add(predicted, true)
        variation += float(np.abs(predicted - true).sum()) / 2
        said = true > 0
        entropy -= float((true[said] * np.log(true[said])).sum())
        with np.errstate(divide="ignore"):
            divergence += float((true[said] * np.log(true[said] / predicted[said])).sum())
    n = len(places)
    return ExactComparison(n, divergence / n, variation / n, entropy / n, bins.reliability(n))


def place(
    model: LanguageModel,
    labels: Sequence[str],  # from beginnings
    world: World,
    text: Text,
    pick: random.Random,
    tries: int = 4,
) -> Following | None:
    """A random place of a text at which characters and tokens can be compared, if one is found."""
    ids = text_ids(model, text.text)
    spans = token_spans(model.tokenizer, text.text)
    starts = [start for start, _ in spans[1:]] + [len(text.text)]
    fitting = [  # behind whole characters, not inside the bytes of one
        (n_tokens, end)
        for n_tokens, ((_, end), following) in enumerate(zip(spans, starts, strict=True), 2)
        if SHORTEST <= end <= following
    ]
    for n_tokens, end in pick.sample(fitting, min(tries, len(fitting))):
        prefix, before = text.text[:end], ids[:n_tokens]
        found = _following(model, labels, world, prefix, text.language, before)
        if found is not None:
            return Following(prefix, tuple(before), found)
    return None


def beginnings(model: LanguageModel) -> list[str]:
    """What each token begins with: a character, or a space and a character; "" ends the text.

    A token that is no whole character, or stands for no text, is written "<id>".
    """
    tokenizer = model.tokenizer
    found = []
    for id in range(model.config.vocab_size):
        label = f"<{id}>"
        if id in tokenizer.eos_ids:
            label = END
        elif id < tokenizer.vocab_size and tokenizer.decode([id, id]):
            try:
                text = tokenizer.token(id).bytes.decode()
                label = text[:2] if text[0] == " " else text[:1]
            except UnicodeDecodeError:
                pass
        found.append(label)
    return found


def _following(
    model: LanguageModel,
    labels: Sequence[str],
    world: World,
    prefix: str,
    language: str,
    before: list[int],
) -> dict[str, float] | None:
    """The exact probabilities of the next token's beginnings; None where they are not decided."""
    known = set(labels)
    found: dict[str, float] = {}

    def add(piece: str, probability: float) -> bool:
        ids = text_ids(model, prefix + piece)
        if ids[: len(before)] != before:
            return False
        label = labels[ids[len(before)]]
        if label == " " and piece in known:  # more characters may yet join the space
            return False
        found[label] = found.get(label, 0.0) + probability
        return True

    for character, probability in world.next_characters(prefix, language).items():
        if character != " ":
            if not add(character, probability):
                return None
            continue
        for second, share in world.next_characters(prefix + " ", language).items():
            if not add(" " + second, probability * share):
                return None
    return found
