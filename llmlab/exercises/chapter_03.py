"""Checks of chapter 3, generating language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .answers import CLOSE, call, kind, near, numbers, whole_numbers

# Exercise 3.1: the chapter's step with top-k 4, rounded as its table is, and the draws to place.
CANDIDATES = ("水", "点", "些", "一些")
PROBABILITIES = (0.283, 0.213, 0.181, 0.045)  # over the whole vocabulary
SAMPLING = (0.392, 0.295, 0.250, 0.062)  # after top-k
DRAWS = (0.70, 0.05, 0.40, 0.95)

# Exercise 3.2, numbers chosen: four shares, and the filters they pass through.
SHARES, TEMPERATURE, TOP_P = torch.tensor([0.4, 0.3, 0.2, 0.1]), 0.5, 0.8

# Exercise 3.3: logits in no order, whose shares are 5, 40, 10, 30 and 15 per cent.
LOGITS = torch.tensor([0.05, 0.4, 0.1, 0.3, 0.15]).log() + 3

# Exercise 3.4: prompts, draws, and the id that ends a text; it comes early in the second.
PROMPTS = ([6, 1, 5], [4, 1])
WRITING_DRAWS = ([0.45, 0.50, 0.81, 0.02, 0.16, 0.33], [0.35, 0.72, 0.55, 0.91, 0.28, 0.66])
END, VOCAB_SIZE = 0, 7

ROUNDED = 0.006  # a number given to two decimals


def check_3_1(answer: Any) -> str | None:
    """Which candidate each draw falls on."""
    if isinstance(answer, str) or not isinstance(answer, list | tuple):
        return f"expected a list of {len(DRAWS)} tokens, one for each draw, and got {kind(answer)}"
    given = [str(token).strip() for token in answer]
    unknown = [token for token in given if token not in CANDIDATES]
    if unknown:
        return f"{unknown[0]!r} is not a token of the table: write the tokens as they stand there"
    if len(given) != len(DRAWS):
        return f"expected {len(DRAWS)} tokens, one for each draw, and got {len(given)}"
    right = [_fallen_on(draw, SAMPLING) for draw in DRAWS]
    if given == right:
        return None
    mistakes = {
        "you added up p over the whole vocabulary: the draw falls on the sampling probabilities, "
        "which sum to 1": [_fallen_on(draw, PROBABILITIES) for draw in DRAWS],
        "you took the likeliest for every draw: that is greedy, and no draw is needed for it":
            [CANDIDATES[0]] * len(DRAWS),
        "you took the token whose own share is nearest to the draw: add the shares up, from the "
        "top, until the sum exceeds the draw":
            [min(zip(SAMPLING, CANDIDATES), key=lambda row: abs(row[0] - d))[1] for d in DRAWS],
        "one line too early: the token is the first whose cumulative sum exceeds the draw":
            [CANDIDATES[max(CANDIDATES.index(token) - 1, 0)] for token in right],
        "you began at the bottom of the table: shares are added up from the likeliest down":
            [_fallen_on(1 - draw, SAMPLING) for draw in DRAWS],
    }
    for message, wrong in mistakes.items():
        if given == wrong:
            return message
    place = next(i for i, token in enumerate(right) if given[i] != token)
    return (
        f"the draw {DRAWS[place]:.2f} does not fall on {given[place]}: add the sampling "
        "probabilities up, from the top, until the sum exceeds it"
    )


def _fallen_on(draw: float, shares: Sequence[float]) -> str:
    """The first candidate at which the sum of the shares exceeds the draw; else the last."""
    total = 0.0
    for token, share in zip(CANDIDATES, shares):
        total += share
        if total > draw:
            return token
    return CANDIDATES[-1]


def check_3_2(answer: Any) -> str | None:
    """Four sampling probabilities, after a temperature and then top-p."""
    given = numbers(answer)
    if given is None or len(given) != len(SHARES):
        return f"expected four numbers, 0 for a token that is dropped, and got {kind(answer)}"
    sharp = _warmed(TEMPERATURE)
    right = _cut(sharp, TOP_P)
    if near(given, right, ROUNDED):
        return None
    kept = right > 0
    mistakes = {
        "these are per cent: give probabilities, which sum to 1": 100 * right,
        "you let top-p choose before the temperature: the temperature comes first":
            _normal(_normal(SHARES * (_cut(SHARES, TOP_P) > 0)) ** (1 / TEMPERATURE)),
        "the temperature does nothing: at 0.5 each share is squared, then divided by the new sum":
            _cut(SHARES, TOP_P),
        "that is temperature 2, where one takes square roots: at 0.5 each share is squared":
            _cut(_warmed(1 / TEMPERATURE), TOP_P),
        "the right tokens are kept; now divide what is kept by its own sum": sharp * kept,
        "the squares are right; divide what is kept by its own sum": SHARES**2 * kept,
        "the temperature is right; now top-p drops the tokens that are not needed to reach 0.8":
            sharp,
        "top-p keeps the token with which the sum reaches 0.8, too": _cut(sharp, 0.5),
    }
    for message, wrong in mistakes.items():
        if near(given, wrong, max(ROUNDED, 0.005 * wrong.abs().max().item())):
            return message
    if abs(given.sum().item() - 1) > 0.02:
        return f"your numbers sum to {given.sum().item():.2f}: what is kept must sum to 1"
    return (
        "your numbers sum to 1 but are not what the draw falls on: square, divide by the sum, "
        "keep the fewest that reach 0.8, divide again"
    )


def _normal(shares: Tensor) -> Tensor:
    return shares / shares.sum()


def _warmed(temperature: float) -> Tensor:
    """The four shares at this temperature."""
    return _normal(SHARES ** (1 / temperature))


def _cut(shares: Tensor, p: float) -> Tensor:
    """Falling shares after top-p, divided by the sum of those that are kept."""
    return _normal(shares * (shares.cumsum(0) - shares < p))


def check_3_3(answer: Any) -> str | None:
    """top_p(logits, p): the sampling probabilities, in the order of the logits."""
    for p in (0.5, 0.8, 0.25, 1.0):
        logits = LOGITS.clone()
        got, problem = call(answer, logits, p)
        if problem:
            return problem
        if not torch.equal(logits, LOGITS):
            return "your function changes the logits it was given: make a new tensor"
        mistake = _top_p_mistake(got, p)
        if mistake:
            return mistake
    return None


def _top_p_mistake(got: Any, p: float) -> str | None:
    given = numbers(got) if isinstance(got, Tensor | list | tuple) else None
    if given is None:
        return f"expected a tensor of probabilities from your function, and got {kind(got)}"
    if isinstance(got, Tensor) and got.dtype == torch.bool:
        return "this says which tokens are kept: return their probabilities, 0 for the others"
    shares = LOGITS.softmax(0)
    if len(given) != len(shares):
        return (
            f"expected {len(shares)} probabilities, one for each logit and 0 for a dropped token, "
            f"and got {len(given)}"
        )
    if given.isnan().any():
        return (
            f"nan at p = {p:g}, as nothing is kept: p is for the sum of the likeliest, and the "
            "token with which the sum reaches p stays"
        )
    ordered, order = shares.sort(descending=True)
    before = ordered.cumsum(0) - ordered  # the mass before each token

    def kept(mask: Tensor) -> Tensor:
        """The probabilities in the order of the logits, where `mask` is in falling order."""
        return torch.zeros_like(shares).scatter(0, order, _normal(ordered * mask))

    right = kept(before < p)
    if near(given, right):
        return None
    rising = shares.sort().values
    from_below = (rising.cumsum(0) - rising < p).flip(0)
    mistakes = {
        "the probabilities are right but stand in falling order: put each back at the place of "
        "its logit": _normal(ordered * (before < p)),
        "the right tokens are kept; now divide by their sum": shares * (right > 0),
        "these are logits: take softmax of what is kept":
            LOGITS.masked_fill(right == 0, -torch.inf),
        "you drop the token with which the sum reaches p: it stays, or the sum never gets there":
            kept(ordered.cumsum(0) <= p),
        "you keep one token too many: stop with the one that makes the sum reach p":
            kept(torch.cat((torch.tensor([True]), before[:-1] < p))),
        "you add up in the order of the vocabulary: sort first, the likeliest in front":
            _normal(shares * (shares.cumsum(0) - shares < p)),
        "you begin with the least likely: sort in falling order": kept(from_below),
        "nothing is dropped: p does nothing": shares,
    }
    for message, wrong in mistakes.items():
        if near(given, wrong):
            return message
    return (
        f"at p = {p:g} the kept tokens are numbers {(right > 0).nonzero().flatten().tolist()} "
        f"(from 0), and you keep {(given > CLOSE).nonzero().flatten().tolist()}"
        if not torch.equal(given > CLOSE, right > 0)
        else f"at p = {p:g} you keep the right tokens, and their probabilities are not right"
    )


def check_3_4(answer: Any) -> str | None:
    """write_ids(next_logits, ids, draws, end): the ids that a loop of draws writes."""
    for prompt, draws in zip(PROMPTS, WRITING_DRAWS):
        mistake = _writing_mistake(answer, prompt, draws)
        if mistake:
            return mistake
    return None


def _writing_mistake(answer: Any, prompt: list[int], draws: list[float]) -> str | None:
    given, asked = list(prompt), []

    def next_logits(ids: Sequence[int]) -> Tensor:
        asked.append(len(ids))
        return small_model(ids)

    got, problem = call(answer, next_logits, given, list(draws), END)
    if problem:
        return problem
    written = whole_numbers(got)
    if written is None:
        return f"expected a list of ids from your function, and got {kind(got)}"
    right = _write(small_model, prompt, draws)
    if written == right:
        if given != prompt:
            return "right, but your function changes the prompt's list: make a new one"
        if len(asked) > len(right):
            return (
                f"the ids are right, but the model was asked {len(asked)} times for {len(right)} "
                "tokens: stop at the end token, and ask once a token"
            )
        return None
    mistakes = {
        "nothing was appended: the model read the prompt alone at every step":
            _write(small_model, prompt, draws, append=False),
        "the model read only the last token at each step: give it all that is written so far":
            _write(small_model, prompt, draws, window=1),
        "you took the likeliest token: the draw decides":
            _write(small_model, prompt, draws, choose=_likeliest),
        "you added up in the order of the vocabulary: sort the shares first, the likeliest in "
        "front": _write(small_model, prompt, draws, choose=_unsorted),
        "this is the rank of each token in the sorted shares: return its id":
            _write(small_model, prompt, draws, choose=_rank),
        "the first draw chose every token: each step has its own":
            _write(small_model, prompt, draws[:1] * len(draws)),
        "you went on after the end token: stop as soon as it was chosen":
            _write(small_model, prompt, draws, stop=False),
        "the end token is missing: it was chosen, so it is the last id":
            [id for id in right if id != END],
        "return the new ids alone, without the prompt": prompt + right,
        "only the first token is there: repeat, one token for each draw": right[:1],
        "only the last token is there: collect them all": right[-1:],
    }
    for message, wrong in mistakes.items():
        if written == wrong:
            return message
    if len(written) != len(right):
        return f"expected {len(right)} ids after the prompt {prompt}, and got {len(written)}"
    place = next(i for i, id in enumerate(right) if written[i] != id)
    return f"after the prompt {prompt} the ids differ first at step {place}"


def small_model(ids: Sequence[int]) -> Tensor:
    """Logits, (vocab,), that depend on every id and on its place."""
    state = sum((place + 1) * int(id) for place, id in enumerate(ids))
    return 2 * torch.cos(0.9 * state + 1.7 * torch.arange(VOCAB_SIZE))


def _write(
    next_logits: Callable[[Sequence[int]], Tensor],
    prompt: Sequence[int],
    draws: Sequence[float],
    *,
    choose: Callable[[Tensor, float], int] | None = None,
    append: bool = True,
    window: int | None = None,
    stop: bool = True,
) -> list[int]:
    """What the loop writes; the options are the mistakes that are made in it."""
    ids = list(prompt)
    for draw in draws:
        seen = ids if append else list(prompt)
        logits = next_logits(seen if window is None else seen[-window:])
        ids.append((choose or _drawn)(logits.softmax(0), draw))
        if stop and ids[-1] == END:
            break
    return ids[len(prompt) :]


def _rank(shares: Tensor, draw: float) -> int:
    ordered = shares.sort(descending=True).values
    return min(int((ordered.cumsum(0) <= draw).sum()), len(shares) - 1)


def _drawn(shares: Tensor, draw: float) -> int:
    return int(shares.argsort(descending=True)[_rank(shares, draw)])


def _unsorted(shares: Tensor, draw: float) -> int:
    return min(int((shares.cumsum(0) <= draw).sum()), len(shares) - 1)


def _likeliest(shares: Tensor, draw: float) -> int:
    return int(shares.argmax())


CHECKS = {"3.1": check_3_1, "3.2": check_3_2, "3.3": check_3_3, "3.4": check_3_4}
