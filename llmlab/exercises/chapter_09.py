"""Checks of chapter 9, residual connections."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .answers import call_for_tensor, kind, near, numbers, sample

# Exercise 9.1, numbers chosen: the vector that enters, and how many layers it goes through.
START, N_LAYERS = torch.tensor([4.0, 2.0]), 2

# Exercise 9.2: the slope of each f, and how many layers stand behind one another.
SLOPE, DEPTH = 0.05, 30

ROUNDED = 0.006  # a number given to two decimals


def layer_9_1(x: Tensor) -> Tensor:
    """The f of exercise 9.1: [a, b] becomes [b / 2, -a]."""
    return torch.stack((x[1] / 2, -x[0]))


def check_9_1(answer: Any) -> str | None:
    """Two layers with a residual connection, by hand."""
    row = numbers(answer)
    if row is None or len(row) != 2:
        return f"expected two numbers, the vector after two layers, and got {kind(answer)}"
    first = START + layer_9_1(START)
    right = first + layer_9_1(first)
    if near(row, right, ROUNDED):
        return None
    changed = START.clone()  # each place written as soon as it is known
    for _ in range(N_LAYERS):
        changed[0] += changed[1] / 2
        changed[1] -= changed[0]
    mistakes = {
        "this is the vector after one layer: send it through the second": first,
        "you handed on f alone: add the layer's input to it, in each layer":
            layer_9_1(layer_9_1(START)),
        "this is what the second layer adds: add it to the vector that entered that layer":
            layer_9_1(first),
        "both layers read the first vector: the second reads what the first handed on":
            START + 2 * layer_9_1(START),
        "you added the first vector in both layers: each adds the input it was given":
            START + layer_9_1(first),
        "the new first place was used for the second: take both places from the old numbers":
            changed,
        "the places are swapped: f writes b / 2 to the first and -a to the second": right.flip(0),
        "you subtracted what the layers compute: add it": _subtracted(),
    }
    for message, wrong in mistakes.items():
        if near(row, wrong, ROUNDED):
            return message
    return "not these: after one layer the vector is [5, -2]; do the same with that one"


def _subtracted() -> Tensor:
    x = START
    for _ in range(N_LAYERS):
        x = x - layer_9_1(x)
    return x


def check_9_2(answer: Any) -> str | None:
    """How far a change travels through 30 layers, with the sum and without it."""
    row = numbers(answer)
    if row is None or len(row) != 2:
        return f"expected two numbers, with the sum and without it, and got {kind(answer)}"
    given = tuple(torch.as_tensor(answer, dtype=torch.float64).flatten().tolist())
    right = ((1 + SLOPE) ** DEPTH, SLOPE**DEPTH)
    if _close(given, right):
        return None
    if _close(given, right[::-1]):
        return "the order is the other way round: first with the sum, then without it"
    added, replaced = given
    mistakes = [
        ("with the sum: slopes multiply along the way, 1.05 times 1.05, they do not add up",
         added, 1 + DEPTH * SLOPE),
        ("with the sum: 1.05 is one layer, and it is multiplied by itself 30 times",
         added, 1 + SLOPE),
        ("with the sum: you multiplied 1.05 by 30, and it is 1.05 to the power 30",
         added, DEPTH * (1 + SLOPE)),
        ("with the sum: the 1 of each layer is missing, its slope is 1 + 0.05", added, right[1]),
        ("with the sum: you added 1 once, at the end, and each layer adds it", added, 1 + right[1]),
        ("without the sum: slopes are multiplied, not added", replaced, DEPTH * SLOPE),
        ("without the sum: 0.05 is one layer, and it is multiplied by itself 30 times",
         replaced, SLOPE),
    ]  # fmt: skip
    for message, got, wrong in mistakes:
        if _close((got,), (wrong,)):
            return message
    if replaced == 0:
        return "without the sum: very small, but not 0: it is 0.05 to the power 30"
    part = "without the sum" if _close((added,), right[:1]) else "with the sum"
    return f"{part}: multiply the slope of one layer by itself, once for each of the 30 layers"


def _close(given: tuple[float, ...], expected: tuple[float, ...]) -> bool:
    """Whether numbers agree to three digits, however small they are."""
    return all(abs(one - other) <= 0.006 * abs(other) for one, other in zip(given, expected))


def check_9_3(answer: Any) -> str | None:
    """run_stack(x, sublayers, norm): a stack in the pre-norm form."""
    x = sample(3, 4)
    kept = x.clone()
    got, problem = call_for_tensor(answer, x, _sublayers(), _norm)
    if problem:
        return problem
    if not torch.equal(x, kept):
        return "your function changes the x it was given: x = x + … makes a new one, x += … does not"
    if got.shape != x.shape:
        return f"expected a stream of the shape of x, {tuple(x.shape)}, and got {tuple(got.shape)}"
    right = _stack(x, lambda x, f: x + f(_norm(x)))
    if not near(got, right):
        return _stack_mistake(got, x)
    got, problem = call_for_tensor(answer, x, [], _norm)
    if problem or not near(got, x):
        return "right, except with no sub-layers at all: then x must come out as it went in"
    return None


def _stack_mistake(got: Tensor, x: Tensor) -> str:
    forward = _sublayers()
    mistakes = {
        "the sum is missing: hand on x plus what the sub-layer returns":
            _stack(x, lambda x, f: f(_norm(x))),
        "the norm is missing: each sub-layer reads the norm of x": _stack(x, lambda x, f: x + f(x)),
        "this is post-norm: the norm stands on what the sub-layer reads, not on the sum":
            _stack(x, lambda x, f: _norm(x + f(x))),
        "the norm stands on the stream itself: add to x, and not to the norm of x":
            _stack(x, lambda x, f: _norm(x) + f(_norm(x))),
        "the norm stands on what comes back: it belongs on what the sub-layer reads":
            _stack(x, lambda x, f: x + _norm(f(x))),
        "every sub-layer read the first x: each reads the stream that the one before left":
            x + sum(f(_norm(x)) for f in forward),
        "only the first sub-layer ran: return after the loop, not inside it":
            x + forward[0](_norm(x)),
        "the sub-layers ran in the other order: take the list from its beginning":
            _stack(x, lambda x, f: x + f(_norm(x)), forward[::-1]),
        "there is one norm too many: the stream at the end is returned as it is":
            _norm(_stack(x, lambda x, f: x + f(_norm(x)))),
    }
    for message, wrong in mistakes.items():
        if near(got, wrong):
            return message
    return "not the pre-norm form: for each sub-layer, x becomes x plus the sub-layer of norm(x)"


def _sublayers() -> list:
    return [torch.tanh, lambda x: 0.5 * x.flip(-1), lambda x: x.square() - 1]


def _norm(x: Tensor) -> Tensor:
    return x / (x.norm(dim=-1, keepdim=True) + 0.1)


def _stack(x: Tensor, layer, sublayers: list | None = None) -> Tensor:
    for sublayer in _sublayers() if sublayers is None else sublayers:
        x = layer(x, sublayer)
    return x


def check_9_4(answer: Any) -> str | None:
    """change_sizes(stream): how much each layer adds, beside what it was given."""
    stream = sample(5, 6).cumsum(0)
    got, problem = call_for_tensor(answer, stream.clone())
    if problem:
        return problem
    added, given = stream[1:] - stream[:-1], stream[:-1].norm(dim=-1)
    right = added.norm(dim=-1) / given
    if near(got, right):
        return None
    sizes = stream.norm(dim=-1)
    mistakes = {
        "these are differences of sizes: take the difference of the vectors first, then its size":
            (sizes[1:] - sizes[:-1]) / given,
        "these are sizes of differences of sizes: take the difference of the vectors first":
            (sizes[1:] - sizes[:-1]).abs() / given,
        "you divided by the stream after the layer: divide by the one it was given":
            added.norm(dim=-1) / sizes[1:],
        "the division is missing: divide by the size of the stream that the layer was given":
            added.norm(dim=-1),
        "these are how many times as long the stream became: what was added is the difference":
            sizes[1:] / given,
        "you divided by the embedding's size each time: divide by what each layer was given":
            added.norm(dim=-1) / sizes[0],
        "these are squares: the size is the root of the sum of the squares":
            added.square().sum(-1) / stream[:-1].square().sum(-1),
        "these are sums of numbers, whose signs cancel: use .norm(dim=-1)":
            added.sum(-1) / stream[:-1].sum(-1),
        "the ratios are per cent: return them as they are": 100 * right,
    }
    for message, wrong in mistakes.items():
        if near(got, wrong):
            return message
    if got.dim() == 0:
        return "this is one number for the whole stream: give one for each layer, .norm(dim=-1)"
    if got.shape == (6,):
        return "your sizes run along the layers: a row is a vector, so use .norm(dim=-1)"
    if got.shape != right.shape:
        return f"5 rows are 4 layers: expected 4 numbers, and got shape {tuple(got.shape)}"
    return f"the first layer's ratio should be {right[0]:.3f}, and yours is {got[0].item():.3f}"


CHECKS = {"9.1": check_9_1, "9.2": check_9_2, "9.3": check_9_3, "9.4": check_9_4}
