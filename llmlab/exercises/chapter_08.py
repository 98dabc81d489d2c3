"""Checks of chapter 8, softmax."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .answers import CLOSE, call, call_for_tensor, kind, near, number, numbers, sample

# Exercise 8.1, numbers chosen: three scores, and the temperature of their softmax.
SCORES, TEMPERATURE = torch.tensor([4.0, 1.0, -1.0]), 2.0

# Exercise 8.2: two shares that a softmax gave.
SHARES = (0.8, 0.2)

# Exercise 8.4: logits in no order, so that the first k are not the largest k.
LOGITS = torch.tensor([0.5, -2.0, 3.0, 1.5, -4.0, 2.0, -1.0, 0.0])

ROUNDED = 0.006  # a number given to two decimals


def check_8_1(answer: Any) -> str | None:
    """Three shares from three scores, at a temperature that is not 1."""
    row = numbers(answer)
    if row is None or len(row) != 3:
        return f"expected three numbers, one share for each score, and got {kind(answer)}"
    scaled = SCORES / TEMPERATURE
    right = scaled.softmax(-1)
    if near(row, right, ROUNDED):
        return None
    mistakes = {
        "these are per cent: give shares, which sum to 1": 100 * right,
        "you multiplied by the temperature: divide the scores by it":
            (SCORES * TEMPERATURE).softmax(-1),
        "these are the shares at temperature 1: divide the scores by the temperature first":
            SCORES.softmax(-1),
        "you divided the shares by the temperature: divide the scores, before exp":
            SCORES.softmax(-1) / TEMPERATURE,
        "exp is right, the last step is missing: divide each by the sum of the three":
            scaled.exp(),
        "you divided the scores by their sum: take exp of each first, then divide":
            SCORES / SCORES.sum(),
        "these are the scores divided by the temperature: take exp of each, divide by the sum":
            scaled,
        "you took powers of 2: softmax takes powers of e": (scaled * math.log(2)).softmax(-1),
        "the shares are right, their order is not: one for each score, in the scores' order":
            right.flip(0),
    }
    for message, wrong in mistakes.items():
        if near(row, wrong, max(ROUNDED, 0.005 * wrong.abs().max().item())):
            return message
    if abs(row.sum().item() - 1) > 0.02:
        return f"your shares sum to {row.sum().item():.2f}: they must sum to 1"
    return "your shares sum to 1 but are not these scores': divide by the temperature, exp, divide"


def check_8_2(answer: Any) -> str | None:
    """The difference of two scores from their two shares."""
    given = number(answer)
    if given is None:
        return f"expected one number, the difference of the scores, and got {kind(answer)}"
    larger, smaller = SHARES
    ratio = larger / smaller
    right = math.log(ratio)
    if abs(given - right) < ROUNDED:
        return None
    # The difference of the shares and the decimal logarithm lie 0.002 apart.
    mistakes = [
        ("the sign is the other way round: take the larger score minus the smaller", -right, 0.006),
        ("this is the difference of the shares: scores differ by a logarithm of a ratio",
         larger - smaller, 0.001),
        ("this is the ratio of the shares: which power of e is it", ratio, 0.006),
        ("this is a logarithm to base 10: softmax takes powers of e, so use math.log",
         math.log10(ratio), 0.001),
        ("this is a logarithm to base 2: softmax takes powers of e, so use math.log",
         math.log2(ratio), 0.006),
        ("this is the logarithm of one share: divide the two shares first",
         math.log(larger), 0.006),
        ("this is the logarithm of one share: divide the two shares first",
         math.log(smaller), 0.006),
        ("this is e to the power of the ratio: it is the other way round, the ratio is e to "
         "the power of the difference", math.exp(ratio), 0.06),
    ]
    for message, wrong, within in mistakes:
        if abs(given - wrong) < within:
            return message
    if not -700 < given < 700:
        return "with such a difference the smaller share is 0: the ratio of the shares is 4"
    return (
        f"with this difference the larger share would be {100 / (1 + math.exp(-given)):.1f} %: "
        "which difference gives 80 %"
    )


def check_8_3(answer: Any) -> str | None:
    """softmax(scores, dim), for any axis and for scores of any size."""
    small = sample(3, 3, 3)  # a cube: a lost axis shows in the numbers
    for dim in (-1, 1, 0):
        mistake = _softmax_mistake(answer, small, dim)
        if mistake:
            return mistake
    unequal = sample(2, 3, 4)
    got, problem = call_for_tensor(answer, unequal.clone(), 1)
    if problem or not near(got, unequal.softmax(1)):
        reason = problem or "the shares differ"
        return f"right where all axes are equally long, but not for shape (2, 3, 4): {reason}"
    before = unequal.clone()
    call(answer, before, -1)
    if not torch.equal(before, unequal):
        return "your function changes the scores it was given: make a new tensor, no -= and no out="
    # One row is far above the other, so that each needs its own largest score.
    far = torch.tensor([[1000.0, 998.0, 997.0], [-1000.0, -1002.0, -1003.0]])
    got, problem = call_for_tensor(answer, far.clone(), -1)
    if problem:
        return f"right for small scores, but not for scores around 1000: {problem}"
    if near(got, far.softmax(-1)):
        return _masked_mistake(answer)
    if got.isfinite().all(-1).tolist() == [True, False]:
        return (
            "you subtract the largest of the whole tensor, and exp gives 0 in all of a lower row: "
            "subtract the largest along the axis"
        )
    if got.isnan().any():
        return (
            "right for small scores, but nan for scores around 1000: subtract the largest "
            "before exp"
        )
    return "right for small scores, but not for scores around 1000 and -1000"


def _softmax_mistake(answer: Any, scores: Tensor, dim: int) -> str | None:
    """None, or which way of going wrong gives exactly these shares."""
    got, problem = call_for_tensor(answer, scores.clone(), dim)
    if problem:
        return problem
    if got.shape != scores.shape:
        return f"expected shares of the scores' shape {tuple(scores.shape)}, got {tuple(got.shape)}"
    if near(got, scores.softmax(dim)):
        return None
    powers = scores.exp()
    shifted = (scores - scores.amax(dim, keepdim=True)).exp()
    mistakes = {
        "these are the powers: divide them by their sum along the axis": powers,
        "largest subtracted and exp taken; now divide by the sum along the axis": shifted,
        "this is the logarithm of softmax: take exp of it": scores.log_softmax(dim),
        "you divided the scores by their sum: take exp of each first":
            scores / scores.sum(dim, keepdim=True),
        "you divided by the sum of the whole tensor: sum along the axis dim only":
            powers / powers.sum(),
        "you took powers of 2: softmax takes powers of e": (scores * math.log(2)).softmax(dim),
    }
    for message, wrong in mistakes.items():
        if near(got, wrong):
            return message
    for other in range(3):
        if other != dim % 3 and near(got, scores.softmax(other)):
            return f"asked for dim={dim}, your shares sum to one along dim={other}: use dim"
    for kept in (powers, shifted):
        if near(got, kept / kept.sum(dim)):
            return "the sum has lost its axis, so it divides the wrong numbers: keepdim=True"
    total = got.sum(dim)
    if not near(total, torch.ones_like(total), 1e-3):
        first = total.flatten()[0]
        return f"with dim={dim}, a row of your shares sums to {first:.3f}, and not to 1"
    return f"with dim={dim}, your shares sum to one but are not softmax: powers of e of what"


def _masked_mistake(answer: Any) -> str | None:
    """A score of minus infinity has the share 0; a mask relies on it."""
    masked = torch.tensor([[1.0, 2.0, -math.inf]])
    got, problem = call_for_tensor(answer, masked.clone(), -1)
    if problem or not near(got, masked.softmax(-1)):
        return "right, except that a score of -inf must have the share 0: a mask relies on it"
    return None


def check_8_4(answer: Any) -> str | None:
    """top_share(logits, temperature, k): what the k likeliest hold together."""
    for temperature, k in ((2.0, 3), (0.5, 2), (1.0, 4)):
        mistake = _top_share_mistake(answer, temperature, k)
        if mistake:
            return mistake
    # A row of logits such as Gemma gives, at a temperature where exp alone overflows.
    got, problem = _called_number(answer, 100 * LOGITS, 0.1, 2)
    if problem:
        return f"right for small numbers, but not at temperature 0.1: {problem}"
    if math.isnan(got):
        return "right for small numbers, but nan where exp overflows: subtract the largest first"
    return None if abs(got - 1) < CLOSE else "right for small numbers, but not at temperature 0.1"


def _top_share_mistake(answer: Any, temperature: float, k: int) -> str | None:
    got, problem = _called_number(answer, LOGITS.clone(), temperature, k)
    if problem:
        return problem

    def mass(probabilities: Tensor) -> float:
        return probabilities.topk(k).values.sum().item()

    scaled = LOGITS / temperature
    shares = scaled.softmax(-1)
    right = mass(shares)
    if abs(got - right) < CLOSE:
        return None
    mistakes = {
        "this is per cent: return the share, between 0 and 1": 100 * right,
        "you multiplied by the temperature: divide the logits by it":
            mass((LOGITS * temperature).softmax(-1)),
        "the temperature does nothing: divide the logits by it": mass(LOGITS.softmax(-1)),
        "you divided the shares by the temperature: divide the logits, before softmax":
            mass(LOGITS.softmax(-1)) / temperature,
        "this is what all the others hold: return the share of the k likeliest": 1 - right,
        "you took the first k of the row: take the k largest, wherever they stand":
            shares[:k].sum().item(),
        "you took the k least likely: take the k largest": 1 - mass_above(shares, k),
        "softmax over the k alone sums to 1 always: take softmax over all, then choose": 1.0,
        "this is the share of one token: add up the k largest": shares.max().item(),
        "these are the k largest logits added up: softmax comes first":
            LOGITS.topk(k).values.sum().item(),
        "these are powers of e added up: divide by the sum over all tokens":
            mass(scaled.exp()),
    }
    for message, wrong in mistakes.items():
        if abs(got - wrong) < CLOSE and abs(wrong - right) > CLOSE:
            return message
    return f"at temperature {temperature:g} the {k} likeliest hold {right:.3f}, not {got:.3f}"


def mass_above(shares: Tensor, k: int) -> float:
    """What all but the k smallest shares sum to."""
    return shares.topk(len(shares) - k).values.sum().item()


def _called_number(function: Any, *arguments: Any) -> tuple[float, str | None]:
    """The number that the reader's function returns, or what stopped it."""
    got, problem = call(function, *arguments)
    if problem:
        return math.nan, problem
    if isinstance(got, Tensor) and got.numel() > 1:
        return math.nan, f"expected one number and got {got.numel()}: add up the k shares"
    value = number(got)
    if value is None:
        return math.nan, f"expected one number from your function, and got {kind(got)}"
    return value, None


CHECKS = {"8.1": check_8_1, "8.2": check_8_2, "8.3": check_8_3, "8.4": check_8_4}
