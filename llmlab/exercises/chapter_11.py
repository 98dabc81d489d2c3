"""Checks of chapter 11, dropout."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from .answers import CLOSE, call, call_for_tensor, kind, near, number, numbers, sample

# Exercise 11.1, numbers chosen: what a layer hands on, p, and the places (from 0) it drops.
VALUES, P, DROPPED = torch.tensor([4.0, -2.0, 8.0, 1.0, 6.0]), 0.2, (1, 4)

# Exercise 11.2: neurons of a layer, and p.
NEURONS, DROP_SHARE = 8, 0.25

ROUNDED = 0.006  # a number given to two decimals


def check_11_1(answer: Any) -> str | None:
    """A mask by hand."""
    row = numbers(answer)
    if row is None or len(row) != len(VALUES):
        return f"expected five numbers, one for each place, and got {kind(answer)}"
    kept = torch.ones(len(VALUES))
    kept[list(DROPPED)] = 0
    right = VALUES * kept / (1 - P)
    if near(row, right, ROUNDED):
        return None
    mistakes = {
        "the right ones are dropped; now divide the kept ones by 1 - p": VALUES * kept,
        "you multiplied the kept ones by 1 - p: divide by it, so that averages stay":
            VALUES * kept * (1 - P),
        "you divided by p: divide by the probability of being kept, 1 - p": VALUES * kept / P,
        "you kept the second and the fifth and dropped the others": VALUES * (1 - kept) / (1 - P),
        "you scaled all five, and dropped none": VALUES / (1 - P),
        "you multiplied the kept ones by 1 + p: divide by 1 - p": VALUES * kept * (1 + P),
        "you scaled by what was left of these five: the scale is 1 / (1 - p), whatever the "
        "mask is": VALUES * kept * len(VALUES) / (len(VALUES) - len(DROPPED)),
    }
    for message, wrong in mistakes.items():
        if near(row, wrong, ROUNDED):
            return message
    wrong = [str(i + 1) for i in DROPPED if row[i] != 0]
    if wrong:
        return f"number {' and '.join(wrong)} must be 0: it is dropped"
    return "the dropped ones are 0, but the kept ones are not what they were divided by 1 - p"


def check_11_2(answer: Any) -> str | None:
    """How many are dropped on average, and how often none is."""
    row = numbers(answer)
    if row is None or len(row) != 2:
        return f"expected two numbers, a count and a probability, and got {kind(answer)}"
    count, none = row.tolist()
    right_count, right_none = NEURONS * DROP_SHARE, (1 - DROP_SHARE) ** NEURONS
    if abs(count - right_none) < ROUNDED and abs(none - right_count) < ROUNDED:
        return "right, but in the other order: first how many, then the probability"
    if abs(count - NEURONS * (1 - DROP_SHARE)) < ROUNDED:
        return "this is how many are kept on average: asked is how many are dropped"
    if abs(count - DROP_SHARE) < ROUNDED:
        return "this is the share that is dropped: of eight neurons, how many is that"
    if abs(count - right_count) >= ROUNDED:
        return "the first number: each of eight is dropped with probability 0.25, so on average"
    if abs(none - right_none) < ROUNDED:
        return None
    if none == 0:
        return "the second number is not 0: eight coins may all say keep"
    mistakes = [
        ("this is the probability that all are dropped: asked is none", DROP_SHARE**NEURONS, 4e-5),
        ("this is per cent: give a probability between 0 and 1", 100 * right_none, 0.6),
        ("this is the probability that at least one is dropped", 1 - right_none, ROUNDED),
        ("this is the probability that one neuron is kept: all eight must be", 1 - DROP_SHARE,
         ROUNDED),
        ("you multiplied 8 by a probability: the coins must all say keep, so multiply the eight "
         "probabilities with each other", NEURONS * (1 - DROP_SHARE), ROUNDED),
    ]
    for message, wrong, within in mistakes:
        if abs(none - wrong) < within:
            return message
    return "the first number is right; the second is 0.75 times itself, once for each neuron"


def check_11_3(answer: Any) -> str | None:
    """my_dropout(x, p, training)."""
    large = sample(200, 250)
    large[large == 0] = 1.0  # so that a 0 in the result was dropped
    for p in (0.3, 0.8):
        mistake = _dropout_mistake(answer, large, p)
        if mistake:
            return mistake
    before = large.clone()
    call(answer, before, 0.5, True)
    if not torch.equal(before, large):
        return "your function changes the numbers it was given: make a new tensor, no *= "
    for p, training, words in ((0.3, False, "in evaluation mode"), (0.0, True, "with p = 0")):
        got, problem = call_for_tensor(answer, large.clone(), p, training)
        if problem:
            return f"{words}: {problem}"
        if not near(got, large):
            return f"{words} the numbers must come back as they are"
    cube, problem = call_for_tensor(answer, sample(2, 3, 4), 0.5, True)
    if problem or cube.shape != (2, 3, 4):
        return f"right for a table, but not for shape (2, 3, 4): {problem or 'the shape is lost'}"
    return None


def _dropout_mistake(answer: Any, x: Tensor, p: float) -> str | None:
    """None, or which way of going wrong gives such a result."""
    got, problem = call_for_tensor(answer, x.clone(), p, True)
    if problem:
        return problem
    if got.shape != x.shape:
        return f"expected a tensor of shape {tuple(x.shape)}, and got {tuple(got.shape)}"
    dropped = got == 0
    share = dropped.float().mean().item()
    if share == 0:
        return "nothing is dropped in training mode"
    for axis, name in ((1, "row"), (0, "column")):
        whole = dropped.all(axis) | ~dropped.any(axis)
        if whole.all():
            return f"you drop whole {name}s: every number has a coin of its own"
    if abs(share - (1 - p)) < 0.02:
        dropped_share = f"{100 * share:.0f} % are dropped"
        return f"with p = {p:g}, {dropped_share}: p is the share to drop, not to keep"
    if abs(share - p) >= 0.02:
        return f"with p = {p:g}, {100 * share:.0f} % of 50,000 numbers are dropped"
    kept = ~dropped
    for message, factor in {
        "": 1 / (1 - p),
        "the right share is dropped; now divide the kept ones by 1 - p": 1.0,
        "you multiply the kept ones by 1 - p: divide by it": 1 - p,
        "you divide the kept ones by p: divide by 1 - p": 1 / p,
    }.items():
        if near(got[kept], x[kept] * factor, 1e-4 / p):
            break
    else:
        return "the kept numbers are not the old ones divided by 1 - p"
    if message:
        return message
    again, problem = call_for_tensor(answer, x.clone(), p, True)
    if problem is None and torch.equal(again, got):
        return "two calls drop the same numbers: every call needs new coins, so set no seed inside"
    return None


def check_11_4(answer: Any) -> str | None:
    """average_of_thinned(values, weights, bias, p)."""
    cases = (
        ([3.0, 6.0, 9.0], [2.0, 1.0, -1.0], -4.0, 0.25),  # below 0 on average
        ([1.0, 2.0], [0.5, -1.5], 2.0, 0.5),
        ([2.0, -1.0, 0.5, 4.0], [1.0, 2.0, -3.0, 0.25], 0.5, 0.1),
        ([5.0], [1.0], 0.0, 0.0),
    )
    for case in cases:
        got, problem = call(answer, *case)
        if problem:
            return problem
        value = number(got)
        if value is None:
            return f"expected one number from your function, and got {kind(got)}"
        if abs(value - thinned_average(*case)) > CLOSE:
            return _thinned_mistake(value, *case)
    return None


def thinned_average(values, weights, bias, p, *, scaled=True, bend=True, even=False) -> float:
    """The average over all masks, each with its probability; the switches make mistakes."""
    n, total = len(values), 0.0
    for mask in itertools.product((1, 0), repeat=n):
        kept = sum(mask)
        chance = 0.5**n if even else (1 - p) ** kept * p ** (n - kept)
        reaching = sum(m * v * w for m, v, w in zip(mask, values, weights))
        output = reaching / (1 - p if scaled else 1) + bias
        total += chance * (max(output, 0) if bend else output)
    return total


def _thinned_mistake(got: float, values, weights, bias, p) -> str:
    case = (values, weights, bias, p)
    sums = thinned_average(*case, bend=False)
    products = sum(v * w for v, w in zip(values, weights))
    after = bias / (1 - p) + products / (1 - p)
    mistakes = {
        "this is ReLU of the average: take ReLU for each mask, and then average": max(sums, 0),
        "there is no ReLU in it: a sum below 0 becomes 0, mask by mask": sums,
        "the kept values are not scaled: divide them by 1 - p":
            thinned_average(*case, scaled=False),
        "you counted all masks alike: each has its probability, (1 - p)**k * p**(n - k)":
            thinned_average(*case, even=True),
        "you took p for the probability to keep: p is the probability to drop":
            thinned_average(values, weights, bias, 1 - p) if p else after,
        "the bias is scaled too: no mask touches it": _scaled_bias(*case),
        "the bias is missing": thinned_average(values, weights, 0.0, p),
        "this is the sum over the masks: multiply each by its probability":
            2 ** len(values) * thinned_average(*case, even=True),
    }
    for message, wrong in mistakes.items():
        if abs(got - wrong) < CLOSE:
            return message
    return (
        f"for values {values}, weights {weights}, bias {bias:g} and p = {p:g} the average is "
        f"{thinned_average(*case):.3f}, not {got:.3f}"
    )


def _scaled_bias(values, weights, bias, p) -> float:
    return thinned_average(values, weights, bias / (1 - p), p)


CHECKS = {"11.1": check_11_1, "11.2": check_11_2, "11.3": check_11_3, "11.4": check_11_4}
