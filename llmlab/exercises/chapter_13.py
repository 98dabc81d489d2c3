"""Checks of chapter 13, positional embeddings."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .answers import call, kind, near, number, numbers, whole_numbers

# Exercise 13.1: one row of the sinusoid table.
POSITION, WIDTH = 7, 4

# Exercise 13.2: the networks whose output is the same in both orders.
BLIND = frozenset("ab")
NETWORKS = "abcde"

# Exercise 13.3, numbers chosen: a query and a key, where they stand, and what a step turns.
QUERY, KEY = (2.0, 0.0), (1.0, 3.0)
QUERY_POSITION, KEY_POSITION = 9, 7
STEP = 30  # degrees

# Exercise 13.4: a head's rotary positions.
D_HEAD, BASE, CONTEXT = 64, 10_000, 1024

ROUNDED = 0.006  # a number given to two decimals


def check_13_1(answer: Any) -> str | None:
    """Two sines and two cosines: a row of the sinusoid table."""
    row = numbers(answer)
    if row is None or len(row) != WIDTH:
        return f"expected four numbers, one row of the table, and got {kind(answer)}"
    if near(row, _sinusoids(POSITION), ROUNDED):
        return None
    fast, slow = POSITION, POSITION / 100
    halves = [math.sin(fast), math.sin(slow), math.cos(fast), math.cos(slow)]
    swapped = [math.cos(fast), math.sin(fast), math.cos(slow), math.sin(slow)]
    degrees = _sinusoids(math.radians(POSITION))
    mistakes = {
        "this is the position before: positions count from 0, so position 7 turns by 7 radians":
            _sinusoids(POSITION - 1),
        "this is the position after: position 7 turns by 7 radians": _sinusoids(POSITION + 1),
        "sine and cosine have changed places: the sine comes first in each pair": swapped,
        "both sines stand before both cosines: put each cosine beside its sine": halves,
        "you took degrees: the angles are in radians": degrees,
        "both hands turn at one speed: the slow one turns a hundred times more slowly":
            [math.sin(fast), math.cos(fast)] * 2,
        "the slow hand turns 10,000 times more slowly here: the power is -2/4, which gives 0.01":
            _sinusoids(POSITION, slowness=10_000),
        "the slow hand turns 10 times more slowly here: the power is -2/4, not -1/4":
            _sinusoids(POSITION, slowness=10),
    }
    for message, wrong in mistakes.items():
        # The slow pair of two neighbouring positions differs by 0.01: compare closely.
        if near(row, torch.as_tensor(wrong), 0.005):
            return message
    if row.abs().max() > 1:
        return "no sine and no cosine is larger than 1, and one of yours is"
    if near(row[:2], _sinusoids(POSITION)[:2], ROUNDED):
        return "the fast hand is right, the slow one is not: its angle is 0.07 radians"
    if near(row[2:], _sinusoids(POSITION)[2:], ROUNDED):
        return "the slow hand is right, the fast one is not: its angle is 7 radians"
    return "neither hand is right: their angles are 7 and 0.07 radians"


def _sinusoids(position: float, slowness: float = 100) -> Tensor:
    """Sine and cosine of the fast hand, then of one that is slower: (4,)"""
    angles = (position, position / slowness)
    return torch.tensor([f(angle) for angle in angles for f in (math.sin, math.cos)])


def check_13_2(answer: Any) -> str | None:
    """The letters of the networks that cannot tell 狗咬人 from 咬狗人 at the last word."""
    if isinstance(answer, list | tuple | set):
        letters = "".join(map(str, answer))
    elif isinstance(answer, str):
        letters = answer
    else:
        return f'expected a string of letters, such as "ce", and got {kind(answer)}'
    given = {letter for letter in letters.lower() if letter.isalpha()}
    if not given or given - set(NETWORKS):
        return f"the networks are the letters a to e, and this is {letters!r}"
    if given == BLIND:
        return None
    if given == set(NETWORKS) - BLIND:
        return "this is the other way round: these are the networks that can tell"
    reasons = {
        "c": "c can tell: in its first layer 咬 has seen 狗 in one sentence only, and 人 reads 咬 "
             "in the second",
        "d": "d can tell: rotary scores depend on the distance, with a mask or without",
        "e": "e can tell: the sinusoids added to 狗 and 咬 are others in each sentence",
    }
    for letter, reason in reasons.items():
        if letter in given:
            return reason
    if "a" in given:
        return (
            "one is missing: with a mask and one layer, 人 sees the same two words in both "
            "sentences, and nothing of their order"
        )
    return (
        "one is missing: without mask and positions nothing differs in the first layer, so "
        "nothing does in the sixth"
    )


def check_13_3(answer: Any) -> str | None:
    """The score of a query and a key, each turned by its position."""
    given = number(answer)
    if given is None:
        return f"expected one number, the score, and got {kind(answer)}"
    distance = QUERY_POSITION - KEY_POSITION
    right = _score(distance * STEP)
    if abs(given - right) < ROUNDED:
        return None
    mistakes = {
        "this is the score without any turning": _score(0),
        "this is the score of a key two places after the query: it stands before":
            _score(-distance * STEP),
        "you turned the query alone, by its position: the key turns too":
            _score(QUERY_POSITION * STEP),
        "you turned the key alone, by its position: the query turns too":
            _score(-KEY_POSITION * STEP),
        "you turned by the sum of the positions: their difference counts":
            _score((QUERY_POSITION + KEY_POSITION) * STEP),
        "you turned by one step only: the two stand two steps apart": _score(STEP),
        "you took 60 for radians: give math.cos radians, math.radians(60)":
            _score(math.degrees(distance * STEP)),
        "you divided by the square root of 2: the score before the scale is asked for":
            right / math.sqrt(2),
        "you multiplied by the cosine of the angle: that is right only for vectors that point "
        "the same way": _score(0) * math.cos(math.radians(distance * STEP)),
    }
    for message, wrong in mistakes.items():
        if abs(given - wrong) < ROUNDED:
            return message
    largest = math.hypot(*QUERY) * math.hypot(*KEY)
    if abs(given) > largest + ROUNDED:
        return (
            f"turning keeps lengths, so no score here is above {largest:.2f}, and yours is: "
            "a sign may be wrong"
        )
    return "turn the query by 60 degrees, leave the key, multiply number by number and add"


def _score(degrees: float) -> float:
    """Query · key where the query has been turned this much further than the key."""
    a = math.radians(degrees)
    x, y = QUERY
    turned = (x * math.cos(a) - y * math.sin(a), x * math.sin(a) + y * math.cos(a))
    return sum(q * k for q, k in zip(turned, KEY, strict=True))


def check_13_4(answer: Any) -> str | None:
    """How many pairs of a head come round within the context."""
    given = whole_numbers(answer)
    if given is None or len(given) != 1 or number(answer) != given[0]:
        return f"expected one whole number, a number of pairs, and got {_shown(answer)}"
    count = given[0]
    right = _come_round(lambda i: 2 * math.pi * BASE ** (2 * i / D_HEAD))
    if count == right:
        return None
    mistakes = {
        "these are numbers, two to a pair: count the pairs": 2 * right,
        "these are the pairs that do not come round": D_HEAD // 2 - right,
        "you left out the 2 pi: a pair turns by radians, and a whole turn has 6.28 of them":
            _come_round(lambda i: BASE ** (2 * i / D_HEAD)),
        "this is the number of the last pair that comes round: they count from 0": right - 1,
        "the power is 2i/64: with i/64 the slowest pair would turn far too fast":
            _come_round(lambda i: 2 * math.pi * BASE ** (i / D_HEAD)),
        "the power is 2i/64: with 2i/32 the pairs slow down twice as fast as they do":
            _come_round(lambda i: 2 * math.pi * BASE ** (2 * i / (D_HEAD // 2))),
    }
    for message, wrong in mistakes.items():
        if count == wrong:
            return message
    if not 0 <= count <= D_HEAD // 2:
        return f"a head of {D_HEAD} numbers has {D_HEAD // 2} pairs, and you count {count:,}"
    way = "fewer" if count > right else "more"
    return f"it is {way} than {count}: one turn of pair i takes 2 pi times 10000 ** (2 * i / 64)"


def _come_round(turn: Any) -> int:
    """For how many pairs one turn, in positions, fits in the context."""
    return sum(turn(i) <= CONTEXT for i in range(D_HEAD // 2))


def _shown(answer: Any) -> str:
    return f"{answer}" if isinstance(answer, float) else kind(answer)


def check_13_5(answer: Any) -> str | None:
    """rotate_neighbours(x, angle): pairs (0, 1), (2, 3), … turned."""
    x = torch.tensor([[[1.0, 2.0, 3.0, 5.0], [0.5, -1.0, 2.0, 0.25], [-2.0, 1.0, 0.0, 4.0]]])
    x = torch.cat((x, 1 - 2 * x))  # two texts of three positions
    angle = torch.tensor([[0.3, 1.1], [2.0, -0.7], [0.9, 4.0]])
    given = x.clone()
    got, problem = call(answer, given, angle.clone())
    if problem:
        return problem
    if not isinstance(got, Tensor):
        return f"expected a tensor from your function, and got {kind(got)}"
    if got.shape != x.shape:
        return f"expected the shape of x, {tuple(x.shape)} here, and got {tuple(got.shape)}"
    right = _turned(x, angle)
    if near(got, right):
        if not torch.equal(given, x):
            return "your function changes the x it was given: make a new tensor"
        return _other_sizes_mistake(answer)
    first, second = x[..., 0::2], x[..., 1::2]
    one, other = right[..., 0::2], right[..., 1::2]
    cosine, sine = angle.cos(), angle.sin()
    mistakes = {
        "you turned the other way: first · cos - second · sin, first · sin + second · cos":
            _turned(x, -angle),
        "both signs are plus: the first number gets minus second · sin, or lengths change":
            _pairs(first * cosine + second * sine, first * sine + second * cosine),
        "both signs are minus: only the first number gets a minus, or lengths change":
            _pairs(first * cosine - second * sine, second * cosine - first * sine),
        "sine and cosine have changed places": _turned(x, math.pi / 2 - angle),
        "you turned pairs of halves, number i with number i + d_head / 2: here the neighbours "
        "are pairs": _halves(x, angle),
        "turned rightly, but all first numbers stand before all second ones: put the pairs side "
        "by side again": torch.cat((one, other), dim=-1),
        "the second number was made from the first one that you had already turned: keep the old "
        "one": _pairs(one, one * sine + second * cosine),
        "the angles are in radians": _turned(x, angle * math.pi / 180),
        "nothing has turned": x,
        "the two numbers of a pair have changed places": _pairs(other, one),
        "you turned each position by the angles of the first":
            _turned(x, angle[:1].expand_as(angle)),
        "you turned every pair by the angle of the first":
            _turned(x, angle[:, :1].expand_as(angle)),
    }
    for message, wrong in mistakes.items():
        if near(got, wrong):
            return message
    if not near(got.norm(dim=-1), x.norm(dim=-1), 1e-3):
        return "turning keeps the length of each pair, and yours changes it: look at the signs"
    return "lengths are kept, but these are not the angles: pair i turns by angle[position, i]"


def _other_sizes_mistake(answer: Any) -> str | None:
    """A function that is right for one size may have that size written into it."""
    x = torch.arange(1.0, 31.0).reshape(1, 5, 6).sin()
    angle = torch.arange(15.0).reshape(5, 3) / 4
    got, problem = call(answer, x.clone(), angle)
    if problem or not isinstance(got, Tensor) or not near(got, _turned(x, angle)):
        reason = problem or "other numbers come out"
        return f"right for 4 numbers a position, but not for 6: {reason}"
    return None


def _turned(x: Tensor, angle: Tensor) -> Tensor:
    first, second = x[..., 0::2], x[..., 1::2]
    return _pairs(
        first * angle.cos() - second * angle.sin(), first * angle.sin() + second * angle.cos()
    )


def _halves(x: Tensor, angle: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    turned = _turned(_pairs(first, second), angle)
    return torch.cat((turned[..., 0::2], turned[..., 1::2]), dim=-1)


def _pairs(first: Tensor, second: Tensor) -> Tensor:
    """The numbers side by side, pair by pair."""
    return torch.stack((first, second), dim=-1).flatten(-2)


CHECKS = {
    "13.1": check_13_1,
    "13.2": check_13_2,
    "13.3": check_13_3,
    "13.4": check_13_4,
    "13.5": check_13_5,
}
