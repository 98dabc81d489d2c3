"""The checks of chapter 2: right answers pass, and each typical mistake is named."""

import json
import math
from pathlib import Path

import pytest
import torch

from llmlab.exercises import chapter_02

CHAPTER = Path(__file__).parent.parent / "chapters" / "02_training.ipynb"


def descent(*, move=lambda x, rate, slope: x - rate * slope, first=0, last=None, fixed=False):
    """my_descent(gradient, start, rate, steps), with a place for every mistake."""

    def walk(gradient, start, rate, steps):
        places = [start]
        for _ in range(steps):
            slope = gradient(start if fixed else places[-1])
            places.append(move(places[-1], rate, slope))
        return places[first:last]

    return walk


def backward(*, factor=2, awake=lambda s: s > 0, hidden=lambda s: max(s, 0), by=lambda v: v,
             change=lambda w, b, v: (w, b, v)):  # fmt: skip
    """my_backward(x, w, b, v, target), with a place for every mistake."""

    def gradients(x, w, b, v, target):
        total = w * x + b
        by_output = factor * (v * max(total, 0) - target)
        by_sum = by_output * by(v) * awake(total)
        return change(by_sum * x, by_sum, by_output * hidden(total))

    return gradients


def by_torch(x, w, b, v, target):
    w, b, v = (torch.tensor(number, requires_grad=True) for number in (w, b, v))
    loss = (v * torch.relu(w * x + b) - target) ** 2
    return torch.stack(torch.autograd.grad(loss, (w, b, v)))


RIGHT = {
    "2.1": [[6.5, -9, 1.9], torch.tensor([6.5, -9.0, 1.9])],
    "2.2": [2 * math.log(2), 1.39, "1.386"],
    "2.3": [[300, math.exp(1.1)], [300, 3.0], (300, 3.004)],
    "2.4": [descent(), lambda *given: torch.tensor(descent()(*given))],
    "2.5": [backward(), by_torch],
}

WRONG = {
    "2.1": [
        ([13, -18, 2.8], "the loss is the mean"),
        ([-2.5, -9, 1.9], "square the errors"),
        ([-6.5, -9, 1.9], "never negative"),
        ([2.5, -9, 1.9], "without their signs"),
        ([6.25, -9, 1.9], "square of the mean"),
        ([7, -9, 1.9], "two errors, squared"),
        ([6.5, 9, 0.1], "lost its sign"),
        ([6.5, -18, 2.8], "the gradient is a mean too"),
        ([6.5, -4.5, 1.45], "factor 2"),
        ([6.5, -5, 1.5], "its own input"),
        ([6.5, -7, 1.7], "the gradient is another"),
        ([6.5, -9, 0.1], "against the gradient"),
        ([6.5, -9, 10], "multiply the gradient by the rate"),
        ([6.5, -9, -0.9], "only the step"),
        ([6.5, -9, 0.9], "minus a negative"),
        ([6.5, -9, 3], "the new weight is old minus"),
        ([6.5, -9], "expected three numbers"),
    ],
    "2.2": [
        (-1.386, "the sign"),
        (4.159, "divide by three"),
        (2.0, "base 2"),
        (0.602, "base 10"),
        (1.232, "loss of the mean share"),
        (0.708, "what is missing to 1"),
        (4.0, "the perplexity"),
        (5, "is another"),
        ("much", "expected one number"),
    ],
    "2.3": [
        ([500, 3.0], "new text is what counts"),
        ([3, 3.0], "a column's place"),
        ([200, 3.0], "at another step it is lower"),
        ([300, 1.1], "a ratio of perplexities"),
        ([300, 1.44], "you divided the losses"),
        ([300, math.exp(3.6)], "the perplexity at the end"),
        ([300, math.exp(-1.1)], "the other way round"),
        ([300, 2**1.1], "powers of 2"),
        ([300, 7], "divide e to the power"),
        (300, "expected two numbers"),
    ],
    "2.4": [
        (descent(move=lambda x, r, s: x + r * s), "you go up"),
        (descent(move=lambda x, r, s: x - s), "the rate does nothing"),
        (descent(fixed=True), "that of the start at every step"),
        (descent(move=lambda x, r, s: x - s / r), "divide by the rate"),
        (descent(move=lambda x, r, s: x - r), "the rate alone"),
        (descent(move=lambda x, r, s: r * s), "not the place"),
        (descent(first=1), "the start is missing"),
        (descent(last=-1), "one step is missing"),
        (descent(first=2), "and not 3"),
        (lambda *given: descent()(*given)[-1], "not only the last"),
        (descent(move=lambda x, r, s: x - 2 * r * s), "leads to 1.4, not 1.8"),
        (lambda *given: "down", "expected a list"),
        (lambda *given: None, "returns nothing"),
        ([1, 2], "expected a function"),
    ],
    "2.5": [
        (backward(awake=lambda s: True), "nothing comes back"),
        (backward(hidden=lambda s: s), "v has no gradient"),
        (backward(factor=1), "factor 2"),
        (backward(factor=-2), "the signs"),
        (backward(by=lambda v: 1), "leads through v"),
        (backward(change=lambda w, b, v: (b, b, v)), "multiplied by x"),
        (backward(hidden=lambda s: 1), "so is its gradient"),
        (lambda x, *rest: backward(hidden=lambda s: x)(x, *rest), "and not by x"),
        (backward(change=lambda w, b, v: (v, b, w)), "their order"),
        (backward(change=lambda w, b, v: (w + 1, b, v)), "the gradient by w is another"),
        (backward(change=lambda w, b, v: (w, b)), "expected three numbers"),
        (lambda *given: 1 / 0, "stopped with ZeroDivisionError"),
        (backward()(2.0, 0.5, 1.0, 3.0, 4.0), "expected a function"),
    ],
}


def test_the_references_agree_with_pytorch():
    for case in chapter_02.CASES:
        assert list(backward()(*case)) == pytest.approx(by_torch(*case).tolist())
    weight = torch.tensor(chapter_02.WEIGHT, requires_grad=True)
    inputs, targets = torch.tensor(chapter_02.EXAMPLES).T
    loss = torch.nn.functional.mse_loss(weight * inputs, targets)
    loss.backward()
    after = chapter_02.WEIGHT - chapter_02.RATE * weight.grad.item()
    assert [loss.item(), weight.grad.item(), after] == pytest.approx(RIGHT["2.1"][0])


def test_one_case_has_a_silent_neuron():
    silent = [w * x + b <= 0 for x, w, b, _, _ in chapter_02.CASES]
    assert silent == [False, False, True]


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    for x, target in chapter_02.EXAMPLES:
        assert f"input {x:g}, wanted {target:g}" in prose
    rate, weight = chapter_02.RATE, chapter_02.WEIGHT
    assert f"the weight is {weight:g} and the learning rate {rate:g}" in prose
    shares = [f"{share:g}" for share in chapter_02.SHARES]
    assert f"the shares {shares[0]}, {shares[1]} and {shares[2]}" in prose
    for name, row in (
        ("step", chapter_02.STEPS),
        ("training loss", chapter_02.TRAINING_LOSSES),
        ("held-out loss", chapter_02.HELD_OUT_LOSSES),
    ):
        assert f"| {name} | {' | '.join(f'{number:g}' for number in row)} |" in prose
