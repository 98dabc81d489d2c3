"""Checks of chapter 2, training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from .answers import CLOSE, call, kind, near, number, numbers

# Exercise 2.1, numbers chosen: examples (input, wanted output), the weight, the learning rate.
EXAMPLES, WEIGHT, RATE = ((1.0, 4.0), (3.0, 5.0)), 1.0, 0.1

# Exercise 2.2, numbers chosen: the shares that three right tokens got.
SHARES = (0.5, 0.25, 0.125)

# Exercise 2.3, numbers chosen: losses of a training at these steps.
STEPS = (0, 100, 200, 300, 400, 500)
TRAINING_LOSSES = (5.7, 2.0, 0.9, 0.4, 0.2, 0.1)
HELD_OUT_LOSSES = (5.7, 3.4, 2.6, 2.5, 2.9, 3.6)

# Exercise 2.5: (x, w, b, v, target); in the last the neuron is silent.
CASES = ((2.0, 0.5, 1.0, 3.0, 4.0), (3.0, -1.0, 5.0, -2.0, 1.0), (2.0, -1.5, 1.0, 3.0, 4.0))

ROUNDED = 0.006  # a number given to two decimals


def check_2_1(answer: Any) -> str | None:
    """Loss, gradient and the new weight of one step, with mean squared error."""
    row = numbers(answer)
    if row is None or len(row) != 3:
        return f"expected three numbers, loss, gradient and new weight, and got {kind(answer)}"
    errors = [WEIGHT * x - target for x, target in EXAMPLES]
    n = len(errors)
    loss = sum(error**2 for error in errors) / n
    gradient = sum(2 * error * x for error, (x, _) in zip(errors, EXAMPLES)) / n
    given_loss, given_gradient, given_weight = row.tolist()
    losses = {
        "the loss is the mean: divide the sum of the squares by the number of examples": n * loss,
        "square the errors before you add them": sum(errors) / n,
        "the loss is never negative: the square of a negative number is positive": -loss,
        "these are the errors without their signs: square them": sum(map(abs, errors)) / n,
        "square first, then take the mean: this is the square of the mean error":
            (sum(errors) / n) ** 2,
    }
    if abs(given_loss - loss) > ROUNDED:
        return _named(given_loss, losses) or "the loss is another: two errors, squared, their mean"
    gradients = {
        "the loss is right; the gradient has lost its sign: both errors are below zero": -gradient,
        "the loss is right; the gradient is a mean too: divide by the number of examples":
            n * gradient,
        "the loss is right; a square's slope has a factor 2": gradient / 2,
        "the loss is right; each error is multiplied by its own input": 2 * sum(errors) / n,
    }
    if abs(given_gradient - gradient) > ROUNDED:
        return _named(given_gradient, gradients) or (
            "the loss is right, the gradient is another: the mean of 2 × error × input"
        )
    weights = {
        "loss and gradient are right; the step goes against the gradient: subtract it":
            WEIGHT + RATE * gradient,
        "loss and gradient are right; multiply the gradient by the rate": WEIGHT - gradient,
        "loss and gradient are right; this is only the step: take it from the old weight":
            RATE * gradient,
        "loss and gradient are right; minus a negative number is plus": -RATE * gradient,
    }
    if abs(given_weight - (WEIGHT - RATE * gradient)) > ROUNDED:
        return _named(given_weight, weights) or (
            "loss and gradient are right; the new weight is old minus rate × gradient"
        )
    return None


def check_2_2(answer: Any) -> str | None:
    """The mean cross-entropy of three predictions."""
    given = number(answer)
    if given is None:
        return f"expected one number, the mean loss, and got {kind(answer)}"
    losses = [-math.log(share) for share in SHARES]
    right = sum(losses) / len(losses)
    mistakes = {
        "the sign: the logarithm of a share is below zero, and the loss is its opposite": -right,
        "this is the sum of the three losses: divide by three": sum(losses),
        "these are logarithms to base 2: the loss in nats takes math.log": right / math.log(2),
        "these are logarithms to base 10: the loss in nats takes math.log": right / math.log(10),
        "this is the loss of the mean share: take the logarithm of each, then the mean":
            -math.log(sum(SHARES) / len(SHARES)),
        "this is the mean of what is missing to 1: take −ln of each share":
            1 - sum(SHARES) / len(SHARES),
        "this is e to the power of the loss, the perplexity: the loss itself is asked for":
            math.exp(right),
    }
    if abs(given - right) < ROUNDED:
        return None
    return _named(given, mistakes) or "the mean of three numbers, each −ln of a share, is another"


def check_2_3(answer: Any) -> str | None:
    """Where to stop, and how much less sure the last checkpoint is."""
    row = numbers(answer)
    if row is None or len(row) != 2:
        return f"expected two numbers, a step and a ratio of perplexities, and got {kind(answer)}"
    step, ratio = row.tolist()
    best = min(range(len(STEPS)), key=HELD_OUT_LOSSES.__getitem__)
    least, last = HELD_OUT_LOSSES[best], HELD_OUT_LOSSES[-1]
    if step != STEPS[best]:
        if step == STEPS[-1]:
            return "the training loss is lowest there, but new text is what counts"
        if step == best:
            return f"this is a column's place: give the step that stands over it, {STEPS[best]}"
        return "look for the lowest held-out loss: at another step it is lower"
    mistakes = {
        "the step is right; a difference of losses is a ratio of perplexities: e to its power":
            last - least,
        "the step is right; you divided the losses: perplexities are powers of e": last / least,
        "the step is right; this is the perplexity at the end: divide it by that at your step":
            math.exp(last),
        "the step is right; the other way round: the end divided by your step":
            math.exp(least - last),
        "the step is right; these are powers of 2: losses in nats take powers of e":
            2 ** (last - least),
    }
    if abs(ratio - math.exp(last - least)) < 0.06:
        return None
    return _named(ratio, mistakes, 0.02) or (
        "the step is right; divide e to the power of one held-out loss by that of the other"
    )


def check_2_4(answer: Any) -> str | None:
    """my_descent(gradient, start, rate, steps): every place on the way."""
    valleys = ((3.0, 1.0, 0.1, 4), (-2.0, 5.0, 0.25, 3), (0.0, 1.0, 2.0, 2))
    for middle, start, rate, steps in valleys:

        def gradient(x: float, middle: float = middle) -> float:
            return 2 * (x - middle)

        got, problem = call(answer, gradient, start, rate, steps)
        if problem:
            return problem
        if number(got) is not None and not isinstance(got, list | tuple):
            return "return all places in a list, the start first, and not only the last"
        row = numbers(got)
        if row is None:
            return f"expected a list of numbers from your function, and got {kind(got)}"
        mistake = _descent_mistake(row, gradient, start, rate, steps)
        if mistake:
            return mistake
    return None


def _descent_mistake(row, gradient: Callable, start: float, rate: float, steps: int) -> str | None:
    right = _walk(start, steps, lambda x: x - rate * gradient(x))
    if near(row, right):
        return None
    if near(row, right[1:]):
        return "the start is missing: it comes first in the list"
    if near(row, right[:-1]):
        return f"one step is missing: {steps} steps make {steps + 1} places, with the start"
    if len(row) != steps + 1:
        return f"{steps} steps make {steps + 1} places, with the start, and not {len(row)}"
    once = gradient(start)
    mistakes = {
        "you go up the slope: subtract rate × gradient": lambda x: x + rate * gradient(x),
        "the rate does nothing: multiply the gradient by it": lambda x: x - gradient(x),
        "the gradient is that of the start at every step: ask for it again where you are":
            lambda x: x - rate * once,
        "you divide by the rate: multiply the gradient by it": lambda x: x - gradient(x) / rate,
        "you subtract the rate alone: multiply it by the gradient": lambda x: x - rate,
        "this is the step, not the place: take it from the old place":
            lambda x: rate * gradient(x),
    }
    for message, move in mistakes.items():
        if near(row, _walk(start, steps, move)):
            return message
    first, given = right[1].item(), row[1].item()
    return f"from {start:g} with rate {rate:g} the first step leads to {first:g}, not {given:g}"


def _walk(start: float, steps: int, move: Callable[[float], float]) -> torch.Tensor:
    places = [start]
    for _ in range(steps):
        places.append(move(places[-1]))
    return torch.tensor(places)


def check_2_5(answer: Any) -> str | None:
    """my_backward(x, w, b, v, target): gradients of (v · ReLU(w x + b) − target)² by w, b, v."""
    for case in CASES:
        got, problem = call(answer, *case)
        if problem:
            return problem
        row = numbers(got)
        if row is None or len(row) != 3:
            return "expected three numbers from your function: the gradients by w, by b and by v"
        mistake = _backward_mistake(row, *case)
        if mistake:
            return mistake
    return None


def _backward_mistake(row, x: float, w: float, b: float, v: float, target: float) -> str | None:
    total = w * x + b
    hidden, awake = max(total, 0.0), float(total > 0)
    by_output = 2 * (v * hidden - target)
    by_sum = by_output * v * awake
    right = torch.tensor([by_sum * x, by_sum, by_output * hidden])
    if near(row, right):
        return None
    asleep = by_output * v
    mistakes = {
        "for a sum below 0, ReLU hands nothing on, so nothing comes back to w and b either":
            [asleep * x, asleep, by_output * hidden],
        "for a sum below 0, the neuron gave v the number 0: v has no gradient then":
            [by_sum * x, by_sum, by_output * total],
        "a square's slope has a factor 2": (right / 2).tolist(),
        "the signs are the other way round: the error is output minus target": (-right).tolist(),
        "the way back from the output to the neuron leads through v: multiply by it":
            [by_output * awake * x, by_output * awake, by_output * hidden],
        "the weight w was multiplied by x: so is its gradient":
            [by_sum, by_sum, by_output * hidden],
        "v was multiplied by what the neuron gave: so is its gradient":
            [by_sum * x, by_sum, by_output],
        "v was multiplied by what the neuron gave, after ReLU, and not by x":
            [by_sum * x, by_sum, by_output * x],
        "the gradients are right, their order is not: by w, by b, by v": right.flip(0).tolist(),
    }
    for message, wrong in mistakes.items():
        if near(row, torch.tensor(wrong)):
            return message
    names = ("w", "b", "v")
    wrong_names = [n for n, one, other in zip(names, row, right) if abs(one - other) > CLOSE]
    return (
        f"with x={x:g}, w={w:g}, b={b:g}, v={v:g}, target={target:g} the gradient by "
        f"{' and by '.join(wrong_names)} is another: go back from the loss, one operation at a time"
    )


def _named(given: float, mistakes: dict[str, float], within: float = ROUNDED) -> str | None:
    """The message of the mistake that gives this number."""
    return next((m for m, wrong in mistakes.items() if abs(given - wrong) < within), None)


CHECKS = {
    "2.1": check_2_1,
    "2.2": check_2_2,
    "2.3": check_2_3,
    "2.4": check_2_4,
    "2.5": check_2_5,
}
